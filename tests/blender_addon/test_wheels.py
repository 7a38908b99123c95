# SPDX-License-Identifier: GPL-3.0-or-later
"""One zip a platform: its own wheels for each of Blender's Pythons, pinned as tested, the same bytes twice."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from talksplat.blender_addon.link.blenders_python import MODULES
from talksplat.blender_addon.packing import PARTS, build_platform_zips
from talksplat.blender_addon.wheels import PLATFORMS, PYTHONS, read_pins, requirements

ROOT = Path(__file__).resolve().parents[2]
TAGS = {"linux-x64": "manylinux_2_28_x86_64", "windows-x64": "win_amd64", "macos-arm64": "macosx_14_0_arm64"}


def stand_in_wheels(folder):
    """Empty wheels with the names that pip gives: one for both Pythons, one for each."""
    wheels = {}
    for platform, tag in TAGS.items():
        names = [f"av-18.1.0-cp311-abi3-{tag}.whl", *(f"numba-0.68.1-{p}-{p}-{tag}.whl" for p in ("cp311", "cp313"))]
        wheels[platform] = [folder / name for name in names]
        for path in wheels[platform]:
            path.write_bytes(b"")
    return wheels


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The extension without its large files."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("blender_manifest.toml", "__init__.py", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def archives(tmp_path_factory, source):
    folder = tmp_path_factory.mktemp("zips")
    return build_platform_zips(folder / "dist", stand_in_wheels(folder), source)


def test_each_platform_has_a_zip_with_its_own_wheels(archives):
    assert set(TAGS) == set(PLATFORMS)
    for platform, tag in TAGS.items():
        [archive] = [path for path in archives if path.stem.endswith(platform.replace("-", "_"))]
        with zipfile.ZipFile(archive) as file:
            wheels = sorted(Path(name).name for name in file.namelist() if name.endswith(".whl"))
            manifest = file.read("blender_manifest.toml").decode()
        assert wheels == sorted(path.name for path in stand_in_wheels(archive.parent.parent)[platform])
        assert all(tag in name for name in wheels)
        assert f'platforms = ["{platform}"]' in manifest


def test_the_same_checkout_gives_the_same_bytes(archives, source, tmp_path):
    again = build_platform_zips(tmp_path / "dist", stand_in_wheels(tmp_path), source)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in archives]


def test_the_parts_are_listed_with_their_licences(archives):
    with zipfile.ZipFile(archives[0]) as file:
        parts = json.loads(file.read(PARTS))
    assert parts["metadata"]["component"]["name"] == "talksplat"
    assert {part["name"] for part in parts["components"]} >= set(read_pins())
    for part in parts["components"]:
        assert part["licenses"][0]["license"]["name"]
        if part["type"] == "data":
            assert (ROOT / part["description"].split(": ")[1]).is_file()


def test_what_blenders_python_must_have_is_in_the_zip_or_blenders_own():
    modules = {"pillow": "PIL", "openexr": "OpenEXR"}
    assert set(MODULES) - {"numpy"} == {modules.get(name, name) for name in read_pins()}


def test_the_pins_are_what_is_tested():
    constraints = dict(
        line.lower().split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    )
    for name, pin in read_pins().items():
        assert pin["version"] == constraints[name]
        assert len(pin["sha256"]) in (len(PLATFORMS), len(PLATFORMS) * len(PYTHONS))
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", requirements())) == sum(
        len(pin["sha256"]) for pin in read_pins().values()
    )

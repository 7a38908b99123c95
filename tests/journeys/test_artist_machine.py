# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with nothing but a Blender and the zip: no torch, no home, no network; the head speaks."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("install_and_speak.py")
PLATFORM = {("Linux", "x86_64"): "linux-x64", ("Windows", "AMD64"): "windows-x64", ("Darwin", "arm64"): "macos-arm64"}
BLENDERS_OWN = "bpy", "numpy", "requests", "zstandard", "cattrs", "urllib3", "idna", "certifi", "charset_normalizer"


# Further Pythons with a `bpy`, to go the same way with: paths, separated as PATH is.
OTHERS = [path for path in os.environ.get("TALKSPLAT_BLENDERS", "").split(os.pathsep) if path]
FACTS = """
import bpy, json, sys, sysconfig
version = f"{sys.version_info[0]}.{sys.version_info[1]}"
facts = {"blender": bpy.app.version_string, "version": version, "base": sys._base_executable}
print("FACTS " + json.dumps(facts | {"packages": sysconfig.get_path("platlib")}))
"""


@pytest.fixture(scope="module", params=[sys.executable, *OTHERS], ids=lambda path: Path(path).parents[1].name)
def stand_in(request):
    """What a Python with `bpy`, in place of a Blender, says of itself."""
    said = subprocess.run([request.param, "-c", FACTS], capture_output=True, text=True, check=True, timeout=120).stdout
    return json.loads(next(line[6:] for line in said.splitlines() if line.startswith("FACTS ")))


@pytest.fixture(scope="module")
def archive(stand_in, tmp_path_factory):
    """The zip of this platform, its wheels inside."""
    from talksplat.blender_addon.packing import build_platform_zips
    from talksplat.blender_addon.wheels import fetch_wheels

    name = PLATFORM.get((platform.system(), platform.machine()))
    if name is None:
        pytest.skip(f"no zip is made for {platform.system()} on {platform.machine()}")
    try:
        wheels = fetch_wheels(ROOT / "build" / "wheels", name, (stand_in["version"],))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the wheels cannot be had here: {error.stderr.splitlines()[-1]}")
    [archive] = build_platform_zips(tmp_path_factory.mktemp("dist"), {name: wheels})
    return archive


@pytest.fixture(scope="module")
def blender(stand_in, tmp_path_factory):
    """A Python with `bpy` and what Blender's own has besides, and nothing else."""
    folder = tmp_path_factory.mktemp("blender")
    subprocess.run([stand_in["base"], "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]
    there = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    for name in BLENDERS_OWN:
        for path in (*Path(stand_in["packages"]).glob(name), *Path(stand_in["packages"]).glob(f"{name}.libs")):
            (there / path.name).symlink_to(path)
    return python


def test_one_file_is_installed_and_the_head_speaks(stand_in, archive, blender, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT", "TEMP") if name in os.environ}
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    environment = kept | nowhere | {"HOME": str(home), "BLENDER_USER_RESOURCES": str(tmp_path / "resources")}
    command = [str(blender), str(SCRIPT), str(archive), str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SAID ")]
    assert lines, done.stdout + done.stderr
    print(stand_in["blender"], lines[0])  # the seconds of each step, for `pytest -s`
    said = json.loads(lines[0][5:])
    assert Path(said["python"]) == blender, "the worker runs in Blender's own Python"
    assert said["moves"]
    assert said["demo moves"]
    assert said["loaded"] == []
    for suffix in (".png", ".exr"):
        assert len(list((tmp_path / "render").glob(f"*{suffix}"))) == 6
    assert list((tmp_path / "render").glob("*.mp4"))
    assert len(list(tmp_path.rglob("*.ply"))) == 6

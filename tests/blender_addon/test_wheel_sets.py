# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels of each zip, for systems that are not at hand: pip installs each set as on such a machine, and what the
wheels ask for is among them, or Blender's own."""

import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from talksplat.blender_addon.link.blenders_python import MODULES
from talksplat.blender_addon.wheels import PLATFORMS, PYTHONS, read_pins

WHEELS = Path(__file__).resolve().parents[2] / "build" / "wheels"
NUMPY = {"3.11": "1.26.4", "3.13": "2.3.4"}  # Blender's own, 4.5 and 5.1
# Asked for by onnxruntime's tools, which convert and optimise models; running one imports none of them.
TOOLS_ONLY = {"flatbuffers", "packaging", "protobuf", "sympy"}
SYSTEMS = {
    "linux-x64": {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
    },
    "windows-x64": {
        "sys_platform": "win32",
        "platform_system": "Windows",
        "os_name": "nt",
        "platform_machine": "AMD64",
    },
    "macos-arm64": {
        "sys_platform": "darwin",
        "platform_system": "Darwin",
        "os_name": "posix",
        "platform_machine": "arm64",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_set_is_whole(platform, python, tmp_path):
    place = WHEELS / f"{platform}-{python}"
    if not place.is_dir():
        pytest.skip(f"{place} is not here: `make zip` fetches it")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--find-links", str(place)]
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", "--target", str(tmp_path)]
    tags = [f"--platform={tag}" for tag in PLATFORMS[platform]]
    pinned = [f"{name}=={pin['version']}" for name, pin in read_pins().items()]
    subprocess.run([*pip, *target, *tags, *pinned], check=True, timeout=250)
    installed = {path.name for path in tmp_path.iterdir()}
    assert set(MODULES) - {"numpy"} <= {name.split(".")[0] for name in installed}
    missing = [
        f"{path.parent.name}: {wanted}"
        for path in tmp_path.glob("*.dist-info/METADATA")
        for wanted in requirements(path, SYSTEMS[platform] | {"python_version": python, "extra": ""})
        if wanted.name.lower() not in read_pins() and not is_blenders(wanted, python)
    ]
    assert not missing


def requirements(metadata, system):
    header = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
    found = [Requirement(text) for text in header.get_all("Requires-Dist") or []]
    return [wanted for wanted in found if wanted.marker is None or wanted.marker.evaluate(system)]


def is_blenders(wanted, python):
    return wanted.name in TOOLS_ONLY or (wanted.name == "numpy" and wanted.specifier.contains(NUMPY[python]))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels inside the extension's zip: what the worker needs in Blender's own Python.

`wheels.toml` pins each by version and SHA-256; pip fetches them once into a folder and checks the hashes. Knows nothing
of the zip, and is not used inside Blender.
"""

import hashlib
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TypedDict

LOCK = Path(__file__).with_name("wheels.toml")
PYTHONS = "3.11", "3.13"  # Blender 4.5 to 5.0, 5.1 and later
# Blender's name of a platform -> the tags whose wheels run there. The oldest system of each: glibc 2.28 (which Blender
# asks for as well), Windows 10, macOS 14. Apple's Intel machines have no onnxruntime and numba of these versions.
PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64", "macosx_12_0_arm64", "macosx_11_0_arm64"),
}


class Pin(TypedDict):
    """One entry of wheels.toml."""

    version: str
    licence: str
    use: str
    sha256: list[str]


def read_pins() -> dict[str, Pin]:
    """wheels.toml: a package's name -> its pin."""
    return tomllib.loads(LOCK.read_text(encoding="utf-8"))


def requirements() -> str:
    """wheels.toml as pip reads it, with hashes."""
    lines = []
    for name, pin in read_pins().items():
        hashes = " ".join(f"--hash=sha256:{value}" for value in pin["sha256"])
        lines.append(f"{name}=={pin['version']} {hashes}\n")
    return "".join(lines)


def fetch_wheels(folder: Path, platform: str, pythons: tuple[str, ...] = PYTHONS) -> list[Path]:
    """The wheels of one of PLATFORMS for `pythons`, sorted by name; kept in `folder`, fetched where missing.

    Raises subprocess.CalledProcessError with pip's own words when one cannot be had or differs from its hash.
    """
    wheels: dict[str, Path] = {}
    for python in pythons:
        place = folder / f"{platform}-{python}"
        found = _pinned(place)
        if len(found) < len(read_pins()):
            _download(place, PLATFORMS[platform], python)
            found = _pinned(place)
        wheels |= found
    return [wheels[name] for name in sorted(wheels)]


def _pinned(folder: Path) -> dict[str, Path]:
    """The wheels in `folder` whose bytes are pinned, by file name."""
    known = {value for pin in read_pins().values() for value in pin["sha256"]}
    return {p.name: p for p in folder.glob("*.whl") if hashlib.sha256(p.read_bytes()).hexdigest() in known}


def _download(folder: Path, tags: tuple[str, ...], python: str) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text(requirements(), encoding="utf-8")
        command = [*pip, "--require-hashes", "-r", str(listed), *target, *(f"--platform={tag}" for tag in tags)]
        subprocess.run([*command, "--dest", str(folder)], check=True, capture_output=True, text=True)

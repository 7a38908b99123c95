# SPDX-License-Identifier: GPL-3.0-or-later
"""Build and validate the extension's zips with Blender's own tool, which ships in every `bpy` wheel.

    python -m talksplat.blender_addon.packing [FOLDER]      FOLDER defaults to dist/

One zip a platform with the wheels that the worker needs inside, and a bill of materials. The same checkout gives the
same bytes. Knows nothing of bpy at run time: the tool is a plain Python script. With no `bpy` installed it asks the
`blender` on the PATH.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

from .wheels import PLATFORMS, fetch_wheels, read_pins

ROOT = Path(__file__).resolve().parent.parent
PARTS = "parts.cdx.json"  # the bill of materials, CycloneDX 1.5
PUBLIC_DOMAIN = "LicenseRef-public-domain"
DATA = (  # of others in the package: name, licence, use, where it is
    ("Moonshine tiny-en", "MIT", "speech encoder", "core/audio/moonshine_tiny_en/encoder_model.ort"),
    ("ICT-FaceKit", "MIT", "the sample head's face", "samples/sample.head"),
    ("MediaPipe Face Landmarker", "Apache-2.0", "landmarks of footage", "core/tracking/face_landmarker.task"),
    ("MediaPipe Selfie Segmentation", "Apache-2.0", "masks of footage", "core/tracking/selfie_segmentation.tflite"),
    ("ICT-FaceKit", "MIT", "the rig that is fitted to footage", "core/tracking/ict_face.npz"),
    ("GRID corpus, talker s1", "CC-BY-4.0", "the sample voice", "samples/voice.wav"),
    ("GRID corpus, talker s1", "CC-BY-4.0", "the sample voice's words", "samples/voice.align"),
    ("CMU Pronouncing Dictionary", "BSD-2-Clause", "words' pronunciations", "core/aligning/english/cmudict.txt.z"),
    ("CMU Pronouncing Dictionary", "BSD-2-Clause", "letter-to-sound rules", "core/aligning/english/letter_rules.txt.z"),
    ("LJ Speech", PUBLIC_DOMAIN, "a voice for rigs", "core/rigging/voices/ljspeech.opus"),
    ("LibriVox", PUBLIC_DOMAIN, "a voice for rigs", "core/rigging/voices/librivox.opus"),
    ("Kerstin, rhasspy", "CC0-1.0", "a voice for rigs", "core/rigging/voices/kerstin.opus"),
    (
        "J. F. Kennedy's inaugural address, 1961",
        PUBLIC_DOMAIN,
        "a voice for rigs",
        "core/rigging/voices/inaugural.opus",
    ),
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say


def extension_tool() -> list[str]:
    """The command that takes `build` and `validate`. Raises FileNotFoundError with the fix."""
    spec = importlib.util.find_spec("bpy")
    if spec and spec.origin:
        scripts = sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
        if scripts:
            return [sys.executable, str(scripts[-1])]
    if blender := shutil.which("blender"):
        return [blender, "--command", "extension"]
    raise FileNotFoundError("Neither the bpy module nor a blender command was found; pip install bpy.")


def build_zip(folder: Path, source: Path = ROOT) -> Path:
    """Build `folder`/talksplat-VERSION.zip from the checkout `source`, without wheels, and validate it.

    Raises subprocess.CalledProcessError with the tool's own words on its stdout.
    """
    with tempfile.TemporaryDirectory() as scratch:
        _stage(source, Path(scratch, "stage"))
        [archive] = _build(Path(scratch, "stage"), folder)
    return archive


def build_platform_zips(
    folder: Path,
    wheels: dict[str, list[Path]],  # Blender's name of a platform -> the wheel files
    source: Path = ROOT,
) -> list[Path]:
    """Build and validate `folder`/talksplat-VERSION-PLATFORM.zip for each platform, its wheels inside, sorted by name.

    Raises subprocess.CalledProcessError with the tool's own words on its stdout.
    """
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch, "stage")
        _stage(source, stage)
        inside = stage / "wheels"
        inside.mkdir()
        for path in {path.name: path for paths in wheels.values() for path in paths}.values():
            shutil.copyfile(path, inside / path.name)
        manifest = stage / "blender_manifest.toml"
        names = [f"./wheels/{path.name}" for path in sorted(inside.iterdir())]
        lists = f"platforms = {json.dumps(list(wheels))}\nwheels = {json.dumps(names, indent=2)}\n\n"
        text = manifest.read_text(encoding="utf-8").replace("[permissions]", lists + "[permissions]", 1)
        manifest.write_text(text, encoding="utf-8")
        return _build(stage, folder, "--split-platforms")


def _stage(source: Path, stage: Path) -> None:
    """What belongs into a zip: the tool's own choice from the checkout, the site of `make docs` and the parts list."""
    with tempfile.TemporaryDirectory() as scratch:
        [archive] = _build(source, Path(scratch))
        with zipfile.ZipFile(archive) as file:
            file.extractall(stage)
    site = source / "build" / "docs"
    if site.is_dir():  # for the Help buttons; a site map says when it was built
        shutil.copytree(site, stage / "manual", ignore=shutil.ignore_patterns("sitemap.xml*"))
    (stage / PARTS).write_text(json.dumps(bill_of_materials(), indent=1) + "\n", encoding="utf-8")


def _build(source: Path, folder: Path, *options: str) -> list[Path]:
    """The tool's zips of `source`, moved into `folder` once each is valid."""
    tool = extension_tool()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as scratch:
        build = ["build", "--source-dir", str(source), "--output-dir", scratch, *options]
        subprocess.run([*tool, *build], check=True, capture_output=True, text=True)
        archives = sorted(Path(scratch).glob("*.zip"))
        for archive in archives:
            subprocess.run([*tool, "validate", str(archive)], check=True, capture_output=True, text=True)
        return [_write_reproducibly(archive, folder / archive.name) for archive in archives]


def _write_reproducibly(archive: Path, out: Path) -> Path:
    """The same entries, all of one age and of nobody: what the tool writes says when it was written."""
    temporary = archive.with_suffix(".same")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(temporary, "w") as target:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = source.getinfo(name).compress_type
            target.writestr(entry, source.read(name), compresslevel=9)
    return temporary.replace(out)


def bill_of_materials() -> dict:
    """The wheels and the files of others in the package with their licences, CycloneDX 1.5."""
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    parts = [
        {
            "type": "library",
            "name": name,
            "version": pin["version"],
            "purl": f"pkg:pypi/{name}@{pin['version']}",
            "licenses": [{"license": {"name": pin["licence"]}}],
            "description": pin["use"],
        }
        for name, pin in read_pins().items()
    ]
    parts += [
        {"type": "data", "name": name, "licenses": [{"license": {"name": licence}}], "description": f"{use}: {file}"}
        for name, licence, use, file in DATA
    ]
    us = {"type": "application", "name": "talksplat", "version": version}
    us["licenses"] = [{"license": {"id": "GPL-3.0-or-later"}}]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"component": us}, "components": parts}


def main() -> int:
    """Build the zips; the exit code."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    try:
        wheels = {platform: fetch_wheels(ROOT / "build" / "wheels", platform) for platform in PLATFORMS}
        for archive in build_platform_zips(folder, wheels):
            print(f"{archive} ({archive.stat().st_size / 1e6:.0f} MB)")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(error.stdout + error.stderr, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip as a user gets it: built and validated by Blender's tool, installed, switched on, no policy broken.

Each run is a fresh Blender in a folder of its own; what it says comes back as one line of JSON.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

IN_A_FRESH_BLENDER = """
import json, sys
import bpy
import addon_utils
bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.enable("bl_pkg", default_set=True)
done = bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
name = "bl_ext.user_default.talksplat"
said = {"done": sorted(done), "enabled": name in bpy.context.preferences.addons,
        "registered": bool(getattr(bpy.ops.talksplat, "add_head", None)) and hasattr(bpy.types.Object, "talksplat")}
bpy.ops.talksplat.add_head(filepath=sys.argv[2])
obj = bpy.context.object
said["points"] = len(obj.data.points)
module = sys.modules[name + ".blender_addon.preferences"]
said["own_folder"] = str(module.own_folder("performances"))
said["root"] = str(sys.modules[name + ".blender_addon.running"].ROOT)
said["preferences"] = hasattr(bpy.context.preferences.addons[name].preferences, "python")
for _ in range(2):
    addon_utils.disable(name)
    addon_utils.enable(name)
said["again"] = hasattr(bpy.types.Object, "talksplat")
said["warnings"] = [str(w) for w in addon_utils._extensions_warnings_get()]
heavy = ("torch", "numba", "librosa", "onnxruntime", "av", "scipy")
said["heavy"] = [m for m in sys.modules if m.split(".")[0] in heavy]
print("SAID", json.dumps(said))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    from talksplat.blender_addon.packing import build_zip

    return build_zip(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def said(archive, head_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"BLENDER_USER_RESOURCES": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_BLENDER, str(archive), str(head_path)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("SAID ")]
    assert lines, done.stdout + done.stderr
    return json.loads(lines[0][5:]) | {"folder": str(folder)}


def test_it_is_installed_switched_on_and_works(said):
    assert said["done"] == ["FINISHED"]
    assert [said[what] for what in ("enabled", "registered", "preferences")] == [True] * 3
    assert said["points"] == 240
    assert said["again"], "switching off and on again must work"


def test_no_policy_is_broken(said):
    assert said["warnings"] == []


def test_it_writes_only_into_its_own_folder(said):
    assert said["own_folder"].startswith(said["folder"])
    assert Path(said["own_folder"]).name == "performances"


def test_nothing_heavy_is_imported(said):
    assert said["heavy"] == []


def test_the_worker_has_its_files_and_nobody_has_the_tests(archive):
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
    tops = {name.split("/")[0] for name in names}
    assert {"blender_manifest.toml", "__init__.py", "core/worker.py", "core/start_worker.py", "LICENSE"} <= names
    assert {"pyproject.toml", "constraints.txt"} <= names, "what Create Training Environment asks pip for"
    assert any(name.startswith("core/audio/moonshine_tiny_en/") for name in names)
    assert not tops & {"tests", "benchmarks", "dist", "demo", "work", "build", "Makefile"}
    # Help opens the README in the zip: the pages and pictures that it names are there.
    named = re.findall(r"\]\(([^):]+)\)|`(docs/\w+\.md)`", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"".join(pair) for pair in named} <= set(names)
    assert not [name for name in names if name.startswith(".") or "__pycache__" in name or "egg-info" in name]


def test_a_head_can_be_trained_by_the_zips_files(archive):
    """Create Training Environment brings the packages; footage and the metrics need the models and the rig as well."""
    pytest.importorskip("scipy", reason="what training needs is not installed here")
    import talksplat.core.tracking as tracking
    from talksplat.core.tracking import selfie

    data = (tracking.LANDMARKER_MODEL, tracking.RIG_FILE, selfie.MODEL)
    with zipfile.ZipFile(archive) as file:
        assert {Path(path).relative_to(ROOT).as_posix() for path in data} <= set(file.namelist())


def test_one_version(archive):
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"]
    assert manifest["id"] == project["name"]
    assert archive.name == f"talksplat-{manifest['version']}.zip"

# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports go down the layers of ARCHITECTURE.md, and into another package only through what it exports."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE = ("formats", "jobs", "performance", "sync")
COMPILING = ("compiling",)
COMPONENTS = ("audio", "deformation", "raster", "interchange", "metrics", "tracking", "matting", "reports", "usd")
DATA = ("head", "footage", "listening")
EVALUATION = ("evaluation", "rigging")
WORKFLOWS = (
    "aligning",
    "training",
    "baking",
    "exporting",
    "preparing",
    "converting",
    "importing",
    "inspecting",
    "meshing",
    "adapting",
)
TOP = ("dispatch", "wire", "worker", "parent_process", "cli_printers", "cli")
# package -> the packages of core that it may import; its own is always allowed. Components must not import each other,
# nor must workflows.
MAY_IMPORT = (
    dict.fromkeys(BASE, BASE)
    | dict.fromkeys(COMPILING, ())
    | dict.fromkeys(COMPONENTS, BASE + COMPILING)
    | dict.fromkeys(DATA, BASE + COMPONENTS + DATA)
    | dict.fromkeys(EVALUATION, BASE + COMPONENTS + DATA)
    | dict.fromkeys(WORKFLOWS, BASE + COMPONENTS + DATA + EVALUATION)
    | dict.fromkeys(TOP, BASE + COMPONENTS + DATA + EVALUATION + WORKFLOWS + TOP)
)
# What Blender's process may import of core: numpy and the standard library are all that it has.
ADD_ON_MAY_IMPORT = (*BASE, "dispatch", "wire")
# Of these the package itself (its registry), not its modules.
ADD_ON_MAY_IMPORT_PACKAGE = ("baking", "exporting", "importing")
BLENDER = ("bpy", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "aud", "bpy_extras", "addon_utils", "idprop")
BLENDER += ("bl_operators", "bl_ui")  # its own presets


def modules() -> list[Path]:
    return sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "blender_addon").rglob("*.py"), ROOT / "__init__.py"])


def imports(path: Path) -> list[tuple[int, str, list[str]]]:
    """(level, dotted name, imported names) of every import in the file, wherever it is."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            found += [(node.level, node.module, names)] if node.module else [(node.level, name, []) for name in names]
    return found


def target(path: Path, level: int, name: str) -> list[str]:
    """The place of a relative import as parts from the repository root: ["core", "formats", ...]."""
    here = list(path.relative_to(ROOT).parent.parts)
    return here[: len(here) - (level - 1)] + name.split(".")


def package_of(parts: list[str]) -> tuple[list[str], list[str]]:
    """(the package that exports, what is named inside of it): density is a package of its own inside training."""
    depth = 3 if parts[1:3] == ["training", "density"] else 2
    return parts[:depth], parts[depth:]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    for level, name, _ in imports(path):
        if level == 0:
            check_absolute(path, parts, name)
            continue
        place = target(path, level, name)
        what = f"{'/'.join(parts)} imports {'.'.join(place)}"
        if parts[0] == "blender_addon" and place[0] == "core":
            assert len(place) > 1, f"{what}: name the package"
            allowed = place[1] in ADD_ON_MAY_IMPORT or place[1:] in [[name] for name in ADD_ON_MAY_IMPORT_PACKAGE]
            assert allowed, f"{what}: the add-on may import {', '.join(ADD_ON_MAY_IMPORT + ADD_ON_MAY_IMPORT_PACKAGE)}"
        elif parts[0] == "core":
            package, outside = parts[1], place[0] != "core" or len(place) < 2
            if outside:
                assert package in TOP, f"{what}: it leaves core"
            else:
                assert place[1] == package or place[1] in MAY_IMPORT[package], f"{what}: not a layer below"


def check_absolute(path: Path, parts: list[str], name: str) -> None:
    top = name.split(".")[0]
    assert top != "talksplat", f"{path.name} imports {name}: inside the package imports are relative"
    if parts[0] == "blender_addon":
        allowed = top in sys.stdlib_module_names or top in (*BLENDER, "numpy")
        assert allowed, f"the add-on imports {name}: it may use bpy, numpy and the base packages"
    elif parts[0] == "core" and (parts[1] in BASE or f"{parts[1]}" in ADD_ON_MAY_IMPORT):
        assert top in sys.stdlib_module_names or top == "numpy", f"a base package imports {name}"
    if parts[0] == "core":
        assert top not in BLENDER, f"core imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_other_packages_are_used_through_what_they_export(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    for level, name, names in imports(path):
        place = target(path, level, name) if level else []
        if place[:1] != ["core"] or len(place) < 2 or not (ROOT / "core" / place[1]).is_dir():
            continue
        package, inside = package_of(place)
        if package_of(parts)[0] == package or package[:2] == parts[:2]:
            continue
        what = f"{'/'.join(parts)} imports {'.'.join(place)}"
        assert not inside, f"{what}: import it from the package, {'.'.join(package)}"
        exported = importlib.import_module("talksplat." + ".".join(package)).__all__
        assert set(names) <= set(exported), f"{what}: {set(names) - set(exported)} is not in its __all__"


def test_every_package_has_a_layer():
    packages = {p.name for p in (ROOT / "core").iterdir() if p.is_dir() and any(p.glob("*.py"))}
    assert packages == {*BASE, *COMPILING, *COMPONENTS, *DATA, *EVALUATION, *WORKFLOWS}


def test_what_the_add_on_imports_needs_only_numpy():
    code = (
        "import sys, pkgutil, importlib, talksplat.core as c\n"
        f"for name in {ADD_ON_MAY_IMPORT + ADD_ON_MAY_IMPORT_PACKAGE!r}:\n"
        "    package = importlib.import_module(f'talksplat.core.{name}')\n"
        f"    if name in {ADD_ON_MAY_IMPORT_PACKAGE!r}: continue\n"
        "    for m in pkgutil.iter_modules(getattr(package, '__path__', ())):\n"
        "        importlib.import_module(f'{package.__name__}.{m.name}')\n"
        "names = {'torch', 'numba', 'scipy', 'librosa', 'onnxruntime', 'bpy', 'PIL', 'av', 'OpenEXR', 'soxr'}\n"
        "heavy = names & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

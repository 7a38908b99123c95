# SPDX-License-Identifier: GPL-3.0-or-later
"""No import climbs: HOUSE.md's floors, read from the code itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUND = ("formats", "jobs", "performance")
FIRST = ("audio", "deformation", "raster", "interchange", "metrics", "tracking", "matting")
SECOND = ("head", "footage")
THIRD = ("training", "baking", "preparing")
ROOF = ("deeds", "worker", "cli")
# room -> the rooms of core it may import; its own is always allowed
MAY = (
    dict.fromkeys(GROUND, GROUND)
    | dict.fromkeys(FIRST, GROUND)
    | dict.fromkeys(SECOND, GROUND + FIRST + SECOND)
    | dict.fromkeys(THIRD, GROUND + FIRST + SECOND)
    | dict.fromkeys(ROOF, GROUND + FIRST + SECOND + THIRD + ROOF)
)
BESIDE = ("bpy", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "aud", "bpy_extras", "addon_utils", "idprop")


def modules() -> list[Path]:
    return sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "blender_addon").rglob("*.py"), ROOT / "__init__.py"])


def imports(path: Path) -> list[tuple[int, str]]:
    """(level, dotted name) of every import in the file, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found += [(node.level, name) for name in names]
    return found


def target(path: Path, level: int, name: str) -> list[str]:
    """The place of a relative import as parts from the repository root: ["core", "formats", ...]."""
    here = list(path.relative_to(ROOT).parent.parts)
    return here[: len(here) - (level - 1)] + name.split(".")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_import_climbs(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    for level, name in imports(path):
        if level == 0:
            top = name.split(".")[0]
            assert top != "talksplat", f"{path.name} imports {name}: inside the package imports are relative"
            if parts[0] == "blender_addon":
                allowed = top in sys.stdlib_module_names or top in (*BESIDE, "numpy")
                assert allowed, f"the add-on imports {name}: it may use bpy, numpy and the ground floor"
            elif parts[0] == "core" and parts[1] in GROUND:
                assert top in sys.stdlib_module_names or top == "numpy", f"ground floor imports {name}"
            if parts[0] == "core":
                assert top not in BESIDE, f"core imports {name}"
            continue
        place = target(path, level, name)
        climber = f"{'/'.join(parts)} imports {'.'.join(place)}"
        if parts[0] == "blender_addon" and place[0] == "core":
            assert len(place) > 1, f"{climber}: name the room"
            assert place[1] in GROUND, f"{climber}: the add-on sees only the ground floor"
        elif parts[0] == "core":
            room, outside = parts[1], place[0] != "core" or len(place) < 2
            if outside:
                assert room in ROOF, f"{climber}: it leaves core"
            else:
                assert place[1] == room or place[1] in MAY[room], f"{climber}: it climbs"


def test_every_room_has_a_floor():
    rooms = {p.name for p in (ROOT / "core").iterdir() if p.is_dir() and any(p.glob("*.py"))}
    assert rooms == {*GROUND, *FIRST, *SECOND, *THIRD}


def test_ground_floor_and_addon_link_import_without_torch():
    code = (
        "import sys, pkgutil, importlib, talksplat.core as c\n"
        f"for room in {GROUND!r}:\n"
        "    package = importlib.import_module(f'talksplat.core.{room}')\n"
        "    for m in pkgutil.iter_modules(package.__path__): importlib.import_module(f'{package.__name__}.{m.name}')\n"
        "heavy = {'torch', 'numba', 'scipy', 'librosa', 'onnxruntime', 'bpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender -b SHOT.blend --command talksplat export-jobs FOLDER`: what a script of a studio asks of Blender without a
window. What needs no Blender is the `talksplat` command's (core/cli.py).

Exit codes as there: 0 done, 1 one sentence says why not, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

import bpy

from ..core.dispatch import sentence_of
from ..core.formats import UserError
from .blender_types import current_context
from .head_objects import heads_of
from .operators.export_jobs import export_heads

_command: list[object] = []  # Blender's handle of the registered command


def execute(arguments: list[str]) -> int:
    """Run the command of these words; the exit code."""
    parser = argparse.ArgumentParser("blender -b SHOT.blend --command talksplat", description=__doc__)
    commands = parser.add_subparsers(required=True)
    export = commands.add_parser("export-jobs", help="write the shot of each head as a job file for a render farm")
    export.add_argument("folder", type=Path, help="where the job files go")
    export.add_argument("--head", action="append", default=[], help="name of a head's object; left out: all heads")
    export.add_argument("--scene", default="", help="name of a scene; left out: the active one")
    try:
        words = parser.parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    try:
        for path in _export_jobs(words.folder, words.head, words.scene):
            print(path, flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(sentence_of(error), file=sys.stderr)
        return 1
    return 0


def _export_jobs(folder: Path, names: list[str], scene_name: str) -> list[Path]:
    scene = bpy.data.scenes.get(scene_name) if scene_name else current_context().scene
    if scene is None:
        raise UserError(f"{bpy.data.filepath}: has no scene {scene_name}; it has {_listed(bpy.data.scenes)}.")
    there = {obj.name: obj for obj in heads_of(scene)}
    missing = [name for name in names if name not in there]
    if missing or not there:
        problem = f"no head {missing[0]}; it has {_listed(there.values())}" if missing and there else "no talking head"
        raise UserError(f"{bpy.data.filepath or scene.name}: has {problem}.")
    return export_heads(scene, [there[name] for name in names or there], folder.absolute())


def _listed(blocks) -> str:
    return ", ".join(block.name for block in blocks)


def register() -> None:
    """Called by the add-on's own `register`."""
    _command.append(bpy.utils.register_cli_command("talksplat", execute))


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    while _command:
        bpy.utils.unregister_cli_command(_command.pop())

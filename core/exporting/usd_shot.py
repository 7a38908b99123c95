# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot as USD: one .usdc file, or a small one with value clips, files of some frames each, for a long shot.

    /shot                  Xform, the default prim: Z up, metres, a time code a frame
    /shot/HEAD             ParticleField3DGaussianSplat (usd_splats.py), where the head stands
    /shot/camera           Camera, where there is one
    /shot/sound            SpatialAudio, the file that was listened to

Value clips (USD's own way of cutting a long animation): the frames of a head lie in NAME.clips/HEAD.FIRST.usdc, each
with the first frame of the next, so that a program finds both neighbours of a moment between two files in one.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..formats import atomic_write, frame_number, remove_leftovers
from ..usd import define_prim, new_layer, usd_errors, usd_modules, write_header
from .exported_shot import ExportedHead, ExportedShot
from .shot_file import ShotFile
from .usd_camera import write_camera, write_transform
from .usd_sound import sounds_of, write_sounds
from .usd_splats import SplatPrim

ROOT = "/shot"
OTHER_PRIMS = re.compile(r"camera|sound(_\d+)?")  # beside the heads
CLIP_PRIM = "/splats"


def plan_usd(shot: ExportedShot, path: Path) -> tuple[list[ShotFile], list[str]]:
    """The clips first, then the file at `path` that names them. Raises UserError where there is no USD library."""
    usd_modules("Sdf")
    warnings = [problem for head in shot.heads if (problem := sounds_of(head)[1])]
    if not shot.clip:
        frames = sum(len(head.frames) for head in shot.heads)
        return [ShotFile(path, ("usd", _content(shot)), frames, partial(_write_whole, shot, path))], warnings
    files = []
    for head in shot.heads:
        for numbers in [*_cuts(head, shot.clip), []]:
            file = _clip_path(path, head, numbers[0] if numbers else None)
            content = "usd clip", head.bake.card.shot, numbers, shot.half
            files.append(ShotFile(file, content, len(numbers), partial(_write_clip, head, numbers, shot.half, file)))
    return [*files, ShotFile(path, ("usd root", _content(shot)), 0, partial(_write_root, shot, path))], warnings


def _content(shot: ExportedShot) -> list:
    """Everything that the file depends on, as JSON values."""
    heads = [
        [head.name, head.bake.card.shot, list(head.frames), sounds_of(head)[0], _rows(head.to_world)]
        for head in shot.heads
    ]
    return [heads, shot.half, shot.clip, [[frame, camera] for frame, camera in shot.camera.items()]]


def _rows(matrices: dict) -> list:
    return [[frame, matrix.tolist()] for frame, matrix in matrices.items()]


def _write_whole(shot: ExportedShot, path: Path) -> Iterator[int]:
    with atomic_write(path) as temporary, usd_errors(path):
        layer = new_layer(temporary)
        for head, prim in zip(shot.heads, _write_stage(layer, shot, path)):
            for number in head.frames:
                prim.write_frame(number, head.bake)
                yield number
            del prim
        layer.Save()
        del layer  # Windows renames no open file


def _write_root(shot: ExportedShot, path: Path) -> Iterator[int]:
    with atomic_write(path) as temporary, usd_errors(path):
        layer = new_layer(temporary)
        for head, prim in zip(shot.heads, _write_stage(layer, shot, path)):
            layer.GetPrimAtPath(prim.path).SetInfo("clips", {"default": _clips(shot, head, path)})
            del prim
        layer.Save()
        del layer
    yield from ()


def _write_clip(head: ExportedHead, numbers: list[int], half: bool, path: Path) -> Iterator[int]:
    """A file of these frames; without any, the manifest, which names what the clips hold."""
    remove_leftovers(path.parent, head.name)
    with atomic_write(path) as temporary, usd_errors(path):
        layer = new_layer(temporary)
        prim = SplatPrim(layer, CLIP_PRIM, half)
        prim.define()
        for number in numbers:
            prim.write_frame(number, head.bake)
            yield number
        if numbers:
            layer.startTimeCode, layer.endTimeCode = float(numbers[0]), float(numbers[-1])
        layer.Save()
        del layer, prim


def _write_stage(layer: Any, shot: ExportedShot, path: Path) -> list[SplatPrim]:
    """Everything but the frames. Returns each head's prim."""
    sdf, tf = usd_modules("Sdf", "Tf")
    root = define_prim(layer, ROOT, "Xform")
    root.kind = "group"
    write_header(layer, root, shot.rate, shot.first, shot.last)
    if shot.camera:
        write_camera(layer, f"{ROOT}/camera", shot.camera)
    write_sounds(layer, ROOT, shot.heads, path)
    prims = []
    used: set[str] = set()
    for head in shot.heads:
        name = head.name if sdf.Path.IsValidIdentifier(head.name) else tf.MakeValidIdentifier(head.name)
        while name in used or OTHER_PRIMS.fullmatch(name):
            name += "_"
        used.add(name)
        prim = SplatPrim(layer, f"{ROOT}/{name}", shot.half)
        prim.define()
        prim.write_still(head.bake)
        layer.GetPrimAtPath(prim.path).kind = "component"
        write_transform(layer, prim.path, head.to_world)
        prims.append(prim)
    return prims


def _clips(shot: ExportedShot, head: ExportedHead, path: Path) -> dict:
    """USD's metadata of the head's clips; a file's times are the shot's."""
    sdf, vt, gf = usd_modules("Sdf", "Vt", "Gf")
    starts = [numbers[0] for numbers in _cuts(head, shot.clip)]
    ends = sorted({head.frames[0], head.frames[-1]})
    return {
        "assetPaths": sdf.AssetPathArray([sdf.AssetPath(_asset(path, head, start)) for start in starts]),
        "manifestAssetPath": sdf.AssetPath(_asset(path, head, None)),
        "primPath": CLIP_PRIM,
        "active": vt.Vec2dArray([gf.Vec2d(start, i) for i, start in enumerate(starts)]),
        "times": vt.Vec2dArray([gf.Vec2d(end, end) for end in ends]),
    }


def _cuts(head: ExportedHead, most: int) -> list[list[int]]:
    """The frames of each clip, the first frame of the next one included."""
    return [list(head.frames[start : start + most + 1]) for start in range(0, len(head.frames), most)]


def _clip_path(path: Path, head: ExportedHead, first: int | None) -> Path:
    number = "manifest" if first is None else frame_number(first)
    return path.parent / f"{path.stem}.clips" / f"{head.name}.{number}{path.suffix}"


def _asset(path: Path, head: ExportedHead, first: int | None) -> str:
    return f"./{_clip_path(path, head, first).relative_to(path.parent).as_posix()}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The heads' sounds as prims of USD, SpatialAudio: the files that were listened to, at the frame where each begins."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..formats import found_path, stored_path
from ..usd import define_prim, fixed, usd_modules
from .exported_shot import ExportedHead

Sound = tuple[str, float]  # path, seconds after the head's first frame at which it begins


def sound_of(head: ExportedHead) -> tuple[Sound | None, str]:
    """The head's sound, and why it has none to write."""
    card = head.bake.card
    path = found_path(head.bake.path, card.audio)
    if card.more_audio:
        return None, f"{head.name} listens to {len(card.more_audio) + 1} sounds, which the file cannot hold; add them."
    if not os.path.isfile(path):
        return None, f"{path or head.name}: the sound is not there any more, so the file has none; attach it again."
    return (path, card.offset), ""


def write_sounds(layer: Any, parent: str, heads: Iterable[ExportedHead], file: Path) -> None:
    """A prim below `parent` for each sound of the heads, once where they share it."""
    written: set[tuple[str, int, float]] = set()
    for head in heads:
        sound, _ = sound_of(head)
        card = head.bake.card
        if sound is None or (*sound, card.frame_start) in written:
            continue
        number = len(written)
        written.add((sound[0], card.frame_start, sound[1]))
        path = f"{parent}/sound{f'_{number + 1}' if number else ''}"
        _write_sound(layer, path, stored_path(file, sound[0]), card.frame_start, sound[1] * float(card.fps), sound[1])


def _write_sound(layer: Any, path: str, asset: str, first: int, frames: float, seconds: float) -> None:
    """frames, seconds: from the shot's first frame to the start of the sound; below 0 it has begun before."""
    (sdf,) = usd_modules("Sdf")
    prim = define_prim(layer, path, "SpatialAudio")
    for name, kind, value in (
        ("filePath", "Asset", sdf.AssetPath(asset if os.path.isabs(asset) else f"./{asset}")),
        ("auralMode", "Token", "nonSpatial"),
        ("playbackMode", "Token", "onceFromStart"),
        ("startTime", "TimeCode", sdf.TimeCode(first + max(frames, 0.0))),
        ("mediaOffset", "Double", max(-seconds, 0.0)),
    ):
        fixed(prim, name, kind, value, uniform=True)

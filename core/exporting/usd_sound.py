# SPDX-License-Identifier: GPL-3.0-or-later
"""The heads' sounds as prims of USD, SpatialAudio: the files that were listened to, each piece at the frame where it
begins."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..formats import found_path, stored_path
from ..usd import define_prim, fixed, sampled, usd_modules
from .exported_shot import ExportedHead

SAME_MOMENT = 1e-4  # seconds between the end of a frame and the start of the next that are one piece of sound
NORMAL_SPEED = 1e-3  # how far from it a speed still counts as 1: a strip's ends lie on frames, not on samples


@dataclass(frozen=True)
class SoundPiece:
    """A part of a sound file that plays through."""

    file: str
    start: float  # time code at which it begins
    offset: float  # seconds of the file that are left out before
    end: float | None = None  # time code at which it is cut off; None: with the file
    volumes: dict[int, float] = field(default_factory=dict)  # frame -> 1 for as it is; empty: as it is


def sounds_of(head: ExportedHead) -> tuple[list[SoundPiece], str]:
    """The pieces of sound that the head speaks to, and a sentence where some cannot be had."""
    pieces, problem = _edited(head) if head.sound_per_frame else _whole(head)
    here = [piece for piece in pieces if os.path.isfile(piece.file)]
    if len(here) < len(pieces):
        missing = next(piece.file for piece in pieces if piece not in here)
        problem = f"{missing}: the sound is not there any more, so it is left out; attach it again."
    return here, problem


def _whole(head: ExportedHead) -> tuple[list[SoundPiece], str]:
    """The bake's own sound."""
    card = head.bake.card
    if not card.has_sound:
        return [], ""
    if card.more_audio:
        count = len(card.more_audio) + 1
        return [], f"{head.name} listens to {count} sounds, so the file has none; export it from Blender."
    start = card.frame_start + max(card.offset, 0.0) * float(card.fps)
    return [SoundPiece(found_path(head.bake.path, card.audio), start, max(-card.offset, 0.0))], ""


def _edited(head: ExportedHead) -> tuple[list[SoundPiece], str]:
    """What an edited sequencer plays: frames that follow one another in one file are one piece."""
    card = head.bake.card
    rows = dict(zip(card.span, head.sound_per_frame))
    starts = [n for n in card.span if rows[n] and not _continues(rows.get(n - 1, ()), rows[n])]
    pieces, retimed = [], False
    for start, limit in pairwise([*starts, card.span.stop]):
        end = next((n for n in range(start, limit) if not rows[n]), limit)
        file, first, _, _ = rows[start]
        speed = (rows[end - 1][2] - first) / (end - start) * float(card.fps)
        if abs(speed - 1) > NORMAL_SPEED:
            retimed = True
            continue
        early = max(-first, 0.0) * float(card.fps)  # the frame begins before the file does
        volumes = {n: rows[n][3] for n in range(start, end)}
        pieces.append(SoundPiece(head.sounds[int(file)], start + early, max(first, 0.0), end, volumes))
    problem = f"{head.name}: a retimed strip is left out of the file, which has no speed of sound; render its sound."
    return pieces, problem if retimed else ""


def _continues(before: tuple[float, ...], here: tuple[float, ...]) -> bool:
    return bool(before) and before[0] == here[0] and abs(before[2] - here[1]) < SAME_MOMENT


def write_sounds(layer: Any, parent: str, heads: Iterable[ExportedHead], file: Path) -> None:
    """A prim below `parent` for each piece of the heads' sounds, once where they share it. file: of the stage."""
    written: list[SoundPiece] = []
    for piece in (piece for head in heads for piece in sounds_of(head)[0]):
        if piece not in written:
            written.append(piece)
            number = f"_{len(written)}" if len(written) > 1 else ""
            _write_piece(layer, f"{parent}/sound{number}", piece, stored_path(file, piece.file))


def _write_piece(layer: Any, path: str, piece: SoundPiece, asset: str) -> None:
    (sdf,) = usd_modules("Sdf")
    prim = define_prim(layer, path, "SpatialAudio")
    for name, kind, value in (
        ("filePath", "Asset", sdf.AssetPath(asset if os.path.isabs(asset) else f"./{asset}")),
        ("auralMode", "Token", "nonSpatial"),
        ("playbackMode", "Token", "onceFromStart" if piece.end is None else "onceFromStartToEnd"),
        ("startTime", "TimeCode", sdf.TimeCode(piece.start)),
        ("mediaOffset", "Double", piece.offset),
        *([("endTime", "TimeCode", sdf.TimeCode(piece.end))] if piece.end is not None else []),
    ):
        fixed(prim, name, kind, value, uniform=True)
    if any(volume != 1 for volume in piece.volumes.values()):
        sampled(prim, "gain", "Double", piece.volumes)

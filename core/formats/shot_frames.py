# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a bake a job takes, and how the files of an image sequence are numbered."""

from collections.abc import Sequence

from .bake_file import BakeReader
from .frame_list import parse_frames
from .user_error import UserError


def select_frames(
    bake: BakeReader, first: int | None, last: int | None, frames: str = "", only_baked: bool = True
) -> Sequence[int]:
    """The frame numbers from `first` to `last`, both included (None: the shot's first, its last), or those of a list
    such as 1-10x2,20; ascending.

    Raises UserError for both at once, for frames outside of the shot and, where `only_baked`, for frames that are not
    baked yet.
    """
    selected = _selected(bake, first, last, frames)
    if not only_baked:
        return selected
    baked = set(bake.frames)
    missing = [number for number in selected if number not in baked]
    if missing:
        raise UserError(
            f"{bake.path}: {len(missing)} of the {len(selected)} frames are not baked yet (the first is "
            f"{missing[0]}); run the bake again, it continues where it stopped."
        )
    return selected


def _selected(bake: BakeReader, first: int | None, last: int | None, frames: str) -> Sequence[int]:
    span = bake.card.span
    if frames:
        if (first, last) != (None, None):
            raise UserError(f"frames {frames} and first or last say the same twice; leave out one of them.")
        return parse_frames(frames, span)
    begin = span[0] if first is None else first
    end = span[-1] if last is None else last
    if not span[0] <= begin <= end <= span[-1]:
        raise UserError(
            f"{bake.path}: holds frames {span[0]} to {span[-1]}, not {begin} to {end}; set first and last within them."
        )
    return range(begin, end + 1)


def frame_number(frame: int) -> str:
    """0001, 12345, -0001: as Blender numbers the files of an image sequence."""
    return f"{'-' if frame < 0 else ''}{abs(frame):04d}"

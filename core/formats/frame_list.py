# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of frames as people write them: `1-10x2,20`. Knows no bake.

One item a comma: a frame `7`, a range `1-10` with both ends (Blender's own `1..10` is the same), a range with a step
`1-10x2` (1, 3, 5, 7, 9). Frames may be negative: `-5--1`.
"""

import re
from collections.abc import Sequence

from .user_error import UserError

ITEM = re.compile(r"(?P<first>-?\d{1,9})(?:(?:-|\.\.)(?P<last>-?\d{1,9})(?:x(?P<step>\d{1,9}))?)?", re.ASCII)


def parse_frames(text: str, shot: range) -> tuple[int, ...]:
    """The frames that `text` names, ascending, each once. shot: what they must lie in.

    Raises UserError for what is no list of frames, and for frames outside of the shot.
    """
    ranges = [_parse_item(item.strip(), text) for item in text.split(",")]
    for frames in ranges:
        if not shot[0] <= frames[0] <= frames[-1] <= shot[-1]:
            raise UserError(f"frames {text[:60]}: the shot holds {shot[0]} to {shot[-1]}; leave out the others.")
    return tuple(sorted({frame for frames in ranges for frame in frames}))


def span_of_frames(text: str) -> range:
    """From the first to the last of the frames that `text` names. Raises UserError for what is no list of frames."""
    ranges = [_parse_item(item.strip(), text) for item in text.split(",")]
    return range(min(frames[0] for frames in ranges), max(frames[-1] for frames in ranges) + 1)


def format_frames(frames: Sequence[int]) -> str:
    """A short list that `parse_frames` reads as these ascending frames: (1, 3, 5, 9, 10) -> 1-5x2,9-10."""
    items, begin = [], 0
    while begin < len(frames):
        end = begin + 1
        step = frames[end] - frames[begin] if end < len(frames) else 0
        while end < len(frames) and frames[end] - frames[end - 1] == step:
            end += 1
        if end - begin <= 2 and step != 1:  # two frames far apart are no range
            end = begin + 1
        first, last = frames[begin], frames[end - 1]
        items.append(str(first) if first == last else f"{first}-{last}" + (f"x{step}" if step > 1 else ""))
        begin = end
    return ",".join(items)


def _parse_item(item: str, text: str) -> range:
    match = ITEM.fullmatch(item)
    first, last, step = (int(value or 0) for value in match.groups()) if match else (0, 0, 0)
    if match is None or (match["last"] and last < first) or (match["step"] and not step):
        raise UserError(f"frames {text[:60]!r} cannot be read; write them as 1-10x2,20 (a range, its step, a frame).")
    return range(first, (last if match["last"] else first) + 1, step or 1)

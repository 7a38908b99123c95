# SPDX-License-Identifier: GPL-3.0-or-later
"""Praat's TextGrid as text, long or short. Praat itself reads both in one way: of all the text only free-standing
numbers, quoted strings and <flags> count, the rest is for people (its manual, "TextGrid file formats"). It is written
long, as Praat itself does."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .atomic_write import atomic_write
from .timed_label import TimedLabel
from .user_error import UserError

# In a string a quote is doubled; from ! to the end of its line is a comment. Possessive (++, *+): where a match may be
# taken back Python notes each letter, 140 bytes for one.
TOKEN = re.compile(r'"((?:[^"]++|"")*+)"|(<\w+>)|(?<!\S)([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)(?!\S)|!.*')
MOST_TIERS = 1000


def is_textgrid(text: str) -> bool:
    """Whether the text says that it is one."""
    return '"ooTextFile"' in text[:200] and "TextGrid" in text[:400]


def textgrid_tiers(text: str, path: Path | str) -> list[tuple[str, list[TimedLabel]]]:
    """(name, its intervals) of every interval tier. Points, which last no time, are left out. Raises UserError."""
    tokens = _tokens(text)
    try:
        return list(_tiers(tokens))
    except (StopIteration, RuntimeError, ValueError, OverflowError) as error:  # RuntimeError: a generator's end
        raise UserError(f"{path}: is cut short or no TextGrid; save it again in Praat as a text file.") from error


def _tokens(text: str) -> Iterator[str | float]:
    for match in TOKEN.finditer(text):
        if match[1] is not None:
            yield match[1].replace('""', '"')
        elif match[3] is not None:
            yield float(match[3])
        elif match[2] is not None:
            yield match[2]


def _tiers(tokens: Iterator[str | float]) -> Iterator[tuple[str, list[TimedLabel]]]:
    _texts(tokens, 2)
    _numbers(tokens, 2)
    if next(tokens) != "<exists>":
        return
    [count] = _numbers(tokens, 1)
    for _ in range(min(int(count), MOST_TIERS)):
        kind, name = _texts(tokens, 2)
        _from, _to, size = _numbers(tokens, 3)
        width = 2 if kind == "IntervalTier" else 1
        rows = [(_numbers(tokens, width), *_texts(tokens, 1)) for _ in range(int(size))]
        if width == 2:
            yield name, [TimedLabel(times[0], times[1], label) for times, label in rows]


def _numbers(tokens: Iterator[str | float], count: int) -> list[float]:
    """The next tokens. Raises ValueError where they are no numbers, StopIteration at the end."""
    found = [next(tokens) for _ in range(count)]
    if not all(isinstance(token, float) for token in found):
        raise ValueError
    return [float(token) for token in found]


def _texts(tokens: Iterator[str | float], count: int) -> list[str]:
    found = [next(tokens) for _ in range(count)]
    if not all(isinstance(token, str) for token in found):
        raise ValueError
    return [str(token) for token in found]


def write_textgrid(path: Path | str, tiers: Mapping[str, Sequence[TimedLabel]], duration: float) -> None:
    """Write a long TextGrid, atomically. tiers: name -> labels in rising order that do not overlap; what lies between
    them becomes intervals without text, for Praat wants a tier to be full. duration: seconds of the sound."""
    end = max([duration, *(labels[-1].end for labels in tiers.values() if labels)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {end:.6f}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, labels) in enumerate(tiers.items(), 1):
        full = list(_filled(labels, end))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {end:.6f}", f"        intervals: size = {len(full)}"]
        for place, (start, stop, label) in enumerate(full, 1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {start:.6f}",
                f"            xmax = {stop:.6f}",
            ]
            lines.append(f"            text = {_quoted(label)}")
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _filled(labels: Sequence[TimedLabel], end: float) -> Iterator[TimedLabel]:
    at = 0.0
    for label in labels:
        if round(label.start - at, 6) > 0:
            yield TimedLabel(at, label.start, "")
        yield label
        at = label.end
    if round(end - at, 6) > 0 or not labels:
        yield TimedLabel(at, end, "")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'

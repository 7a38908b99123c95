# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes as a Nuke script (.nk) has them, `Class {` and a knob with its value in each line. Knows no shot.

Such a script is a Tcl program, and Nuke runs once more what stands in brackets in a text or in a file's name: no text
comes in but by `plain_text`. Source: the scripts that Nuke 12 to 17 wrote and people published; tried in no Nuke.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ..formats import UserError

RUN_OR_CHANGED = re.compile(r'[\[\]{}$"\\%#`\x00-\x1f\x7f]')  # by Tcl, by a text knob, or as a frame's number


def node(kind: str, knobs: Mapping[str, str]) -> str:
    """The text of a node; knobs: name -> value as Tcl reads it, one word."""
    return "".join((f"{kind} {{\n", *(f" {name} {value}\n" for name, value in knobs.items()), "}\n"))


def plain_text(text: str, what: str) -> str:
    """The text in quotes. Raises UserError for one that Nuke would change or run; what: of which thing it is."""
    if sign := RUN_OR_CHANGED.search(text):
        raise UserError(f"{text}: Nuke reads {sign[0]!r} in the {what} as a command; leave it out, or nuke_script.")
    return f'"{text}"'


def node_name(text: str) -> str:
    """A name for a node, of letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def number(value: float) -> str:
    """Of nine digits, as exact as a float of 32 bits."""
    return f"{value + 0.0:.9g}"


def keyed(
    frames: Sequence[int],
    values: np.ndarray,  # [T], one a frame
) -> str:
    """An element of a knob's value: a number that stays, or a curve with a key a frame."""
    texts = [number(value) for value in values]
    if len(set(texts)) == 1:
        return texts[0]
    return f"{{curve {' '.join(f'x{frame} {text}' for frame, text in zip(frames, texts))}}}"


def keyed_list(
    frames: Sequence[int],
    values: np.ndarray,  # [T,n]
) -> str:
    """The value of a knob with n numbers; of a knob with one as well."""
    return f"{{{' '.join(keyed(frames, column) for column in values.T)}}}"


def keyed_matrix(
    frames: Sequence[int],
    matrices: np.ndarray,  # [T,4,4] for column vectors
) -> str:
    """The value of a matrix knob, row by row."""
    return f"{{{' '.join(keyed_list(frames, matrices[:, row]) for row in range(4))}}}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's takes, read: what each of them speaks, and how much of each there is in what the head shows.

The active take's speech is the head's own properties; its row in the list is written when another one is chosen.
"""

import re
from collections.abc import Sequence

import bpy

from ...core.formats import UserError
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..speech.properties import Speech

Shares = tuple[tuple[int, float], ...]  # (row, its share of the pose); the shares sum to 1. (): the active take alone
WEIGHT_PATH = re.compile(r'talksplat\.takes\[(\d+|".*")\]\.weight')  # of an F-curve or a driver


def active_row(obj: bpy.types.Object) -> int | None:
    """The row of the take that the head speaks; None for a head without takes, and where that row has gone (with the
    library's of an override, or in a file that something else wrote)."""
    settings = settings_of(obj)
    return settings.loaded_take if 0 <= settings.loaded_take < len(settings.takes) else None


def speech_at(obj: bpy.types.Object, take: int | None) -> Speech:
    """What a take speaks; None: the active one."""
    settings = settings_of(obj)
    return settings if take is None or take == settings.loaded_take else settings.takes[take]


def active_name(obj: bpy.types.Object) -> str:
    """The name of the active take; "" where there is none."""
    row = active_row(obj)
    return "" if row is None else settings_of(obj).takes[row].name


def speech_named(obj: bpy.types.Object, name: str) -> Speech:
    """What the take of that name speaks, "": the head itself: a job that ends belongs to the take that was active when
    it began. Raises UserError where that one has gone."""
    settings = settings_of(obj)
    if not name:
        return settings
    index = settings.takes.find(name)
    if index < 0:
        raise UserError(f"{name} was removed or renamed meanwhile; choose its take and press the button again.")
    return speech_at(obj, index)


def is_blending(obj: bpy.types.Object) -> bool:
    """Whether the weights of the takes count: Blend is on, there are several, and the head has a rig to add them by."""
    settings = settings_of(obj)
    if not settings.blend_takes or len(settings.takes) < 2:
        return False
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    return head is not None and head.rig is not None


def shares_now(obj: bpy.types.Object, evaluated: bpy.types.Object) -> Shares:
    """How much of each take the head shows, by the weights of the evaluated object."""
    return shares_of(obj, [take.weight for take in settings_of(evaluated).takes]) if is_blending(obj) else ()


def shares_of(obj: bpy.types.Object, weights: Sequence[float]) -> Shares:
    """The same, of weights that are known. With all weights 0 the head shows the active take alone."""
    positive = [(row, weight) for row, weight in enumerate(weights) if weight > 0]
    if [row for row, _ in positive] in ([], [settings_of(obj).loaded_take]):
        return ()
    total = sum(weight for _, weight in positive)
    return tuple((row, weight / total) for row, weight in positive)


def weighted_row(obj: bpy.types.Object, path: str) -> int | None:
    """The take whose weight an F-curve or a driver of this path moves; None: it moves something else."""
    found = WEIGHT_PATH.fullmatch(path)
    if found is None:
        return None
    key = found[1]
    return int(key) if key.isdigit() else settings_of(obj).takes.find(bpy.utils.unescape_identifier(key[1:-1]))

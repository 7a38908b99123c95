# SPDX-License-Identifier: GPL-3.0-or-later
"""The F-curves and drivers of the takes' weights name a row by its number: they follow their take when rows move."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

import bpy

NUMBERED = re.compile(r"talksplat\.takes\[(\d+)\]\.weight")


def move_weights(obj: bpy.types.Object, rows: Mapping[int, int | None]) -> None:
    """rows: where each row has gone; None: it was removed, and what moved its weight goes too. Curves in an action of a
    library stay as they are."""
    if obj.animation_data is None:
        return
    for owner in _owners(obj.animation_data):
        numbered = [(curve, int(found[1])) for curve in owner if (found := NUMBERED.fullmatch(curve.data_path))]
        kept = [(curve, rows[row]) for curve, row in numbered if rows.get(row) is not None]
        for curve in [curve for curve, row in numbered if rows.get(row, row) is None]:
            owner.remove(curve)
        for curve, row in kept:
            curve.data_path = f"talksplat.takes[{row}].weight"


Curves = bpy.types.AnimDataDrivers | bpy.types.ActionChannelbagFCurves


def _owners(animation: bpy.types.AnimData) -> Iterator[Curves]:
    """The drivers, and the F-curves of the action in use and of the NLA's, each action once."""
    yield animation.drivers
    strips = [strip for track in animation.nla_tracks for strip in track.strips]
    met = []
    for user in (animation, *strips):
        if user.action is None or user.action_slot is None or user.action.library:
            continue
        bags = [
            cast(bpy.types.ActionKeyframeStrip, strip).channelbag(user.action_slot)
            for layer in user.action.layers
            for strip in layer.strips
        ]
        fresh = [bag for bag in bags if bag and bag not in met]
        met += fresh
        yield from (bag.fcurves for bag in fresh)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a view layer shows heads: as objects of its own, and where collection instances or other instancers put them.

A head that is placed three times needs three pictures, each of its own place and with its own depth.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import bpy
from mathutils import Matrix

from ..head_objects import is_head, placed_heads


class Placement(NamedTuple):
    """One place of a head; equal in every frame and in every evaluation."""

    head: bpy.types.Object
    instancer: bpy.types.Object | None = None  # None: the head's own object is shown
    number: int = 0  # of the places that the instancer gives the head


def placements_in(place: bpy.types.Scene | bpy.types.ViewLayer) -> list[Placement]:
    """The heads of a scene or a view layer, those of collection instances too. Evaluates nothing: a panel may ask."""
    shown = ((head, None if shower == head else shower) for head, _, shower in placed_heads(place))
    return list(_numbered(shown))


def matrices_in(graph: bpy.types.Depsgraph) -> dict[Placement, Matrix]:
    """Head space -> world for each place of a head that `graph` shows, in its view layer and at its frame; an instancer
    may be geometry nodes, too."""
    shown, matrices = [], []
    for instance in graph.object_instances:  # an item is valid until the next one
        head = instance.object.original if instance.object else None
        if head is not None and is_head(head) and instance.show_self:
            shown.append((head, instance.parent.original if instance.is_instance and instance.parent else None))
            matrices.append(instance.matrix_world.copy())
    return dict(zip(_numbered(shown), matrices))


def evaluated_placements(layer: bpy.types.ViewLayer) -> list[Placement]:
    """`placements_in`, and what only an evaluation finds: the instances that geometry nodes make."""
    layer.update()
    found = matrices_in(layer.depsgraph) if layer.depsgraph else {}
    return list(dict.fromkeys([*placements_in(layer), *found]))


def _numbered(shown: Iterable[tuple[bpy.types.Object, bpy.types.Object | None]]) -> Iterator[Placement]:
    counts: Counter[tuple[bpy.types.Object, bpy.types.Object | None]] = Counter()
    for pair in shown:
        yield Placement(*pair, counts[pair])
        counts[pair] += 1

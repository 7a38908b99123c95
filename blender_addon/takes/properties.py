# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of a head, as the .blend keeps them: a list of what it can speak, one of which is active."""

from typing import cast

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, StringProperty

from ..slider_properties import show_now
from ..speech.properties import Speech


def _keep_unique(group: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """A take was renamed: no two have one name, and what names it follows."""
    from . import take_list as takes

    takes.renamed(takes.owner_of(group), cast(TalkSplatTake, group))


def _choose(group: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """A row of the list was chosen: the head speaks that take."""
    from . import take_list as takes

    takes.choose(takes.owner_of(group))


def _begin_blend(group: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Blend was switched on: the head shows what it showed, until a weight is moved."""
    from . import take_list as takes

    takes.begin_blend(takes.owner_of(group))
    show_now(group, context)


def _hear(group: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """Solo was switched."""
    from . import take_list as takes

    takes.solo_changed(takes.owner_of(group))


class TalkSplatTake(Speech, bpy.types.PropertyGroup):
    """One row of the list. While it is active, the head's own properties are what counts of its speech."""

    name: StringProperty(name="Name", description="Double-click to rename", update=_keep_unique)
    weight: FloatProperty(
        name="Weight",
        description="How much of this take there is in the blend, in proportion to the other weights. It can be keyed "
        "and driven. A take whose strips are all muted moves the mouth all the same: what is heard is up to the "
        "sequencer",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=show_now,
    )
    muted_strips: StringProperty(
        description="Names, one a line, of the strips that choosing another take muted", options={"HIDDEN"}
    )


class TakeList:
    """Mixed into the head's properties."""

    takes: CollectionProperty(type=TalkSplatTake)
    active_take: IntProperty(
        name="Active Take",
        description="The take that the head speaks; the panels show its strip and its bake",
        update=_choose,
        options=set(),
    )
    loaded_take: IntProperty(description="The take that the head's own properties are of", options={"HIDDEN"})
    blend_takes: BoolProperty(
        name="Blend",
        description="Show the mean of all takes by their weights, rather than the active take alone. The sound and the "
        "bake are still those of the active take",
        update=_begin_blend,
        options=set(),
    )
    solo_take: BoolProperty(
        name="Solo",
        default=True,
        description="Hear the active take alone: choosing a take mutes the strips of the others, and unmutes those of "
        "its own that were muted in this way. Strips that you muted yourself stay muted",
        update=_hear,
        options=set(),
    )
    compare_with: StringProperty(
        name="Compare With", description="The take that Compare shows in place of the active one", update=show_now
    )

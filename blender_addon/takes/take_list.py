# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a head's takes, changed: one is added, chosen, renamed, moved, removed. A take holds names and paths
alone, so that many of them cost nothing.
"""

from typing import cast

import bpy

from .. import head_paths, playback
from ..blender_types import current_context
from ..head_objects import settings_of
from ..properties import TalkSplatHead
from ..speech.properties import Speech, TalkSplatSound
from ..unique_name import unique_name
from . import compare as take_compare
from . import solo as take_solo
from .blend import active_name, active_row
from .curves import move_weights
from .properties import TalkSplatTake

# In their order in Speech: a channel is set after the choice of a channel, which would set it too.
COPIED = tuple(name for name in Speech.__annotations__ if name != "more_sounds")
NEW_NAME = "Take {}"


def owner_of(group: bpy.types.PropertyGroup) -> bpy.types.Object:
    """The head that a take, or a head's settings, belong to."""
    return cast(bpy.types.Object, group.id_data)


def add_take(obj: bpy.types.Object) -> None:
    """A take of what is attached now, which becomes the active one; the first one plays the head's bake too."""
    settings = settings_of(obj)
    is_first = not settings.takes
    _append(obj, _free_name(NEW_NAME.format(len(settings.takes) + 1), settings))
    if not is_first:
        settings.bake = ""
    _show()


def duplicate_take(obj: bpy.types.Object) -> None:
    """A copy of the active take with its bake, which becomes the active one."""
    _append(obj, _free_name(active_name(obj), settings_of(obj)))
    _show()


def _append(obj: bpy.types.Object, name: str) -> None:
    """A row of what the head speaks now."""
    settings = settings_of(obj)
    _store_active(obj)
    _leave(obj, name)
    settings.takes.add().name = name
    settings.loaded_take = settings.active_take = len(settings.takes) - 1
    _store_active(obj)


def choose(obj: bpy.types.Object) -> None:
    """Speak the take of the chosen row."""
    settings = settings_of(obj)
    row = min(max(settings.active_take, 0), len(settings.takes) - 1)
    if row < 0 or obj.library:
        return
    if row != settings.active_take:
        settings.active_take = row  # comes here again
        return
    if row == settings.loaded_take:
        return
    _leave(obj, settings.takes[row].name)
    with playback.suspended():
        _store_active(obj)
        _load(obj, row)
    _show()


def remove_take(obj: bpy.types.Object) -> None:
    """Take the active row out of the list; its files stay. The row below becomes the active one. Without any row the
    head speaks on what it spoke."""
    settings = settings_of(obj)
    removed, count = settings.loaded_take, len(settings.takes)
    take_compare.end(obj)
    if settings.compare_with == settings.takes[removed].name:
        settings.compare_with = ""
    settings.takes.remove(removed)
    move_weights(obj, {row: None if row == removed else row - (row > removed) for row in range(count)})
    with playback.suspended():
        if settings.takes:
            _load(obj, min(removed, count - 2))
        else:
            settings.loaded_take = settings.active_take = 0
    _show()


def move_take(obj: bpy.types.Object, step: int) -> None:
    """Move the active row by `step` (-1: up, 1: down); curves and drivers of its weight go with it."""
    settings = settings_of(obj)
    one, other = settings.loaded_take, settings.loaded_take + step
    if not 0 <= other < len(settings.takes):
        return
    settings.takes.move(one, other)
    move_weights(obj, {one: other, other: one})
    settings.loaded_take = settings.active_take = other


def is_of_library(obj: bpy.types.Object, row: int) -> bool:
    """Whether the row of a library override is the library's: Blender would bring it back."""
    reference = obj.override_library.reference if obj.override_library else None
    return isinstance(reference, bpy.types.Object) and row < len(settings_of(reference).takes)


def renamed(obj: bpy.types.Object, take: TalkSplatTake) -> None:
    """A take got a name: no other has it, and what names a take that is gone meant this one."""
    settings = settings_of(obj)
    others = [other.name for other in settings.takes if other != take]
    if not take.name or take.name in others:
        take.name = _free_name(take.name or NEW_NAME.format(len(settings.takes)), settings)  # comes here again
    elif settings.compare_with and settings.compare_with not in others:
        settings.compare_with = take.name


def begin_blend(obj: bpy.types.Object) -> None:
    """The active take gets the weight 1 where no take has any."""
    settings = settings_of(obj)
    row = active_row(obj)
    if settings.blend_takes and row is not None and not any(take.weight for take in settings.takes):
        settings.takes[row].weight = 1.0


def solo_changed(obj: bpy.types.Object) -> None:
    """Solo was switched on or off."""
    settings = settings_of(obj)
    if settings.solo_take and settings.takes:
        take_solo.hear_alone(obj, current_context().scene)
    else:
        take_solo.hear_all(obj, current_context().scene)


def _leave(obj: bpy.types.Object, name: str) -> None:
    """Another take than the active one is about to be spoken, and is compared with this one where it was compared."""
    settings = settings_of(obj)
    if settings.takes and settings.compare_with in ("", name):
        settings.compare_with = active_name(obj)
    take_compare.end(obj)


def _store_active(obj: bpy.types.Object) -> None:
    """The head's own speech into the active row."""
    settings, row = settings_of(obj), active_row(obj)
    if row is not None:
        with playback.suspended():
            _copy(obj, settings, settings.takes[row])


def _load(obj: bpy.types.Object, row: int) -> None:
    """A row becomes the head's own speech."""
    settings = settings_of(obj)
    _copy(obj, settings.takes[row], settings)
    settings.loaded_take = settings.active_take = row
    if settings.solo_take:
        take_solo.hear_alone(obj, current_context().scene)


def _copy(obj: bpy.types.Object, source: Speech, target: Speech) -> None:
    for name in COPIED:
        _copy_value(obj, name, source, target)
    target.more_sounds.clear()
    for sound in source.more_sounds:
        copy = target.more_sounds.add()
        for name in TalkSplatSound.__annotations__:
            _copy_value(obj, name, sound, copy)


def _copy_value(
    obj: bpy.types.Object, name: str, source: Speech | TalkSplatSound, target: Speech | TalkSplatSound
) -> None:
    """A library override's path may be the library's in one place, and must not be taken for its own in the other."""
    if obj.override_library and name in head_paths.PATHS and getattr(source, name):
        head_paths.store_path(obj, name, head_paths.path_of(obj, name, source), target)
    elif getattr(source, name) != getattr(target, name):
        setattr(target, name, getattr(source, name))


def _free_name(wanted: str, settings: TalkSplatHead) -> str:
    return unique_name(wanted, {take.name for take in settings.takes})


def _show() -> None:
    playback.refresh(current_context().scene)

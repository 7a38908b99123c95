# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of a head are, whichever .blend the head came from.

`//` in a path is the folder of the .blend that the path was written in: this one, or the library of a linked head. A
library override keeps the library's path until it gets one of its own. A pasted head remembers the folder it was copied
from, and a performance is cached by its name, so that both are found on a second look.
"""

import os
import re
from typing import cast

import bpy

from . import preferences
from .head_objects import settings_of
from .open_files import storable
from .properties import TalkSplatHead
from .scene.sound_source import PACKED
from .speech.properties import Speech, TalkSplatSound

Holder = Speech | TalkSplatSound  # of paths
PATHS = ("head", "sound", "bake", "words")  # stored relative where they can be; the cached performance stays absolute


def path_of(obj: bpy.types.Object, name: str, item: Holder | None = None) -> str:
    """The absolute path of a head's file, one of PATHS or "performance"; "" where the head names none.

    item: one of its takes, or for "sound" and "performance" one of its further sounds. Of several places the first at
    which there is a file, else the first. A packed sound without a file keeps its name.
    """
    settings = settings_of(obj)
    value = getattr(item or settings, name)
    if not value or value.startswith(PACKED):
        return value
    path = os.path.normpath(bpy.path.abspath(value, library=_library_of(obj, name, item or settings)))
    if os.path.isfile(path):
        return path
    return next((other for other in _other_places(settings, name, value) if os.path.isfile(other)), path)


def missing_head_reason(obj: bpy.types.Object) -> str:
    """Why no job can be done that reads the head's file, with the button that cures it; "" when the file is there."""
    path = path_of(obj, "head")
    return "" if os.path.isfile(path) else f"{os.path.basename(path)} is missing: press Relink Head first"


def store_path(
    obj: bpy.types.Object, name: str, path: str, item: Holder | None = None, folder: str | None = None
) -> None:
    """Keep an absolute path as a .blend in `folder` should; None: as the open one should.

    item: one of its further sounds or takes. A library override writes nothing that would read as the library's own
    path.
    """
    item = item or settings_of(obj)
    stored = path if path.startswith(PACKED) else storable(path, folder)
    setattr(item, name, path if stored == _library_value(obj, name, item) else stored)


def store_paths(obj: bpy.types.Object, folder: str) -> None:
    """Write a head's paths as a .blend in `folder` should keep them; a library override keeps what is the library's."""
    for item, name in _holders(obj):
        value = getattr(item, name)
        if value and value != _library_value(obj, name, item):
            store_path(obj, name, path_of(obj, name, item), item, folder)
    settings_of(obj).stored_in = folder


def stored_paths(obj: bpy.types.Object) -> list[str]:
    """What `store_paths` changes, for `put_back_paths`."""
    return [settings_of(obj).stored_in, *(getattr(item, name) for item, name in _holders(obj))]


def put_back_paths(obj: bpy.types.Object, values: list[str]) -> None:
    """As they were before `store_paths`."""
    settings_of(obj).stored_in, *paths = values
    for (item, name), value in zip(_holders(obj), paths):
        setattr(item, name, value)


def _holders(obj: bpy.types.Object) -> list[tuple[Holder, str]]:
    """Each of a head's paths that is stored relative: (what holds it, its name)."""
    settings = settings_of(obj)
    sounds = [sound for speech in (settings, *settings.takes) for sound in (speech, *speech.more_sounds)]
    files = [(speech, name) for speech in (settings, *settings.takes) for name in ("bake", "words")]
    return [(settings, "head"), *((sound, "sound") for sound in sounds), *files]


def adopt_paths(obj: bpy.types.Object, folder: str) -> None:
    """Make the paths of a head that was appended or pasted right for the open file.

    folder: of the .blend that it came from. What is pasted comes from a buffer, whose folder holds none of its files.
    """
    settings = settings_of(obj)
    for item, name in _holders(obj):
        value = getattr(item, name)
        if value.startswith("//"):
            places = [
                os.path.normpath(os.path.join(place, value[2:])) for place in (folder, settings.stored_in) if place
            ]
            path = next((place for place in places if os.path.isfile(place)), places[-1])
            setattr(item, name, storable(path))
    settings.stored_in = open_folder()


def open_folder() -> str:
    """The folder of the open .blend; "" while it was never saved."""
    return os.path.dirname(bpy.data.filepath) if bpy.data.filepath else ""


def _reference_of(obj: bpy.types.Object) -> bpy.types.Object | None:
    override = obj.override_library
    return override.reference if override else None  # pyright: ignore[reportReturnType]  (of an object: an object)


def _library_of(obj: bpy.types.Object, name: str, item: Holder) -> bpy.types.Library | None:
    """The library whose folder `//` means; an override's path that equals the library's is the library's."""
    reference = _reference_of(obj)
    same = _same_in(reference, item) if reference else None
    if reference and same and getattr(item, name) == getattr(same, name):
        return _library_of(reference, name, same)
    return obj.library


def _library_value(obj: bpy.types.Object, name: str, item: Holder) -> str | None:
    """What the library's head has in place of an override's path; None where there is no such thing."""
    reference = _reference_of(obj)
    same = _same_in(reference, item) if reference else None
    return getattr(same, name) if same else None


def _same_in(reference: bpy.types.Object, item: Holder) -> Holder | None:
    """What the library's head has in the item's place; None for what the override added."""
    try:
        return cast(Holder, reference.path_resolve(cast(bpy.types.PropertyGroup, item).path_from_id()))
    except ValueError:
        return None


def _other_places(settings: TalkSplatHead, name: str, value: str) -> list[str]:
    places = []
    if value.startswith("//") and settings.stored_in:
        places.append(os.path.normpath(os.path.join(settings.stored_in, value[2:])))
    if name == "performance":
        places.append(str(preferences.own_folder("performances") / re.split(r"[\\/]", value)[-1]))
    return places

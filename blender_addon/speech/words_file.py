# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of words of a head's sound: what the graph shows, and what sharpens the lips by its phones.

Knows no sounds but by their names, as `sound_source` gives them.
"""

import bpy

from ...core.formats import UserError, WordTimings, hash_of_words, read_words, words_beside
from ...core.jobs import Bake
from ...core.performance import no_sharpening_reason
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..open_files import FileCache
from ..scene.sound_source import PACKED

open_words: FileCache[WordTimings] = FileCache(
    read_words, "The words {} are missing; choose them again, or remove them."
)


def words_file(obj: bpy.types.Object, sound: str, first: str | None = None) -> str:
    """The absolute path of the words of one of a head's sounds; "" for none. What was chosen belongs to its first, the
    one that is attached, or that is to be."""
    settings = settings_of(obj)
    first = head_paths.path_of(obj, "sound", settings) if first is None else first
    if settings.words and sound == first:
        return head_paths.path_of(obj, "words")
    return "" if not sound or sound.startswith(PACKED) else words_beside(sound)


def unsharpened_reason(obj: bpy.types.Object) -> str:
    """Why no words can sharpen the head's lips, as the end of a sentence; "" where they can, or it is not loaded."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    return no_sharpening_reason(head.file) if head else ""


def sharpening_words(obj: bpy.types.Object, sound: str, first: str | None = None) -> tuple[str, str]:
    """(the file, the hash of its phones) by which the lips are sharpened in a sound, as `words_file` finds it; "" both
    where they are not. A file that cannot be read has its own sentence beside its name."""
    path = words_file(obj, sound, first) if settings_of(obj).sharpen_by_words and not unsharpened_reason(obj) else ""
    try:
        phone_hash = open_words(path).phone_hash if path else ""
    except UserError:
        phone_hash = ""
    return (path, phone_hash) if phone_hash else ("", "")


def words_hash(job: Bake, obj: bpy.types.Object) -> str:
    """What a bake of `job`, whose sounds are named as `sound_source` names them, calls its words."""
    return hash_of_words([sharpening_words(obj, sound)[1] for sound in job.sounds])

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a sound: a stamp that one look at the disk gives, and its SHA-256, which a thread works out.

A panel may ask for either at every redraw: it never waits, whatever file a strip names. A sound that is packed into the
.blend is what Blender plays, whatever its path leads to; the worker reads a copy of it, named by its content.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from ...core.formats import UserError, atomic_write, open_untrusted
from .. import preferences
from ..scene.sound_source import PACKED, find_sound

SMALL = 16 << 20  # bytes that are hashed at once when a button was pressed: a twentieth of a second
BLOCK = 1 << 22  # bytes

_known: dict[tuple[str, str], str | UserError] = {}  # (source, stamp) -> SHA-256, or why there is none
_at_work: set[tuple[str, str]] = set()


def stamp_of(source: str) -> str:
    """Size and time of the sound's file, or the size of what is packed; "" where there is neither."""
    sound = find_sound(source)
    if sound is not None and sound.packed_file is not None:
        return f"packed {sound.packed_file.size}"
    try:
        state = os.stat(source)
    except (OSError, ValueError):  # ValueError: a NUL inside the path
        return ""
    return f"{state.st_size} {state.st_mtime_ns}" if stat.S_ISREG(state.st_mode) else ""


def known_hash(source: str) -> str | None:
    """The SHA-256, None until a thread, which this starts, has worked it out. Raises UserError where it could not."""
    key = (source, stamp_of(source))
    found = _known.get(key)
    if found is None and key not in _at_work:
        _at_work.add(key)
        threading.Thread(target=_work_out, args=(key, _packed_bytes(source)), daemon=True).start()
    if isinstance(found, UserError):
        raise found
    return found


def hash_steps(source: str) -> Iterator[None]:
    """Work it out now where that takes no time, else wait for the thread, step by step. Raises UserError."""
    key = (source, stamp_of(source))
    size = key[1].removeprefix("packed ").split(" ")[0]
    if not key[1] or int(size) <= SMALL:
        _work_out(key, _packed_bytes(source))
    while known_hash(source) is None:
        yield


def playable_file(source: str) -> str:
    """The absolute path of a file with the sound for the worker. Raises UserError where there is none."""
    data = _packed_bytes(source)
    if data is None:
        if source.startswith(PACKED):
            raise UserError(f"The sound {source.removeprefix(PACKED)} has no file and is not packed; add it again.")
        with open_untrusted(source):  # a pipe or a device is told here, before anything waits for it
            return source
    digest = hashlib.sha256(data).hexdigest()
    path = preferences.own_folder("sounds") / f"{digest[:20]}{Path(source).suffix or '.wav'}"
    if not path.is_file() or path.stat().st_size != len(data):
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    return str(path)


def _packed_bytes(source: str) -> bytes | None:
    sound = find_sound(source)
    return sound.packed_file.data if sound is not None and sound.packed_file is not None else None


def _work_out(key: tuple[str, str], data: bytes | None) -> None:
    try:
        _known[key] = hashlib.sha256(data).hexdigest() if data is not None else _file_hash(key[0])
    except UserError as error:
        _known[key] = error
    _at_work.discard(key)


def _file_hash(path: str) -> str:
    digest = hashlib.sha256()
    with open_untrusted(path) as (file, _size):
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def forget() -> None:
    """What could not be read may be there now (Reload)."""
    _known.clear()

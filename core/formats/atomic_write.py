# SPDX-License-Identifier: GPL-3.0-or-later
"""Write beside, then rename: a reader sees the old file or the whole new one, never a half."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# mkstemp makes private files; a shot folder is shared with other people and farm machines. The process's umask can
# only be read by setting it, which is not safe beside other threads: once, here.
_UMASK = os.umask(0o022)
os.umask(_UMASK)
SHARED = 0o666 & ~_UMASK


def is_nonempty_file(path: Path) -> bool:
    """Whether a file is there with something in it: a crash of the machine can leave a name without its bytes."""
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on a clean exit it takes `path`'s name.

    The temporary name keeps the suffix (encoders choose the format by it). When the body raises,
    the temporary file is removed and `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(SHARED)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Write to a temporary file, then rename: a reader sees the old file or the complete new one, never a part."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# mkstemp makes private files; a shot folder is shared with other people and render farms. The process's umask can only
# be read by setting it, which is not safe while other threads run: once, on import.
_UMASK = os.umask(0o022)
os.umask(_UMASK)
FILE_MODE = 0o666 & ~_UMASK


def is_nonempty_file(path: Path) -> bool:
    """Whether `path` is a file with content: a crash of the machine can leave an empty one."""
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which is made if missing; on a clean exit it is renamed to `path`.

    The temporary name keeps the suffix (encoders choose the format by it). When the body raises, the temporary file
    is removed and `path` stays as it was. Raises OSError.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(FILE_MODE)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

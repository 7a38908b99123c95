# SPDX-License-Identifier: GPL-3.0-or-later
"""An error of the system without a name gets one: a full disk under write() or fsync() does not say which file."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def name_errors(path: Path | str, *also: Path) -> Iterator[None]:
    """An OSError of the body that names no file, or one of `also` (a temporary name of it), names `path`."""
    try:
        yield
    except OSError as error:
        if error.filename not in (None, *map(str, also)):
            raise
        code = error.errno or errno.EIO  # libraries raise it with a text alone
        raise OSError(code, os.strerror(code) if error.errno else str(error), str(path)) from error

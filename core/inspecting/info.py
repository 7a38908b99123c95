# SPDX-License-Identifier: GPL-3.0-or-later
"""The handler of `Info`. Needs neither torch nor numba."""

from collections.abc import Iterator

from ..jobs import Event, Finished, Info
from .describe import describe


def info(job: Info) -> Iterator[Event]:
    """One event: the names and values that describe the file, in order. Raises UserError."""
    yield Finished(dict(describe(job.file)))

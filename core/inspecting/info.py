# SPDX-License-Identifier: GPL-3.0-or-later
"""What one of our files holds. The ground floor reads it; no torch, no numba."""

from collections.abc import Iterator

from ..jobs import Event, Finished, Info
from .describe import describe


def info(job: Info) -> Iterator[Event]:
    """One event: the file's names and values, in the order in which they are said. Raises Refusal."""
    yield Finished(dict(describe(job.file)))

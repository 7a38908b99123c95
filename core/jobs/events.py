# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job handler yields while it works. A handler is a generator of events; closing it cancels the job."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Started:
    """The work begins; a later one replaces the first where the amount becomes known only then."""

    title: str  # "Baking 72 frames of anna"
    total: int  # steps, 0 when unknown


@dataclass(frozen=True)
class Progress:
    """How far the work is."""

    done: int
    total: int
    remaining: float  # seconds, estimated; -1 when unknown
    note: str = ""  # what is being worked on, "frame 12"


@dataclass(frozen=True)
class Warned:
    """Something the user should know; the work continues."""

    sentence: str


@dataclass(frozen=True)
class Finished:
    """The last event of a job that succeeded."""

    result: dict = field(default_factory=dict)  # JSON values only: paths, counts, seconds


@dataclass(frozen=True)
class Failed:
    """The last event of a job that could not be done."""

    sentence: str  # one sentence that names the file and the fix


@dataclass(frozen=True)
class Cancelled:
    """The last event of a job that was cancelled."""

    sentence: str  # what is kept and how to continue


Event = Started | Progress | Warned | Finished | Failed | Cancelled  # what a job handler yields

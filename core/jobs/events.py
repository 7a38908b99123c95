# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deed answers while it works. A deed is a generator of events; closing it cancels it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Started:
    title: str  # "Baking 72 frames of anna"
    total: int  # steps, 0 when unknown


@dataclass(frozen=True)
class Progress:
    done: int
    total: int
    remaining: float  # seconds, the estimate; -1 when unknown
    note: str = ""


@dataclass(frozen=True)
class Warned:
    sentence: str


@dataclass(frozen=True)
class Finished:
    result: dict = field(default_factory=dict)  # JSON values only: paths, counts, seconds


@dataclass(frozen=True)
class Failed:
    sentence: str  # one sentence that names the file and the cure


@dataclass(frozen=True)
class Cancelled:
    sentence: str  # what is kept and how to go on


Event = Started | Progress | Warned | Finished | Failed | Cancelled

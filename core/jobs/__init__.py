# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked (one frozen dataclass a job) and what is answered (events)."""

from .events import Cancelled, Event, Failed, Finished, Progress, Started, Warned
from .messages import Bake, Convert, Evaluate, Info, Job, Perform, Prepare, Render, Train
from .pace import Pace

__all__ = [
    "Bake",
    "Cancelled",
    "Convert",
    "Evaluate",
    "Event",
    "Failed",
    "Finished",
    "Info",
    "Job",
    "Pace",
    "Perform",
    "Prepare",
    "Progress",
    "Render",
    "Started",
    "Train",
    "Warned",
]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs (one frozen dataclass each), the events that answer them, and the estimate of the remaining time."""

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

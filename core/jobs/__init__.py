# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs (one frozen dataclass each), the events that answer them, and the estimate of the remaining time."""

from .events import Cancelled, Event, Failed, Finished, Progress, Started, Warned
from .messages import (
    DEFAULT_PASSES,
    DEVICES,
    RIG_BOUND,
    Adapt,
    Align,
    Bake,
    Convert,
    Evaluate,
    Export,
    ExportRig,
    ImportHead,
    Info,
    Job,
    MakeProxy,
    MakeRig,
    Perform,
    Prepare,
    Render,
    Train,
)
from .outputs import check_outputs, files_name
from .pace import Pace

__all__ = [
    "DEFAULT_PASSES",
    "DEVICES",
    "RIG_BOUND",
    "Adapt",
    "Align",
    "Bake",
    "Cancelled",
    "Convert",
    "Evaluate",
    "Event",
    "Export",
    "ExportRig",
    "Failed",
    "Finished",
    "ImportHead",
    "Info",
    "Job",
    "MakeProxy",
    "MakeRig",
    "Pace",
    "Perform",
    "Prepare",
    "Progress",
    "Render",
    "Started",
    "Train",
    "Warned",
    "check_outputs",
    "files_name",
]

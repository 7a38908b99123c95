# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs (one frozen dataclass each), the events that answer them, and the estimate of the remaining time."""

from .events import Cancelled, Event, Failed, Finished, Progress, Started, Warned
from .job_fields import DEVICES, Job
from .job_file import JobFile, read_job_file, write_job_file
from .messages import (
    RIG_BOUND,
    Adapt,
    Align,
    Convert,
    Evaluate,
    ExportRig,
    ImportHead,
    Info,
    MakeProxy,
    MakeRig,
    Perform,
    Prepare,
    Train,
)
from .name_tokens import (
    TOKENS,
    SequenceName,
    existing_versions,
    fill_path,
    fill_tokens,
    folder_of_versions,
    has_version,
    numbered_file,
    with_suffix,
    with_version,
)
from .outputs import check_outputs, files_name
from .pace import Pace
from .shot_messages import DEFAULT_PASSES, Bake, Do, Export, Render, Shots, Warm
from .shutter import SHUTTER_POSITIONS, shutter_times
from .talksplat_version import talksplat_version

__all__ = [
    "DEFAULT_PASSES",
    "DEVICES",
    "RIG_BOUND",
    "SHUTTER_POSITIONS",
    "TOKENS",
    "Adapt",
    "Align",
    "Bake",
    "Cancelled",
    "Convert",
    "Do",
    "Evaluate",
    "Event",
    "Export",
    "ExportRig",
    "Failed",
    "Finished",
    "ImportHead",
    "Info",
    "Job",
    "JobFile",
    "MakeProxy",
    "MakeRig",
    "Pace",
    "Perform",
    "Prepare",
    "Progress",
    "Render",
    "SequenceName",
    "Shots",
    "Started",
    "Train",
    "Warm",
    "Warned",
    "check_outputs",
    "existing_versions",
    "files_name",
    "fill_path",
    "fill_tokens",
    "folder_of_versions",
    "has_version",
    "numbered_file",
    "read_job_file",
    "shutter_times",
    "talksplat_version",
    "with_suffix",
    "with_version",
    "write_job_file",
]

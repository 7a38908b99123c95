# SPDX-License-Identifier: GPL-3.0-or-later
"""What drives a head over time, and the numpy replay that moves it. numpy and the standard library only."""

from .branch_settings import AUDIO_GATE, EXPRESSION_GATE, FUSION_NAMES, OUTPUTS, BranchSettings
from .condition import PERFORMANCE_FORMAT, SAMPLE_RATE, Condition, Performance, read_performance, write_performance
from .controls import CONTROLS, Control, Controls, controls_card
from .planes import PLANES
from .replay import Frame, Replay
from .time import frame_time, parse_rate
from .upper_face import smoothstep

__all__ = [
    "AUDIO_GATE",
    "CONTROLS",
    "EXPRESSION_GATE",
    "FUSION_NAMES",
    "OUTPUTS",
    "PERFORMANCE_FORMAT",
    "PLANES",
    "SAMPLE_RATE",
    "BranchSettings",
    "Condition",
    "Control",
    "Controls",
    "Frame",
    "Performance",
    "Replay",
    "controls_card",
    "frame_time",
    "parse_rate",
    "read_performance",
    "smoothstep",
    "write_performance",
]

# SPDX-License-Identifier: GPL-3.0-or-later
"""What drives a head over time, the animator's controls, and the numpy replay that moves a head. Needs numpy alone."""

from .any_voice import ANY_VOICE, not_adaptable_reason
from .audio_inference import AudioInference, audio_net_shapes
from .branch_settings import AUDIO_GATE, EXPRESSION_GATE, OUTPUTS, BranchSettings
from .condition import (
    PERFORMANCE_FORMAT,
    SAMPLE_RATE,
    Condition,
    Performance,
    performance_file,
    read_performance,
    write_performance,
)
from .controls import CONTROLS, GROUPS, Control, Controls, controls_card
from .correction import BLEND_TIME, Correction, FallOff, corrected
from .folding import FUSION_TYPES
from .frame_rate import frame_time, parse_rate
from .head_part import part_of
from .head_replay import HeadReplay
from .key_fitting import Keys, PoseMetric, fit_pose_keys, joined_keys, smoothed
from .landmark_carrier import LandmarkCarrier, canonical_landmarks
from .line_dynamics import suggested_opening
from .mesh_carrier import MeshCarrier
from .planes import PLANES
from .pose_change import PoseChange, pose_vector
from .pose_controls import NEARLY_CLOSED, POSED, change_pose
from .replay import Frame, Replay, field_shapes
from .rest import SILENCE_FILE, features_of_silence, rest_condition
from .rest_difference import difference_from_rest
from .rig_replay import RigReplay
from .sides import side_of
from .spoken_words import no_sharpening_reason
from .upper_face import smoothstep

__all__ = [
    "ANY_VOICE",
    "AUDIO_GATE",
    "BLEND_TIME",
    "CONTROLS",
    "EXPRESSION_GATE",
    "FUSION_TYPES",
    "GROUPS",
    "NEARLY_CLOSED",
    "OUTPUTS",
    "PERFORMANCE_FORMAT",
    "PLANES",
    "POSED",
    "SAMPLE_RATE",
    "SILENCE_FILE",
    "AudioInference",
    "BranchSettings",
    "Condition",
    "Control",
    "Controls",
    "Correction",
    "FallOff",
    "Frame",
    "HeadReplay",
    "Keys",
    "LandmarkCarrier",
    "MeshCarrier",
    "Performance",
    "PoseChange",
    "PoseMetric",
    "Replay",
    "RigReplay",
    "audio_net_shapes",
    "canonical_landmarks",
    "change_pose",
    "controls_card",
    "corrected",
    "difference_from_rest",
    "features_of_silence",
    "field_shapes",
    "fit_pose_keys",
    "frame_time",
    "joined_keys",
    "no_sharpening_reason",
    "not_adaptable_reason",
    "parse_rate",
    "part_of",
    "performance_file",
    "pose_vector",
    "read_performance",
    "rest_condition",
    "side_of",
    "smoothed",
    "smoothstep",
    "suggested_opening",
    "write_performance",
]

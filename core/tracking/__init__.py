# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces in pictures: landmarks, the rig fitted to them, expression channels, depth."""

from .channels import EXPRESSION_CHANNELS, LID_AT_LOOK_DOWN, RestLevels, estimate_rest_levels, expression_channels
from .fit import INNER_LANDMARKS, FaceIdentity, fit_clip, fit_identity, intrinsics_matrix, select_diverse_frames
from .ibug import IBUG68
from .landmarker import BLENDSHAPES, LANDMARK_COUNT, LANDMARKER_MODEL, Landmarker
from .pose import FRONTAL_ROTATION, project_points
from .rig import (
    PART_EYE,
    PART_MOUTH,
    PART_NECK,
    PART_SKIN,
    RIG_FILE,
    RIG_STEP,
    FaceRig,
    load_rig,
    view_direction_terms,
)
from .selfie import PersonSegmenter
from .surface import estimate_person_depth, rasterize_triangles, render_surface

__all__ = [
    "BLENDSHAPES",
    "EXPRESSION_CHANNELS",
    "FRONTAL_ROTATION",
    "IBUG68",
    "INNER_LANDMARKS",
    "LANDMARKER_MODEL",
    "LANDMARK_COUNT",
    "LID_AT_LOOK_DOWN",
    "PART_EYE",
    "PART_MOUTH",
    "PART_NECK",
    "PART_SKIN",
    "RIG_FILE",
    "RIG_STEP",
    "FaceIdentity",
    "FaceRig",
    "Landmarker",
    "PersonSegmenter",
    "RestLevels",
    "estimate_person_depth",
    "estimate_rest_levels",
    "expression_channels",
    "fit_clip",
    "fit_identity",
    "intrinsics_matrix",
    "load_rig",
    "project_points",
    "rasterize_triangles",
    "render_surface",
    "select_diverse_frames",
    "view_direction_terms",
]

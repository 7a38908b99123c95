# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces in pictures: landmarks, the rig fitted to them, expression channels, surfaces."""

from .channels import EXPRESSION_CHANNELS, LID_AT_LOOK_DOWN, Rest, estimate_rest, expression_channels
from .fit import INNER_FACE, Identity, fit_clip, fit_identity, lens_matrix, spread
from .ibug import IBUG68
from .landmarker import BLENDSHAPES, LANDMARK_COUNT, LANDMARKER_MODEL, Landmarker
from .pose import FRONTAL, project_points
from .rig import PART_EYE, PART_MOUTH, PART_NECK, PART_SKIN, RIG_FILE, STEP, FaceRig, load_rig, view_terms
from .selfie import Segmenter
from .surface import extend_surface, fill, render_surface

__all__ = [
    "BLENDSHAPES",
    "EXPRESSION_CHANNELS",
    "FRONTAL",
    "IBUG68",
    "INNER_FACE",
    "LANDMARKER_MODEL",
    "LANDMARK_COUNT",
    "LID_AT_LOOK_DOWN",
    "PART_EYE",
    "PART_MOUTH",
    "PART_NECK",
    "PART_SKIN",
    "RIG_FILE",
    "STEP",
    "FaceRig",
    "Identity",
    "Landmarker",
    "Rest",
    "Segmenter",
    "estimate_rest",
    "expression_channels",
    "extend_surface",
    "fill",
    "fit_clip",
    "fit_identity",
    "lens_matrix",
    "load_rig",
    "project_points",
    "render_surface",
    "spread",
    "view_terms",
]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage: a prepared talking video in a folder, read with checks and within bounded memory, and written."""

from .clip_speech import ClipSpeech, encode_clips
from .footage import DEPTH_STEP, SPLIT_CODES, Footage, Track
from .footage_card import MAX_PICTURE_SIDE, Clip, FootageCard, read_footage_card, write_footage_card
from .footage_write import picture_paths, write_clip_track, write_footage_picture, write_frame_table
from .picture import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH, Picture
from .read_npz import read_npz

__all__ = [
    "DEPTH_STEP",
    "LABEL_BACKGROUND",
    "LABEL_FACE",
    "LABEL_MOUTH",
    "MAX_PICTURE_SIDE",
    "SPLIT_CODES",
    "Clip",
    "ClipSpeech",
    "Footage",
    "FootageCard",
    "Picture",
    "Track",
    "encode_clips",
    "picture_paths",
    "read_footage_card",
    "read_npz",
    "write_clip_track",
    "write_footage_card",
    "write_footage_picture",
    "write_frame_table",
]

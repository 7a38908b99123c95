# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage: a prepared talking video, read with suspicion and within bounded memory."""

from .arrays import read_arrays
from .clip_speech import ClipSpeech, encode_clips
from .footage import FOOTAGE_VERSION, MAX_PICTURE_SIDE, SPLITS, Clip, Footage, Track
from .footage_write import picture_files, write_card, write_picture, write_table, write_track
from .pictures import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH, Picture, read_png
from .resume_marker import mark_finished, mark_started

__all__ = [
    "FOOTAGE_VERSION",
    "LABEL_BACKGROUND",
    "LABEL_FACE",
    "LABEL_MOUTH",
    "MAX_PICTURE_SIDE",
    "SPLITS",
    "Clip",
    "ClipSpeech",
    "Footage",
    "Picture",
    "Track",
    "encode_clips",
    "mark_finished",
    "mark_started",
    "picture_files",
    "read_arrays",
    "read_png",
    "write_card",
    "write_picture",
    "write_table",
    "write_track",
]

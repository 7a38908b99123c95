# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and movies of other programs: EXR, PNG, mp4, any video; colour spaces."""

from .colour import COLOUR_SPACES, EMPTY_ALPHA, display_codes, display_to_scene_linear, light_to_scene_linear
from .exr import EXR_COMPRESSIONS, EXR_LAYOUTS, ExrLayer, ExrWindow, write_exr
from .frame_metadata import FrameMetadata
from .movie import MovieWriter
from .png import read_png, write_png
from .video import probe_video, read_video

__all__ = [
    "COLOUR_SPACES",
    "EMPTY_ALPHA",
    "EXR_COMPRESSIONS",
    "EXR_LAYOUTS",
    "ExrLayer",
    "ExrWindow",
    "FrameMetadata",
    "MovieWriter",
    "display_codes",
    "display_to_scene_linear",
    "light_to_scene_linear",
    "probe_video",
    "read_png",
    "read_video",
    "write_exr",
    "write_png",
]

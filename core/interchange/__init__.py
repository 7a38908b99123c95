# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and movies of other programs: EXR, PNG, mp4, any video; colour spaces."""

from .colour import COLOUR_SPACES, EMPTY_ALPHA, compile_pixels, display_codes, far_where_empty, scene_linear_planes
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
    "compile_pixels",
    "display_codes",
    "far_where_empty",
    "probe_video",
    "read_png",
    "read_video",
    "scene_linear_planes",
    "write_exr",
    "write_png",
]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and movies of other programs: EXR, PNG, mp4, any video; colour spaces."""

from .broadcast_wave import time_reference, write_broadcast_wave
from .colour import (
    COLOUR_SPACES,
    EMPTY_ALPHA,
    compile_pixels,
    display_codes,
    far_where_empty,
    pixels_are_compiled,
    scene_linear_planes,
)
from .exr import EXR_COMPRESSIONS, EXR_LAYOUTS, ExrLayer, ExrWindow, write_exr
from .exr_depth import ExrDepth
from .frame_metadata import FrameMetadata, timecode_text
from .movie import MovieWriter, at_sound_rate
from .movie_formats import MOVIE_FORMATS
from .ocio import OCIO_PREFIX, OcioConfig, View
from .png import read_png, write_png
from .video import probe_video, read_video

__all__ = [
    "COLOUR_SPACES",
    "EMPTY_ALPHA",
    "EXR_COMPRESSIONS",
    "EXR_LAYOUTS",
    "MOVIE_FORMATS",
    "OCIO_PREFIX",
    "ExrDepth",
    "ExrLayer",
    "ExrWindow",
    "FrameMetadata",
    "MovieWriter",
    "OcioConfig",
    "View",
    "at_sound_rate",
    "compile_pixels",
    "display_codes",
    "far_where_empty",
    "pixels_are_compiled",
    "probe_video",
    "read_png",
    "read_video",
    "scene_linear_planes",
    "time_reference",
    "timecode_text",
    "write_broadcast_wave",
    "write_exr",
    "write_png",
]

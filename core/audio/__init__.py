# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound in, features out: decoding, the encoders, the feature windows that a branch takes."""

from .decode import iterate_sound, load_sound, load_soundtrack
from .encoders import ENCODERS
from .features import Features
from .silent_spans import silent_spans
from .sound import SOUND_RATE, Sound, write_wav
from .windows import WINDOW_OFFSETS, window_blocks, windows_at

__all__ = [
    "ENCODERS",
    "SOUND_RATE",
    "WINDOW_OFFSETS",
    "Features",
    "Sound",
    "iterate_sound",
    "load_sound",
    "load_soundtrack",
    "silent_spans",
    "window_blocks",
    "windows_at",
    "write_wav",
]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound in, features out: decoding, the encoders, the feature windows that a branch takes."""

from .decode import iterate_sound, load_sound, load_soundtrack
from .encoders import ENCODERS
from .features import Features
from .mouth_measures import MOUTH_MEASURES, MouthMeasure, measure_mouth, person_range
from .mouth_net import PHONE_CLASSES, mouth_net_card
from .phone_names import arpabet_classes, phone_classes
from .silent_spans import silent_spans
from .sound import SOUND_RATE, Sound, write_wav
from .windows import WINDOW_OFFSETS, window_blocks, windows_at

__all__ = [
    "ENCODERS",
    "MOUTH_MEASURES",
    "PHONE_CLASSES",
    "SOUND_RATE",
    "WINDOW_OFFSETS",
    "Features",
    "MouthMeasure",
    "Sound",
    "arpabet_classes",
    "iterate_sound",
    "load_sound",
    "load_soundtrack",
    "measure_mouth",
    "mouth_net_card",
    "person_range",
    "phone_classes",
    "silent_spans",
    "window_blocks",
    "windows_at",
    "write_wav",
]

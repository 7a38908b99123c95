# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head makes of a sound: its audio codes at any moment, and its whole performance."""

from .attribution import with_attribution
from .audio_codes import AudioCodes
from .listen import compute_performance, moment_count
from .pauses import speech_presence
from .spoken_words import SpokenWords, read_spoken_words

__all__ = [
    "AudioCodes",
    "SpokenWords",
    "compute_performance",
    "moment_count",
    "read_spoken_words",
    "speech_presence",
    "with_attribution",
]

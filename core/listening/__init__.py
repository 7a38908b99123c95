# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head makes of a sound: its audio codes at any moment, and its whole performance."""

from .attribution import with_attribution
from .audio_codes import AudioCodes
from .listen import compute_performance, moment_count
from .pauses import speech_presence

__all__ = ["AudioCodes", "compute_performance", "moment_count", "speech_presence", "with_attribution"]

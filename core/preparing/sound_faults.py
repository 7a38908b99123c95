# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of footage whose sound is not that of its lips: hardly any speech, lips that do not follow it, lips that
are late."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from .prepare_settings import MAX_LATE_SECONDS, MIN_SPEECH_SHARE


def sound_warnings(
    out: Path,  # the footage's folder, which the sentences name
    figures: dict,  # of `clip_rows.summarize`
    rate: Fraction,  # frames a second
) -> Iterator[str]:
    """A sentence for each; none where the clips are too short to tell."""
    if figures["speech_percent"] < 100 * MIN_SPEECH_SHARE:
        yield (
            f"{out}: hardly any speech is heard ({figures['speech_percent']:.0f} % of the time), so the head can "
            "hardly learn to talk; take videos in which the person talks without music or noise."
        )
    if figures["lips_follow_sound"] is False:
        yield (
            f"{out}: the lips do not move with the sound; check that the voice is the person's own, and not dubbed, "
            "music, or a speaker off camera."
        )
    frames = figures["lips_late_frames"]
    if frames is not None and abs(frames) > MAX_LATE_SECONDS * rate:
        side, milliseconds = "late" if frames > 0 else "early", 1000 * abs(frames) / float(rate)
        yield (
            f"{out}: the lips are {abs(frames):.1f} frames ({milliseconds:.0f} ms) {side}, judged by the voice's "
            "loudness; shift the sound in the videos and prepare them again."
        )

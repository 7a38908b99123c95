# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `probe`: a video before any face is looked for; its size, its sound, and the clips it is cut into.

Writes the clips' sound. Letters: S clips of the video, L samples.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import SOUND_RATE, Sound, load_sound, write_wav
from ..formats import UserError, is_nonempty_file
from ..interchange import probe_video
from .clip_spans import ClipSpan, span_names, split_into_spans
from .prepare_settings import MIN_CLIP_SECONDS, MIN_PEAK, VERSION, PrepareSettings
from .source_clip import SourceClip
from .source_videos import SourceVideo
from .stage_cache import Key, StageCache, fingerprint

STAGE = "probe"
SHAPES = {"size": (2,), "first": ("S",), "count": ("S",), "loudness": ("S",), "peak": ("S",), "clipped": ("S",)}
CLIPPING = 0.999  # of full scale
MIN_AMPLITUDE = 1e-6  # below it dB say nothing


@dataclass(frozen=True)
class ClipVoice:
    """What a clip's sound is like."""

    loudness: float  # dB of full scale, root mean square
    peak: float  # dB of full scale
    clipped: float  # share of samples at full scale

    @staticmethod
    def measure(
        samples: np.ndarray,  # [L] float -1..1
    ) -> "ClipVoice":
        """Loudness, peak and clipping of a sound."""
        amplitude = np.abs(samples)
        rms = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
        return ClipVoice(decibels(float(rms)), decibels(float(amplitude.max())), float((amplitude >= CLIPPING).mean()))

    def fault(self) -> str:
        """Why a clip with this sound cannot be used, as words that follow its name; empty where it can."""
        if self.peak < MIN_PEAK:
            return f"is silent (its loudest sound is at {self.peak:.0f} dB); check the microphone"
        return ""


def cache_key(source: SourceVideo, settings: PrepareSettings) -> Key:
    """The fingerprint of what this stage finds in a video."""
    return fingerprint(VERSION, STAGE, source.name, source.size, source.modified, settings.rate, settings.aspect)


def load_probed_clips(
    cache: StageCache, source: SourceVideo, settings: PrepareSettings, out: Path
) -> list[tuple[SourceClip, ClipVoice]] | None:
    """A video's clips, from the cache; None where they or their sound files are missing."""
    arrays = cache.get(STAGE, source.name, cache_key(source, settings), SHAPES)
    if arrays is None:
        return None
    names = span_names(source.name, len(arrays["first"]))
    if not all(is_nonempty_file(out / "audio" / f"{name}.wav") for name in names):
        return None
    size = (int(arrays["size"][0]), int(arrays["size"][1]))
    clips = []
    for k, name in enumerate(names):
        span = ClipSpan(name, int(arrays["first"][k]), int(arrays["count"][k]))
        voice = ClipVoice(float(arrays["loudness"][k]), float(arrays["peak"][k]), float(arrays["clipped"][k]))
        clips.append((SourceClip(span, source.path, size, settings.rate, settings.aspect), voice))
    return clips


def probe(
    source: SourceVideo, settings: PrepareSettings, work: Path, out: Path, _report_steps: Callable[[int], None]
) -> None:
    """Raises UserError for a video without pictures or sound, or a very short one."""
    info = probe_video(source.path, settings.aspect)
    if not info.has_sound:
        raise UserError(
            f"{source.path} has no sound; a head learns from pictures and their sound, choose another video."
        )
    samples = load_sound(source.path).samples
    count = _frame_count(source, info.duration, len(samples), settings.rate)
    spans = split_into_spans(source.name, count, settings.rate, samples, SOUND_RATE)
    voices = [ClipVoice.measure(_write_sound(span, samples, settings.rate, out)) for span in spans]
    loudness, peak, clipped = np.array([astuple(voice) for voice in voices]).T
    StageCache(work).put(
        STAGE,
        source.name,
        cache_key(source, settings),
        {
            "size": np.array((info.width, info.height)),
            "first": np.array([span.first for span in spans]),
            "count": np.array([span.count for span in spans]),
            "loudness": loudness,
            "peak": peak,
            "clipped": clipped,
        },
    )


def _frame_count(source: SourceVideo, duration: Fraction, sample_count: int, rate: Fraction) -> int:
    """Model frames that have picture and sound. Raises UserError for too few."""
    # A sound often ends a little before the last picture does: silence is added for as much as a frame.
    seconds = min(duration, Fraction(sample_count, SOUND_RATE) + 1 / rate)
    count = int(seconds * rate + Fraction(1, 100))
    if count < MIN_CLIP_SECONDS * rate:
        raise UserError(
            f"{source.path} has only {float(seconds):.2f} s of picture and sound together; film at least "
            f"{MIN_CLIP_SECONDS:g} s in one piece."
        )
    return count


def _write_sound(span: ClipSpan, samples: np.ndarray, rate: Fraction, out: Path) -> np.ndarray:
    """Write a clip's sound, padded with silence to its last frame; returns it [L]."""
    start, end = (round(frame * SOUND_RATE / rate) for frame in (span.first, span.first + span.count))
    own = samples[start:end]
    own = np.pad(own, (0, end - start - len(own)))
    write_wav(out / "audio" / f"{span.name}.wav", Sound(own))
    return own


def decibels(amplitude: float) -> float:
    """dB of full scale."""
    return float(20 * np.log10(max(amplitude, MIN_AMPLITUDE)))

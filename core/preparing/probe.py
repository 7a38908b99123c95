# SPDX-License-Identifier: GPL-3.0-or-later
"""A video before any picture is looked at: its size, its sound, and the clips it is cut into.

Writes the clips' sound. Letters: S clips of the video, L samples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import SOUND_RATE, Sound, load_sound, write_wav
from ..formats import UserError, is_nonempty_file
from ..interchange import probe_video
from .clip_spans import ClipSpan, names_of, spans_of
from .clips import SourceClip
from .prepare_settings import FAINTEST, SHORTEST, VERSION, PrepareSettings
from .sources import Source
from .stage_cache import Key, StageCache, fingerprint

STAGE = "survey"
WANTED = {"size": (2,), "first": ("S",), "count": ("S",), "loudness": ("S",), "peak": ("S",), "clipped": ("S",)}
FULL = 0.999  # of full scale
QUIET = 1e-6  # amplitude below which dB say nothing


@dataclass(frozen=True)
class ClipVoice:
    """What a clip's sound is like."""

    loudness: float  # dB of full scale, root mean square
    peak: float  # dB of full scale
    clipped: float  # share of samples at full scale


def key_of(source: Source, settings: PrepareSettings) -> Key:
    return fingerprint(VERSION, STAGE, source.name, source.size, source.changed, settings.rate, settings.aspect)


def probed(
    store: StageCache, source: Source, settings: PrepareSettings, out: Path
) -> list[tuple[SourceClip, ClipVoice]] | None:
    """What an earlier run found, if its sounds still lie there."""
    found = store.get(STAGE, source.name, key_of(source, settings), WANTED)
    if found is None:
        return None
    names = names_of(source.name, len(found["first"]))
    if not all(is_nonempty_file(out / "audio" / f"{name}.wav") for name in names):
        return None
    size = (int(found["size"][0]), int(found["size"][1]))
    return [
        (
            SourceClip(
                ClipSpan(name, int(found["first"][k]), int(found["count"][k])),
                source.path,
                size,
                settings.rate,
                settings.aspect,
            ),
            ClipVoice(*(float(found[column][k]) for column in ("loudness", "peak", "clipped"))),
        )
        for k, name in enumerate(names)
    ]


def probe(source: Source, settings: PrepareSettings, work: Path, out: Path, tell: Callable[[int], None]) -> None:
    """Raises UserError for a video without pictures or sound, or a very short one."""
    info = probe_video(source.path, settings.aspect)
    if not info.has_sound:
        raise UserError(
            f"{source.path} has no sound; a head learns from pictures and their sound, choose another video."
        )
    samples = load_sound(source.path).samples
    # A sound often ends a little before the last picture does: silence is added for as much as a frame.
    seconds = min(info.duration, Fraction(len(samples), SOUND_RATE) + 1 / settings.rate)
    count = int(seconds * settings.rate + Fraction(1, 100))
    if count < SHORTEST * settings.rate:
        raise UserError(
            f"{source.path} has only {float(seconds):.2f} s of picture and sound together; film at least "
            f"{SHORTEST:g} s in one piece."
        )
    spans = spans_of(source.name, count, settings.rate, samples, SOUND_RATE)
    columns: dict[str, list[float]] = {name: [] for name in ("loudness", "peak", "clipped")}
    for span in spans:
        part = samples[_sample(span.first, settings) : _sample(span.first + span.count, settings)]
        part = np.pad(part, (0, _sample(span.first + span.count, settings) - _sample(span.first, settings) - len(part)))
        write_wav(out / "audio" / f"{span.name}.wav", Sound(part))
        amplitude = np.abs(part)
        columns["loudness"].append(decibels(float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))))
        columns["peak"].append(decibels(float(amplitude.max())))
        columns["clipped"].append(float((amplitude >= FULL).mean()))
    StageCache(work).put(
        STAGE,
        source.name,
        key_of(source, settings),
        {
            "size": np.array((info.width, info.height)),
            "first": np.array([span.first for span in spans]),
            "count": np.array([span.count for span in spans]),
            **{name: np.array(values) for name, values in columns.items()},
        },
    )


def fault(voice: ClipVoice) -> str:
    """Why a clip's sound cannot be used, in words that follow its name; empty where it can."""
    if voice.peak < FAINTEST:
        return f"is silent (its loudest sound is at {voice.peak:.0f} dB); check the microphone"
    return ""


def decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, QUIET)))


def _sample(frame: int, settings: PrepareSettings) -> int:
    return round(frame * SOUND_RATE / settings.rate)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the net learns from: inputs every 10 ms of each clip in each version, and what the mouth does there.

Real lips where there is a picture, the phonetic table's everywhere else. Letters: T moments of a 10 ms grid, K
measures.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...core.audio import MOUTH_MEASURES, Features, Sound, load_sound, measure_mouth, person_range
from ...core.audio.moonshine import Moonshine, blended_spans
from ...core.audio.mouth_net import REACH
from ...core.audio.mouth_shapes import OVERLAP
from ...core.audio.relative_bands import relative_bands
from ...core.formats import TimedLabel, atomic_write
from .clips import Clip
from .face_space import to_face_space
from .non_speech import KINDS, make_non_speech
from .phones import NOISE, SILENCE
from .phonetics import classes_of, rests_of, shapes_of
from .sounds import VERSIONS

HOP = 0.01  # seconds
SMOOTH = 0.6  # pictures: MediaPipe's trembling
NON_SPEECH_SECONDS = 6.0
# Measures that MediaPipe does not show on real lips: where s1's lips close, its lip press is below its mean.
UNSEEN = ("lip_press", "tongue_tip")
# How much a moment without a transcript counts, and one of a voice in silence. Not in the paper: chosen because a phone
# recogniser errs more than an aligner, and because lips stay parted in the short silences of free speech in ways that
# nobody hears.
GUESSED_WEIGHT = 0.5
SILENCE_WEIGHT, SHORT_SILENCE_WEIGHT = 0.3, 0.1


@dataclass(frozen=True)
class Example:
    """A clip in one version."""

    clip: Clip | None  # None: nobody speaks
    version: str
    features: Features  # Moonshine's
    bands: np.ndarray  # [REACH + T + REACH, B] float32
    measures: np.ndarray  # [T,K] float32, 0..1 for most
    seen: np.ndarray  # [K] bool: measured on real lips
    weights: np.ndarray  # [T] float32
    classes: np.ndarray  # [T] int, -1 where not known
    is_guessed: bool = False  # the phones are without a transcript, and so is all else


def speech_features(sound: Sound) -> Features:
    """Moonshine's, of the spans that the encoder `mouth_shapes` hears."""
    times = Moonshine().times(sound)
    return Features(np.concatenate(list(blended_spans(sound, len(times), OVERLAP))), times)


def changed_sound(
    clip: Clip, version: str, phones: list[TimedLabel], cache_folder: Path
) -> tuple[Sound, Features, np.ndarray]:
    """(sound, its features, its clock [2,N] as in VERSIONS), kept in a folder."""
    file = cache_folder / version / f"{clip.name.replace('/', '__')}.npz"
    if not file.exists():
        seed = zlib.crc32(f"{version}{clip.name}".encode())
        sound, clock = VERSIONS[version](load_sound(clip.file), phones, np.random.default_rng(seed))
        values = speech_features(sound).values.astype(np.float16)
        codes = np.rint(np.clip(sound.samples, -1, 1) * 32767).astype(np.int16)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as temporary, open(temporary, "wb") as out:
            np.savez(out, values=values, samples=codes, clock=clock)
    with np.load(file) as stored:
        sound = Sound(stored["samples"].astype(np.float32) / 32767)
        return sound, Features(stored["values"].astype(np.float32), Moonshine().times(sound)), stored["clock"]


def speech_example(
    clip: Clip,
    version: str,
    phones: list[TimedLabel],
    aligned: bool,  # to a transcript
    lips: tuple[np.ndarray, np.ndarray] | None,  # [P] seconds, [P,K] 0..1; None without pictures
    cache_folder: Path,
) -> Example:
    """A clip as its version sounds."""
    sound, features, clock = changed_sound(clip, version, phones, cache_folder)
    times = np.arange(0.0, sound.duration, HOP)
    recorded = np.interp(times, *clock)
    measures, seen = shapes_of(phones, recorded), np.zeros(len(MOUTH_MEASURES), bool)
    weights, classes = _phone_weights(phones, recorded), classes_of(phones, recorded)
    if lips is not None:
        seen = np.isfinite(lips[1]).any(axis=0) & np.array([m.name not in UNSEEN for m in MOUTH_MEASURES])
        for k in np.flatnonzero(seen):
            measures[:, k] = np.interp(recorded, lips[0], lips[1][:, k])
        weights = np.ones(len(times))
    elif not aligned:
        weights *= GUESSED_WEIGHT
    return Example(
        clip, version, features, _bands(sound, len(times)), measures.astype(np.float32), seen,
        weights.astype(np.float32), classes, lips is None and not aligned,
    )  # fmt: skip


def non_speech_examples(count: int, seed: int) -> Iterator[Example]:
    """Sounds in which nobody speaks, `count` of each kind: the mouth at rest."""
    rng = np.random.default_rng(seed)
    rest = np.array([measure.rest for measure in MOUTH_MEASURES], np.float32)
    for kind in [*KINDS, "silence"]:
        for _ in range(count if kind != "silence" else 1):
            level = 0.0 if kind == "silence" else 10 ** (rng.uniform(-30, 0) / 20)
            samples = make_non_speech(NON_SPEECH_SECONDS, rng, kind if kind != "silence" else "hum")
            sound = Sound((samples * level).astype(np.float32))
            features = speech_features(sound)
            length = len(np.arange(0.0, sound.duration, HOP))
            yield Example(
                None, kind, features, _bands(sound, length), np.tile(rest, (length, 1)), np.ones(len(rest), bool),
                np.ones(length, np.float32), np.zeros(length, int),
            )  # fmt: skip


def real_lips(
    clips: list[Clip],
    tracks: dict[str, tuple[np.ndarray, np.ndarray]],  # clip's file stem -> ([P] seconds, [P,68,3] pixels)
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Clip's name -> ([P] seconds, [P,K]) of GRID clips, each person's own range being 0..1."""
    measured = {clip.name: _smoothed(measure_mouth(_filled(tracks[clip.file.stem][1]))) for clip in clips}
    lips = {}
    for speaker in {clip.speaker for clip in clips}:
        own = [clip for clip in clips if clip.speaker == speaker]
        low, high = person_range(np.concatenate([measured[clip.name] for clip in own]))
        for clip in own:
            lips[clip.name] = tracks[clip.file.stem][0], (measured[clip.name] - low) / (high - low)
    return lips


def _bands(sound: Sound, count: int) -> np.ndarray:
    return relative_bands(sound, -REACH, count + 2 * REACH)


def _phone_weights(phones: list[TimedLabel], times: np.ndarray) -> np.ndarray:
    """[T]: whole in speech, little in silence, none where something else is heard than speech."""
    weights = np.ones(len(times))
    for phone in phones:
        if phone.label in (SILENCE, NOISE):
            inside = (times >= phone.start) & (times < phone.end)
            weights[inside] = SHORT_SILENCE_WEIGHT if phone.label == SILENCE else 0.0
    for phone in rests_of(phones):
        weights[(times >= phone.start) & (times < phone.end)] = SILENCE_WEIGHT
    return weights


def _filled(landmarks: np.ndarray) -> np.ndarray:
    """[P,68,3] in head space, without the gaps of pictures in which no face was found."""
    found = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
    nearest = found[np.abs(np.arange(len(landmarks))[:, None] - found).argmin(axis=1)]
    return to_face_space(landmarks)[nearest] if len(found) == len(landmarks) else to_face_space(landmarks[nearest])


@cache
def _kernel() -> np.ndarray:
    taps = np.exp(-0.5 * (np.arange(-3, 4) / SMOOTH) ** 2)
    return taps / taps.sum()


def _smoothed(values: np.ndarray) -> np.ndarray:
    """[P,K], a Gaussian of SMOOTH pictures, ends repeated."""
    padded = np.pad(values, ((3, 3), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, _kernel(), "valid") for column in padded.T], axis=1)

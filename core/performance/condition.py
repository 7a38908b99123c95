# SPDX-License-Identifier: GPL-3.0-or-later
"""What drives a head over continuous time, the controls' effect on it, and its file. Knows no Gaussians.

On disk: a safetensors file, its card as JSON in the metadata, the tensors audio.{branch} [T,A], rest.{branch} [A],
expression [T,E], loudness [T] and, where the sound has pauses, presence [T].

Letters: T samples on an even grid, A audio code, E expression channels.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from ..formats import (
    BRANCHES,
    LATER,
    UserError,
    from_json,
    from_json_values,
    read_tensors,
    require_version,
    to_json,
    translate_read_errors,
    write_tensors,
)
from .articulation import SYLLABLE, articulated
from .controls import Controls
from .taps import Taps, taps_at
from .upper_face import add_upper_face, smoothstep

PERFORMANCE_FORMAT = "talksplat.performance"  # "format" in the metadata of a performance's safetensors file
# 2: holds `presence`, its codes are not at rest in pauses yet; 3: sharpened by words; 1 is written without either.
PERFORMANCE_VERSION = 3
# Samples per second, unless a performance says otherwise. Not in the paper: chosen because, measured on real speech
# against codes computed for the exact moment, linear interpolation errs by 1.5 % of the codes' spread at 100 Hz and
# by 4 % at 50 (moonshine; logmel 5 and 13 %). Cubic interpolation is no better and overshoots.
SAMPLE_RATE = Fraction(100)
EASE = 0.2  # seconds in which the head comes to rest before the first and after the last sample
WIDEST_SMOOTHING = 1000.0  # ms: more would only cost time
MAX_VALUE = 1e6  # of any tensor
OWN_BLINK = 0.5  # a performance whose eyes close further than this gets no natural blinks


@dataclass(frozen=True)
class Condition:
    """What moves a head at one moment, float32."""

    audio: dict[str, np.ndarray]  # branch -> [A]
    expression: np.ndarray  # [E], 0 is neutral


@dataclass(frozen=True)
class Performance:
    """Audio codes and expression of one sound for one head. Times are seconds of the sound (0 = its start).

    Raises UserError when the parts do not match.
    """

    audio: dict[str, np.ndarray]  # branch -> [T,A] float32
    rest: dict[str, np.ndarray]  # branch -> [A]: the code of silence
    expression: np.ndarray  # [T,E] float32; 0 is neutral
    expression_names: tuple[str, ...]  # E
    loudness: np.ndarray  # [T] 0..1, for display
    head_hash: str  # content hash of the head it was made for
    audio_hash: str  # content hash of the sound, "" for none; it, else the head's, also seeds the natural blinks
    audio_name: str = ""  # the sound file's name, for display
    duration: float = 0.0  # seconds of sound
    rate: Fraction = SAMPLE_RATE  # samples per second
    start: Fraction = Fraction(0)  # seconds: the first sample's time, may be negative
    # [T] float32, 0..1: how far the head follows the sound there instead of resting in a pause; empty: everywhere.
    presence: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    words_hash: str = ""  # content hash of the words that sharpened the lips, "" for none
    words_name: str = ""  # their file's name, for display
    _blink_seed: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        self._check_shapes()
        tracks = (*self.audio.values(), *self.rest.values(), self.expression, self.loudness, self.presence)
        for track in tracks:
            if track.dtype != np.float32 or not (np.abs(track) < MAX_VALUE).all():  # NaN fails too
                raise UserError("performance: it holds NaN, infinite, huge or non-float32 values; recreate it.")
        if not 0 < self.rate <= 1000 or not 0 <= self.duration < math.inf:
            raise UserError("performance: its sample rate or duration is out of range; recreate it.")
        lids = [i for i, name in enumerate(self.expression_names) if name.startswith("blink")]
        seed = "" if (self.expression[:, lids] > OWN_BLINK).any() else self.audio_hash or self.head_hash
        object.__setattr__(self, "_blink_seed", seed)

    def _check_shapes(self) -> None:
        channels = len(self.expression_names)
        if self.expression.ndim != 2 or self.loudness.ndim != 1 or self.expression.shape[1] != channels:
            raise UserError("performance: its expression channels and their names do not match; recreate it.")
        for name, codes in self.audio.items():
            if codes.ndim != 2 or name not in self.rest or self.rest[name].shape != codes.shape[1:]:
                raise UserError(f"performance: the {name} codes and their rest code do not match; recreate it.")
        presence = (self.presence,) if self.presence.size or self.presence.ndim != 1 else ()
        if any(track.ndim != 1 or not ((track >= 0) & (track <= 1)).all() for track in presence):
            raise UserError("performance: its pauses are damaged; recreate it.")
        lengths = {len(a) for a in (*self.audio.values(), self.expression, self.loudness, *presence)}
        if not self.audio or set(self.rest) != set(self.audio) or len(lengths) != 1 or 0 in lengths:
            raise UserError("performance: its tracks differ in length or are empty; recreate it.")

    def _resting(self, branch: str, taps: Taps, strength: float) -> np.ndarray:
        """The codes at the taps' samples, at rest in pauses."""
        codes = self.audio[branch][taps.rows]
        if not self.presence.size or strength == 0:
            return codes
        return at_rest_in_pauses(codes, self.rest[branch], self.presence[taps.rows], strength)

    @cached_property
    def _reach(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Branch -> the lowest and the highest of each number of its codes, rest included."""
        return {
            name: (np.minimum(codes.min(axis=0), self.rest[name]), np.maximum(codes.max(axis=0), self.rest[name]))
            for name, codes in self.audio.items()
        }

    def _taps(self, inside: Fraction, seconds: float) -> Taps:
        """The samples around a position in samples, averaged over `seconds`."""
        return taps_at(inside, len(self.loudness), seconds * float(self.rate))

    def _codes(self, inside: Fraction, taps: Taps, controls: Controls) -> dict[str, np.ndarray]:
        """Branch -> [A] at a position in samples, at rest in pauses and articulated."""
        strength = controls.rest_in_pauses
        codes = {name: taps.of(self._resting(name, taps, strength)) for name in self.audio}
        amount = controls.articulation - 1
        if amount and self.presence.size:  # a mouth at rest does not press its lips before it speaks
            amount *= float(taps.of(self.presence[taps.rows]))
        if amount == 0:
            return codes
        wide = self._taps(inside, SYLLABLE)
        return {
            name: articulated(code, wide.of(self._resting(name, wide, strength)), amount, *self._reach[name])
            for name, code in codes.items()
        }

    @property
    def end(self) -> Fraction:
        """Seconds: the last sample's time."""
        return self.start + (len(self.loudness) - 1) / self.rate

    def at(self, t: Fraction | float, controls: Controls | None = None) -> Condition:
        """The condition at t seconds of the sound: continuous in t, at rest beyond EASE from the ends.

        Raises UserError when t or a control is not a finite number.
        """
        controls = controls or Controls()
        if not math.isfinite(t):
            raise UserError(f"the time {t} is not a finite number; set the frame again.")
        if names := controls.non_finite():
            raise UserError(f"control {names[0]} is not a finite number; reset it.")
        # Fractions keep a delay exact: a later t and an equally larger delay give the same bits.
        position = (Fraction(t) - Fraction(controls.delay) - self.start) * self.rate  # in samples
        inside = min(max(position, Fraction(0)), Fraction(len(self.loudness) - 1))
        presence = smoothstep(1.0 - float(min(abs(position - inside) / self.rate, 1)) / EASE)
        intensity = presence * controls.intensity
        taps = self._taps(inside, min(controls.smoothing, WIDEST_SMOOTHING) / 1000)
        codes = self._codes(inside, taps, controls)
        audio = {name: _blend(code, self.rest[name], intensity) for name, code in codes.items()}
        neutral = np.zeros(self.expression.shape[1], np.float32)
        expression = _blend(taps.of(self.expression[taps.rows]), neutral, presence)
        return Condition(audio, add_upper_face(expression, self.expression_names, float(t), controls, self._blink_seed))


def at_rest_in_pauses(
    codes: np.ndarray,  # [T,A]
    rest: np.ndarray,  # [A]
    presence: np.ndarray,  # [T], 1 while somebody speaks
    strength: float = 1.0,
) -> np.ndarray:
    """[T,A]: the codes, at rest where nobody speaks as far as `strength` says; exactly `codes` where somebody does."""
    amount = (presence if strength == 1.0 else 1 - np.float32(strength) * (1 - presence))[:, None]
    return np.where(amount == 1, codes, rest + amount * (codes - rest))


def _blend(value: np.ndarray, rest: np.ndarray, amount: float) -> np.ndarray:
    """rest at amount 0, exactly `value` at 1; extrapolates beyond."""
    return value if amount == 1.0 else rest + np.float32(amount) * (value - rest)


def performance_file(bake: Path | str, number: int = 0) -> Path:
    """Where the performance of a bake's sound is kept: SHOT.performance next to SHOT.bake, SHOT.2.performance for a
    second sound (number 1)."""
    return Path(bake).with_suffix(f".{number + 1}.performance" if number else ".performance")


@dataclass(frozen=True)
class PerformanceCard:
    """What a performance says about itself."""

    head_hash: str
    audio_hash: str
    audio_name: str
    duration: float  # seconds
    rate: Fraction  # samples per second, "100/1" in JSON
    start: tuple[int, ...]  # numerator, denominator; not a Fraction, which json_codec reads without a sign
    expression_names: tuple[str, ...]
    version: int = 1
    words_hash: str = field(default="", metadata=LATER)
    words_name: str = field(default="", metadata=LATER)


def write_performance(path: Path | str, performance: Performance) -> None:
    """Write atomically."""
    p = performance
    card = PerformanceCard(
        p.head_hash,
        p.audio_hash,
        p.audio_name,
        float(p.duration),
        p.rate,
        p.start.as_integer_ratio(),
        p.expression_names,
        PERFORMANCE_VERSION if p.words_hash else 2 if p.presence.size else 1,
        p.words_hash,
        p.words_name,
    )
    tensors = {"expression": p.expression, "loudness": p.loudness}
    if p.presence.size:
        tensors["presence"] = p.presence
    for name in p.audio:
        tensors |= {f"audio.{name}": p.audio[name], f"rest.{name}": p.rest[name]}
    write_tensors(path, tensors, {"format": PERFORMANCE_FORMAT, "card": to_json(card)})


def read_performance(path: Path | str) -> Performance:
    """A performance with everything checked. Raises UserError."""
    with translate_read_errors(path):
        return _from_tensors(*read_tensors(path), path)


def _from_tensors(tensors: dict[str, np.ndarray], metadata: dict[str, str], path: Path | str) -> Performance:
    if metadata.get("format") != PERFORMANCE_FORMAT or "card" not in metadata:
        raise UserError(f"{path}: is not a talksplat performance; choose a .performance file.")
    values = require_version(from_json(metadata["card"], str(path)), PERFORMANCE_VERSION, path)
    card = from_json_values(PerformanceCard, values, str(path))
    if len(card.start) != 2 or card.start[1] < 1:
        raise UserError(f"{path}: its start is not a fraction; the file is damaged, recreate it.")
    branches = [name for name in BRANCHES if f"audio.{name}" in tensors]
    expected = {"expression", "loudness", *(f"{part}.{name}" for part in ("audio", "rest") for name in branches)}
    if card.version == 2 or (card.version == 3 and "presence" in tensors):
        expected.add("presence")
    if set(tensors) != expected:
        odd = sorted(set(tensors) ^ expected)
        raise UserError(
            f"{path}: missing or unknown tensors ({', '.join(odd)[:80]}); the file is damaged, recreate it."
        )
    try:
        return Performance(
            audio={name: tensors[f"audio.{name}"] for name in branches},
            rest={name: tensors[f"rest.{name}"] for name in branches},
            expression=tensors["expression"],
            expression_names=card.expression_names,
            loudness=tensors["loudness"],
            head_hash=card.head_hash,
            audio_hash=card.audio_hash,
            audio_name=card.audio_name,
            duration=card.duration,
            rate=card.rate,
            start=Fraction(*card.start),
            presence=tensors.get("presence", np.empty(0, np.float32)),
            words_hash=card.words_hash,
            words_name=card.words_name,
        )
    except UserError as error:  # raised by Performance, which does not know the file
        raise UserError(f"{path}: {error}") from error

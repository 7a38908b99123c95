# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controls add to eyes, gaze and brows, and natural blinks: a pure function of time, so that every frame, in
any order and on any machine, blinks alike. Knows no sound.

Not in the paper: chosen because sound says nothing about the eyes, and a head must not stare.

Letters: E expression channels.
"""

import math
from functools import lru_cache
from hashlib import blake2b
from typing import overload

import numpy as np

from .controls import Controls

SLOT = 1.0  # seconds; at most one blink in each, so at most 60 a minute
CLOSING, CLOSED, OPENING = 0.07, 0.04, 0.15  # seconds; the lid is more than half down for 0.15 s
GOLDEN = 0.6180339887498949  # steps of the golden ratio spread any share of the slots evenly, without a rhythm
FADE = 0.02  # share of the slots: how softly a blink fades in while the rate is animated
JITTER = 0.6  # of a slot
GAZE = ("gaze_x", "gaze_y")  # channels and controls, of either sign


def add_upper_face(
    expression: np.ndarray, names: tuple[str, ...], t: float, controls: Controls, seed: str
) -> np.ndarray:
    """The performance's expression [E] (0..1, gaze -1..1, channels `names`) with what the controls add, [E] float32.

    Lids are the channels named blink*; brows those named brow*, where *_up rises and *_down falls with the control.
    t: seconds of the sound without the delay, because blinks follow the shot. seed: of the natural blinks, "" for none.
    """
    lids = controls.blink
    if controls.blinks > 0 and seed:
        lids += blink_at(t, controls.blinks, seed)
    out = np.array(expression, dtype=np.float32)
    for i, name in enumerate(names):
        out[i] = _add(out[i], _change(name, controls, lids), -1.0 if name in GAZE else 0.0)
    return out


def _change(name: str, controls: Controls, lids: float) -> float:
    """What the controls add to a channel."""
    if name.startswith("blink"):
        return lids
    if name.startswith("brow"):
        direction = 1.0 if name.endswith("_up") else -1.0 if name.endswith("_down") else 0.0
        return direction * controls.brows
    if name.startswith("squint"):
        return controls.squint
    return getattr(controls, name) if name in GAZE else 0.0


def _add(value: float, change: float, low: float) -> float:
    """value + change, clamped to low..1; a value that is outside already stays."""
    return min(max(float(value) + change, min(float(value), low)), max(float(value), 1.0))


def blink_at(t: float, per_minute: float, seed: str) -> float:
    """How far the lids are closed at t seconds, 0..1; continuous in t and in per_minute (0..60, more counts as 60).

    seed: any text (the sound's hash): different sounds blink at different moments.
    """
    # A blink stays within its slot: the lids fall from 0.13 of it on and are up again at 0.99.
    at, threshold = _slot(math.floor(t / SLOT), seed)
    # A slot blinks once the rate reaches its threshold; the share of such slots is the rate.
    strength = smoothstep((per_minute * SLOT / 60.0 - threshold) / FADE)
    if strength == 0.0:
        return 0.0
    after = t - at
    return strength * min(smoothstep(1.0 + after / CLOSING), smoothstep(1.0 - (after - CLOSED) / OPENING))


@lru_cache(maxsize=4096)
def _slot(slot: int, seed: str) -> tuple[float, float]:
    """(when the lids are first closed, the share of blinking slots from which on this one blinks)."""
    phase = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) / 2**64
    jitter = int.from_bytes(blake2b(f"{seed}:{slot}".encode(), digest_size=8).digest()) / 2**64 - 0.5
    return (slot + 0.5 + JITTER * jitter) * SLOT, (phase + slot * GOLDEN) % 1.0


@overload
def smoothstep(x: float) -> float: ...
@overload
def smoothstep(x: np.ndarray) -> np.ndarray: ...
def smoothstep(x: float | np.ndarray) -> float | np.ndarray:
    """3x^2 - 2x^3 of x clamped to 0..1, element by element."""
    x = np.minimum(np.maximum(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)

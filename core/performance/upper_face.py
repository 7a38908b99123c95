# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator adds to eyes and brows, and natural blinks: a pure function of time, so that any frame, in any
order, on any machine blinks alike. Knows no sound.

Not in the paper: chosen because a head whose sound says nothing about its eyes must not stare.

Letters: E expression channels.
"""

import math
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from .controls import Controls

SLOT = 1.0  # seconds; at most one blink in each, so at most 60 a minute
CLOSING, CLOSED, OPENING = 0.07, 0.04, 0.15  # seconds; the lid is more than half down for 0.15 s
GOLDEN = 0.6180339887498949  # steps of the golden ratio spread any share of the slots evenly, never in a beat
FADE = 0.02  # of the slots: how softly a blink comes and goes while its rate is keyed
JITTER = 0.6  # of a slot


def with_upper_face(
    expression: np.ndarray,  # [E] what the performance holds, 0..1
    names: tuple[str, ...],  # E
    t: float,  # seconds of the sound, without the delay: blinks follow the shot
    controls: Controls,
    seed: str,  # for the natural blinks; "" for none
) -> np.ndarray:
    """The expression with the controls' lids and brows, [E] float32.

    Lids are the channels named blink*; brows those named brow*, where *_up rises and *_down falls with the control.
    """
    lids = controls.blink
    if controls.blinks > 0 and seed:
        lids += blink_at(t, controls.blinks, seed)
    out = np.array(expression, dtype=np.float32)
    for i, name in enumerate(names):
        if name.startswith("blink"):
            out[i] = _added(out[i], lids)
        elif name.startswith("brow"):
            direction = 1.0 if name.endswith("_up") else -1.0 if name.endswith("_down") else 0.0
            out[i] = _added(out[i], direction * controls.brows)
    return out


def _added(held: float, more: float) -> float:
    """held + more within 0..1; what the performance itself holds beyond that stays."""
    return min(max(float(held) + more, min(float(held), 0.0)), max(float(held), 1.0))


def blink_at(t: float, per_minute: float, seed: str) -> float:
    """How far the lids are down at t seconds, 0..1; continuous in t and in per_minute (0..60, above it as 60).

    seed: any text (the sound's hash): other sounds blink at other moments.
    """
    # A blink lies within its own slot: lids fall from 0.13 of it on and are up again at 0.99.
    at, turn = _slot(math.floor(t / SLOT), seed)
    # A slot blinks once the rate has reached its turn; the share of such slots is the rate.
    strength = smoothstep((per_minute * SLOT / 60.0 - turn) / FADE)
    if strength == 0.0:
        return 0.0
    after = t - at
    return strength * min(smoothstep(1.0 + after / CLOSING), smoothstep(1.0 - (after - CLOSED) / OPENING))


@lru_cache(maxsize=4096)
def _slot(slot: int, seed: str) -> tuple[float, float]:
    """(when the lids are first down, the share of slots from which on this one blinks)."""
    phase = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) / 2**64
    jitter = int.from_bytes(blake2b(f"{seed}:{slot}".encode(), digest_size=8).digest()) / 2**64 - 0.5
    return (slot + 0.5 + JITTER * jitter) * SLOT, (phase + slot * GOLDEN) % 1.0


def smoothstep(x: float | np.ndarray) -> float | np.ndarray:
    """0 to 1 as x goes from 0 to 1, flat at both ends."""
    x = np.minimum(np.maximum(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)

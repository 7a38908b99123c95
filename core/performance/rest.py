# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of silence in plain numpy, so that a head rests before it has a sound: its canonical Gaussians are the mean
of what it was trained on, which is often the middle of a word.

Features of silence are the same at every moment, so every window column and all of an audio net's model frames are
equal: the attention's weights, which sum to one, drop out, and what is left is the net of one frame.

Letters: C feature channels, A width of a branch's code.
"""

from functools import cache
from pathlib import Path

import numpy as np

from ..formats import HeadFile
from .condition import Condition

SILENCE_FILE = Path(__file__).parent / "silence.npz"  # encoder -> [C] float32; written by samples.pack_silence
LEAK = 0.02  # of the audio nets' activations (deformation/audio_net.py)
WIDTHS = (32, 32, 64, 64)  # of the audio nets' convolutions


def rest_condition(head: HeadFile) -> Condition | None:
    """The head's condition in silence, expression neutral; None where its encoder or its audio nets are unknown here.

    The same as `baking`'s codes of silence to float32's rounding.
    """
    silence = _silence().get(head.card.audio_encoder)
    codes = {}
    for branch in head.card.branches:
        code = (
            None
            if silence is None
            else _code(head.part(f"{branch}.audio"), silence, head.card.audio_code.get(branch, 0))
        )
        if code is None:
            return None
        codes[branch] = code
    return Condition(codes, np.zeros(len(head.card.expression), np.float32))


def _code(weights: dict[str, np.ndarray], silence: np.ndarray, width: int) -> np.ndarray | None:
    """[A]; None for weights of another shape."""
    if {name: weights[name].shape for name in _shapes(len(silence), width) if name in weights} != _shapes(
        len(silence), width
    ):
        return None
    with np.errstate(all="ignore"):  # hostile weights: `Replay.at` holds what comes out of them
        x = (silence - weights["feature_mean"]) / weights["feature_std"]
        kernel = weights["frame.0.weight"]
        # The first stride sees both columns of the window; after it one column is left, between zeros.
        x = _leaky(kernel[:, :, 1] @ x + kernel[:, :, 2] @ x + weights["frame.0.bias"])
        for layer in range(1, len(WIDTHS)):
            x = _leaky(weights[f"frame.{2 * layer}.weight"][:, :, 1] @ x + weights[f"frame.{2 * layer}.bias"])
        x = _leaky(weights["frame_code.0.weight"] @ x + weights["frame_code.0.bias"])
        return (weights["frame_code.2.weight"] @ x + weights["frame_code.2.bias"]).astype(np.float32)


def _shapes(channels: int, width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"feature_mean": (channels,), "feature_std": (channels,)}
    for layer, (a, b) in enumerate(zip((channels, *WIDTHS), WIDTHS)):
        shapes |= {f"frame.{2 * layer}.weight": (b, a, 3), f"frame.{2 * layer}.bias": (b,)}
    hidden = WIDTHS[-1]
    shapes |= {"frame_code.0.weight": (hidden, hidden), "frame_code.0.bias": (hidden,)}
    return shapes | {"frame_code.2.weight": (width, hidden), "frame_code.2.bias": (width,)}


def _leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, LEAK * x)


@cache
def _silence() -> dict[str, np.ndarray]:
    with np.load(SILENCE_FILE) as rows:
        return dict(rows)

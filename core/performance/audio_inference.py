# SPDX-License-Identifier: GPL-3.0-or-later
"""A branch's audio net evaluated with numpy alone: the twin of `deformation.AudioNet`, whose weights a head carries.

At W = 2 the frame convolutions (kernel 3, stride 2, padding 1) leave one column each: the first meets its two columns
with the taps 1 and 2, the later ones meet their single column with the tap 1, and every other tap meets padding. They
are matrices, exactly, and the features' mean and spread fold into the first. The attention's convolutions over the
eight frames are small, so they are written as matrices over all eight.

Letters: M moments, F = 8 frames, C feature channels, W = 2, A = 32 code, I -> O channels of one layer.
"""

from itertools import pairwise

import numpy as np

from ..formats import UserError

FRAMES, WINDOW = 8, 2
LEAK = np.float32(0.02)
FRAME_WIDTHS = 32, 32, 64, 64  # behind C
ATTENTION_WIDTHS = 16, 8, 4, 2, 1  # behind A

Layer = tuple[np.ndarray, np.ndarray]  # [I,O] and [O], float32


def audio_net_shapes(channels: int, width: int) -> dict[str, tuple[int, ...]]:
    """The tensors of an audio net C -> A by their names in a head below `BRANCH.audio.`."""
    shapes: dict[str, tuple[int, ...]] = {"feature_mean": (channels,), "feature_std": (channels,)}
    for part, widths in (("frame", (channels, *FRAME_WIDTHS)), ("attention", (width, *ATTENTION_WIDTHS))):
        for i, (before, after) in enumerate(pairwise(widths)):  # every second step is the activation
            shapes[f"{part}.{2 * i}.weight"], shapes[f"{part}.{2 * i}.bias"] = (after, before, 3), (after,)
    for name, (before, after) in {
        "frame_code.0": (64, 64),
        "frame_code.2": (64, width),
        "attention_weights": (8, 8),
    }.items():
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (after, before), (after,)
    return shapes


class AudioInference:
    """[M,8,C,2] feature windows -> [M,A] audio codes, within 1e-5 of `deformation.AudioNet` with the same weights."""

    def __init__(
        self,
        tensors: dict[str, np.ndarray],  # by the names of `audio_net_shapes`, float32
        channels: int,  # C
        width: int,  # A
    ) -> None:
        """Raises UserError that counts the tensors which are missing, unknown or of another shape."""
        shapes = audio_net_shapes(channels, width)
        wrong = {name for name, shape in shapes.items() if name not in tensors or tensors[name].shape != shape}
        wrong |= set(tensors) - set(shapes)
        if wrong:
            raise UserError(f"{len(wrong)} tensors of the audio net differ from what its card says")
        self.channels = channels
        self._frame = _frame_layers(tensors)
        self._attention = [
            _convolution_over_frames(tensors, f"attention.{2 * i}") for i in range(len(ATTENTION_WIDTHS))
        ]
        self._weights = _layer(tensors, "attention_weights")

    def __call__(
        self,
        windows: np.ndarray,  # [M,8,C,2] float32
    ) -> np.ndarray:
        """[M,A] float32. Raises ValueError for other shapes."""
        m = len(windows)
        if windows.shape[1:] != (FRAMES, self.channels, WINDOW):
            expected = f"[M,{FRAMES},{self.channels},{WINDOW}]"
            raise ValueError(f"audio windows are {windows.shape}, expected {expected}")
        x = windows.reshape(m * FRAMES, self.channels * WINDOW)
        for weight, bias in self._frame[:-1]:
            x = _leaky(x @ weight + bias)
        weight, bias = self._frame[-1]
        codes = (x @ weight + bias).reshape(m, FRAMES, len(bias))
        return np.einsum("mf,mfa->ma", self._softmax(codes), codes)

    def _softmax(self, codes: np.ndarray) -> np.ndarray:  # [M,8,A] -> [M,8]
        y = codes.reshape(len(codes), FRAMES * codes.shape[2])
        for weight, bias in self._attention:
            y = _leaky(y @ weight + bias)
        weight, bias = self._weights
        logits = y @ weight + bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


def _frame_layers(tensors: dict[str, np.ndarray]) -> list[Layer]:
    """The frame convolutions and `frame_code` as matrices, the first with the features' mean and spread in it."""
    spread = tensors["feature_std"].astype(np.float64)
    first = tensors["frame.0.weight"][:, :, 1:].astype(np.float64) / spread[:, None]  # [32,C,2]
    bias = tensors["frame.0.bias"] - np.einsum("ocw,c->o", first, tensors["feature_mean"])
    layers = [(_columns(first.reshape(len(first), -1)), bias.astype(np.float32))]
    for i in range(1, len(FRAME_WIDTHS)):
        layers.append((_columns(tensors[f"frame.{2 * i}.weight"][:, :, 1]), tensors[f"frame.{2 * i}.bias"]))
    return [*layers, _layer(tensors, "frame_code.0"), _layer(tensors, "frame_code.2")]


def _layer(tensors: dict[str, np.ndarray], name: str) -> Layer:
    return _columns(tensors[f"{name}.weight"]), tensors[f"{name}.bias"]


def _convolution_over_frames(tensors: dict[str, np.ndarray], name: str) -> Layer:
    """A convolution [O,I,3] over the 8 frames, zeros beside them, as a matrix [8I,8O]."""
    weight = tensors[f"{name}.weight"]
    matrix = np.zeros((FRAMES, weight.shape[1], FRAMES, len(weight)), np.float32)
    for source in range(FRAMES):
        for target in range(max(source - 1, 0), min(source + 2, FRAMES)):
            matrix[source, :, target] = weight[:, :, source - target + 1].T
    return matrix.reshape(FRAMES * weight.shape[1], -1), np.tile(tensors[f"{name}.bias"], FRAMES)


def _columns(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weight.T, dtype=np.float32)


def _leaky(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, LEAK * x)

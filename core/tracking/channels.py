# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe's 52 blendshapes of a person's clips -> the 8 expression channels that a head is conditioned on.

As `samples/actor/motion.py` makes them, but rest levels (what an open eye, a brow at rest and a straight gaze read)
are taken over the whole person instead of each clip: a clip in which the brows stay up has raised brows. Gains were
chosen on GRID talker s1 (MediaPipe's brow shapes rarely exceed 0.2, a blink reads about 0.5).

Letters: T frames, C = 8 channels.
"""

from dataclasses import dataclass

import numpy as np

from .landmarker import BLENDSHAPES
from .smoothing import smooth_signal

# What drives the upper face: blinks, squint and brows 0..1, gaze within +-MAX_GAZE.
EXPRESSION_CHANNELS = (
    "blink_left",
    "blink_right",
    "squint",
    "brow_inner_up",
    "brow_outer_up",
    "brow_down",
    "gaze_x",
    "gaze_y",
)
FULL_BLINK = 0.45  # above rest: what MediaPipe reports for a closed lid
BROW_GAIN = {"browInnerUp": 6.0, "browOuterUp": 6.0, "browDown": 1.5}
LID_AT_LOOK_DOWN = 0.25  # blink from which the gaze is not trusted: MediaPipe reads a blink partly as a look down
MAX_GAZE = 0.6
CUTOFF = 8.0  # hertz: a blink (0.2 s) stays a blink
REST_PERCENTILES = {"eyeBlink": 30, "eyeSquint": 50, "browInnerUp": 20, "browOuterUp": 20, "browDown": 20}


@dataclass(frozen=True)
class RestLevels:
    """What a person's blendshapes read when the face is at rest, over all the clips."""

    levels: dict[str, float]  # eyeBlinkLeft, eyeBlinkRight and the means of both sides
    gaze: tuple[float, float]  # of an open eye, sideways and upwards


def channel_signals(blendshapes: np.ndarray) -> dict[str, np.ndarray]:
    """[T, 52] -> the signals that the channels are made of, each [T]. Raises ValueError for another shape."""
    values = np.asarray(blendshapes, np.float64)
    if values.ndim != 2 or values.shape[1] != len(BLENDSHAPES):
        raise ValueError(f"blendshapes are [T, {len(BLENDSHAPES)}], not {values.shape}")
    shape = {name: values[:, column] for column, name in enumerate(BLENDSHAPES)}
    mean = ("eyeSquint", "browOuterUp", "browDown", "eyeLookUp", "eyeLookDown")
    signals = {name: (shape[f"{name}Left"] + shape[f"{name}Right"]) / 2 for name in mean}
    look = [shape[f"eyeLook{name}"] for name in ("OutLeft", "InLeft", "InRight", "OutRight")]
    return signals | {
        "eyeBlinkLeft": shape["eyeBlinkLeft"],
        "eyeBlinkRight": shape["eyeBlinkRight"],
        "browInnerUp": shape["browInnerUp"],
        "sideways": (look[0] - look[1] + look[2] - look[3]) / 2,
        "upwards": signals["eyeLookUp"] - signals["eyeLookDown"],
    }


def estimate_rest_levels(blendshapes: np.ndarray) -> RestLevels:
    """From [T, 52] of all clips of a person, frames without a face left out. Raises ValueError for another shape."""
    signals = channel_signals(blendshapes)
    levels = {}
    for name, percentile in REST_PERCENTILES.items():
        for signal in (f"{name}Left", f"{name}Right") if name == "eyeBlink" else (name,):
            levels[signal] = float(np.percentile(signals[signal], percentile))
    open_eyes = blink_weights(signals, levels).max(0) < LID_AT_LOOK_DOWN
    visible = open_eyes if open_eyes.any() else np.ones(len(open_eyes), bool)
    sideways, upwards = (float(np.median(signals[name][visible])) for name in ("sideways", "upwards"))
    return RestLevels(levels, (sideways, upwards))


def blink_weights(signals: dict[str, np.ndarray], levels: dict[str, float]) -> np.ndarray:
    """[2, T] 0..1, left and right."""
    sides = ("eyeBlinkLeft", "eyeBlinkRight")
    return np.stack([np.clip((signals[side] - levels[side]) / FULL_BLINK, 0.0, 1.0) for side in sides])


def expression_channels(
    blendshapes: np.ndarray,  # [T, 52] of one clip, in BLENDSHAPES order
    rest: RestLevels,
    rate: float = 25.0,  # frames per second
    seen: np.ndarray | None = None,  # [T] bool: elsewhere the channels are interpolated
) -> np.ndarray:
    """[T, C] float32 in the order of EXPRESSION_CHANNELS; blinks and brows 0..1, gaze within +-MAX_GAZE, 0 = straight
    ahead. gaze_x is positive to the actor's own left, gaze_y upwards. Both eyes share a gaze and both brows a height.
    Raises ValueError for another number of blendshapes.
    """
    signals = channel_signals(blendshapes)
    count = len(blendshapes)
    seen = np.ones(count, bool) if seen is None else np.asarray(seen, bool)
    if not seen.any():
        return np.zeros((count, len(EXPRESSION_CHANNELS)), np.float32)
    blink = blink_weights(signals, rest.levels)
    closed = blink.max(0)
    squint = _above_rest(signals, rest, "eyeSquint") * (1.0 - closed)
    brows = [_above_rest(signals, rest, name) * gain for name, gain in BROW_GAIN.items()]
    gaze = _gaze(signals, rest, closed, seen)
    raw = np.stack([*blink, squint, *brows, *gaze], axis=1)
    low = np.r_[np.zeros(6), -MAX_GAZE, -MAX_GAZE]
    high = np.r_[np.ones(6), MAX_GAZE, MAX_GAZE]
    smooth = smooth_signal(np.clip(raw, low, high), CUTOFF, float(rate), seen.astype(float))
    return np.clip(smooth, low, high).astype(np.float32)


def _above_rest(signals: dict[str, np.ndarray], rest: RestLevels, name: str) -> np.ndarray:
    """[T] 0 and above."""
    return np.maximum(signals[name] - rest.levels[name], 0.0)


def _gaze(signals: dict[str, np.ndarray], rest: RestLevels, closed: np.ndarray, seen: np.ndarray) -> list[np.ndarray]:
    """[T] sideways and [T] upwards, interpolated while the lids hide the eye."""
    visible = (closed < LID_AT_LOOK_DOWN) & seen
    visible = visible if visible.any() else seen
    frames = np.arange(len(seen))
    gaze = []
    for name, straight in zip(("sideways", "upwards"), rest.gaze):
        signal = np.interp(frames, frames[visible], signals[name][visible])
        gaze.append(np.clip(signal - straight, -MAX_GAZE, MAX_GAZE))
    return gaze

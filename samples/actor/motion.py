# SPDX-License-Identifier: GPL-3.0-or-later
"""What MediaPipe measured -> rig expressions whose lips open and close as the speaker's did.

MediaPipe's mouth blendshapes are weak (its jawOpen ends near 0.4) and never quite zero, so they are
taken for the manner of a mouth shape only. How far the lips are apart and how wide the mouth is
comes from the landmarks, relative to the distance of the outer eye corners, and jawOpen, mouthClose,
mouthPucker and mouthStretch are solved so that the rig's own landmarks show it.

Letters: T frames (75 at 25 per second), E = 53 rig expressions, C = 8 channels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ...core.tracking import EXPRESSION_CHANNELS, LID_AT_LOOK_DOWN
from .expression_rig import Rig

LIP_GAP_GAIN = 1.2  # the speaker mumbles a little; the actor opens 20 % further
CLOSED_GAP = 0.002  # of the eye distance: what MediaPipe reports for lips that touch
FULL_OPENING = 0.016  # metres of lip gap at which the lips themselves do their full share of it
REST_FRAME_SHARE = 20  # per cent of a clip's frames that count as the mouth at rest, for its width
SMOOTHING = 0.6  # frames, standard deviation of a symmetric (zero-phase) kernel
PIXEL_ASPECT = 16 / 15  # GRID is 4:3 television stored as 360x288

# How much of MediaPipe's weak shapes the rig gets; what is not named here is solved or derived below.
MOUTH_GAIN = {
    "mouthFunnel": 3.0,
    "mouthRollLower": 3.0,
    "mouthRollUpper": 1.5,
    "mouthShrugLower": 3.0,
    "mouthShrugUpper": 2.0,
    "mouthPress_L": 1.2,
    "mouthPress_R": 1.2,
    "mouthSmile_L": 1.5,
    "mouthSmile_R": 1.5,
    "mouthDimple_L": 2.0,
    "mouthDimple_R": 2.0,
    "mouthFrown_L": 2.0,
    "mouthFrown_R": 2.0,
    "mouthLeft": 1.0,
    "mouthRight": 1.0,
    "jawLeft": 1.0,
    "jawRight": 1.0,
    "jawForward": 1.0,
    "noseSneer_L": 1.0,
    "noseSneer_R": 1.0,
}
OPENING_SHARE = {"mouthLowerDown_L": 0.35, "mouthLowerDown_R": 0.35, "mouthUpperUp_L": 0.28, "mouthUpperUp_R": 0.28}


@dataclass(frozen=True)
class TrackedClip:
    """One clip as `track.py` stored it."""

    shapes: dict[str, np.ndarray]  # MediaPipe name -> [T]
    landmarks: np.ndarray  # [T, 478, 2] square pixels

    def distance(self, first: int, second: int) -> np.ndarray:
        """[T] distance of two MediaPipe landmarks over the distance of the outer eye corners."""
        eyes = np.linalg.norm(self.landmarks[:, 33] - self.landmarks[:, 263], axis=-1)
        return np.linalg.norm(self.landmarks[:, first] - self.landmarks[:, second], axis=-1) / eyes


def read_tracked_clip(tracked_file: Path) -> TrackedClip:
    if not tracked_file.is_file():
        raise FileNotFoundError(f"{tracked_file}: this clip is not tracked yet; run samples.actor.track first.")
    with np.load(tracked_file, allow_pickle=False) as stored:
        landmarks = stored["landmarks"].astype(np.float64)
        landmarks[..., 0] *= PIXEL_ASPECT
        shapes = {str(name): stored["blendshapes"][:, i].astype(np.float64) for i, name in enumerate(stored["names"])}
    return TrackedClip(shapes, landmarks)


def smooth(signal: np.ndarray) -> np.ndarray:
    return gaussian_filter1d(signal, SMOOTHING, axis=0, mode="nearest")


def above_rest(signal: np.ndarray, rest_percentile: float) -> np.ndarray:
    """[T] the signal less the clip's own rest value, never negative."""
    return np.maximum(signal - np.percentile(signal, rest_percentile), 0.0)


def upper_face_channels(tracked: TrackedClip) -> np.ndarray:
    """[T, C] what the upper face does, in the order of EXPRESSION_CHANNELS; blinks 0..1, gaze -1..1.

    Both eyes share a gaze and both brows a height: a channel that the head is not conditioned on
    must not move the picture. gaze_x is positive to the actor's own left, gaze_y upwards.
    """
    shape = tracked.shapes
    blink = {side: np.clip(above_rest(shape[f"eyeBlink{side}"], 30) / 0.45, 0.0, 1.0) for side in ("Left", "Right")}
    closed = np.maximum(blink["Left"], blink["Right"])
    look = {name: shape[f"eyeLook{name}"] for name in ("OutLeft", "InLeft", "InRight", "OutRight")}
    sideways = (look["OutLeft"] - look["InLeft"] + look["InRight"] - look["OutRight"]) / 2
    mean = {
        name: (shape[f"{name}Left"] + shape[f"{name}Right"]) / 2
        for name in ("eyeSquint", "browOuterUp", "browDown", "eyeLookUp", "eyeLookDown")
    }
    upwards = mean["eyeLookUp"] - mean["eyeLookDown"]
    open_eyes = closed < LID_AT_LOOK_DOWN
    frames = np.arange(len(closed))
    gaze = []
    for signal in (sideways, upwards):  # while the lids hide the eye, its gaze is interpolated
        visible = np.interp(frames, frames[open_eyes], signal[open_eyes]) if open_eyes.any() else np.zeros(len(frames))
        gaze.append(np.clip(visible - np.median(visible), -0.6, 0.6))
    columns = [
        blink["Left"],
        blink["Right"],
        np.clip(above_rest(mean["eyeSquint"], 50) * (1.0 - closed), 0.0, 1.0),
        np.clip(above_rest(shape["browInnerUp"], 20) * 6.0, 0.0, 1.0),
        np.clip(above_rest(mean["browOuterUp"], 20) * 6.0, 0.0, 1.0),
        np.clip(above_rest(mean["browDown"], 20) * 1.5, 0.0, 1.0),
        *gaze,
    ]
    return smooth(np.stack(columns, axis=1))


def upper_face_weights(rig: Rig, channels: np.ndarray) -> np.ndarray:
    """[T, C] channels -> [T, E] weights of the lids and brows (a function of the channels alone)."""
    weights = np.zeros((len(channels), len(rig.expression_names)))
    value = dict(zip(EXPRESSION_CHANNELS, channels.T))
    for side in "LR":
        blink = value["blink_left" if side == "L" else "blink_right"]
        to_own_side = value["gaze_x"] if side == "L" else -value["gaze_x"]
        weights[:, rig.index(f"eyeBlink_{side}")] = blink
        weights[:, rig.index(f"eyeSquint_{side}")] = value["squint"]
        weights[:, rig.index(f"browInnerUp_{side}")] = value["brow_inner_up"]
        weights[:, rig.index(f"browOuterUp_{side}")] = value["brow_outer_up"]
        weights[:, rig.index(f"browDown_{side}")] = value["brow_down"]
        weights[:, rig.index(f"eyeLookOut_{side}")] = np.maximum(to_own_side, 0.0)
        weights[:, rig.index(f"eyeLookIn_{side}")] = np.maximum(-to_own_side, 0.0)
        open_lid = 1.0 - blink  # a closed lid has no further to go
        weights[:, rig.index(f"eyeLookUp_{side}")] = np.maximum(value["gaze_y"], 0.0) * open_lid
        weights[:, rig.index(f"eyeLookDown_{side}")] = np.maximum(-value["gaze_y"], 0.0) * open_lid
    return weights


def eye_distance(rig: Rig) -> float:
    corners = rig.neutral[rig.landmark_vertices[[36, 45]]]
    return float(np.linalg.norm(corners[0] - corners[1]))


def target_lip_gap(rig: Rig, tracked: TrackedClip) -> np.ndarray:
    """[T] metres: how far the rig's inner lips (62-66) are to be apart."""
    measured = np.maximum(tracked.distance(13, 14) - CLOSED_GAP, 0.0)
    return LIP_GAP_GAIN * eye_distance(rig) * np.maximum(smooth(measured), 0.0) * (measured > 0.0)


def target_mouth_width(tracked: TrackedClip) -> np.ndarray:
    """[T] width of the mouth over its width at rest (1 = at rest)."""
    width = smooth(tracked.distance(61, 291))
    gap = tracked.distance(13, 14)
    at_rest = gap <= np.percentile(gap, REST_FRAME_SHARE)
    return width / np.median(width[at_rest])


def solve_width(rig: Rig, weights: np.ndarray, ratio: np.ndarray) -> None:
    """Set mouthPucker or mouthStretch in place so that landmarks 48-54 are `ratio` of rest apart.

    The landmarks are linear in the weights and the corners move sideways, so the width is close to
    linear too: one division per frame.
    """

    def width(values: np.ndarray) -> np.ndarray:
        points = rig.landmarks(values)
        return np.linalg.norm(points[..., 48, :] - points[..., 54, :], axis=-1)

    missing = ratio * width(np.zeros(len(rig.expression_names))) - width(weights)
    for names, limit in ((("mouthPucker",), 0.85), (("mouthStretch_L", "mouthStretch_R"), 0.5)):
        unit = np.zeros(len(rig.expression_names))
        unit[[rig.index(name) for name in names]] = 1.0
        per_weight = width(unit) - width(0.0 * unit)
        amount = np.clip(missing / per_weight, 0.0, limit)
        for name in names:
            weights[:, rig.index(name)] = amount


def solve_gap(rig: Rig, weights: np.ndarray, gap: np.ndarray) -> None:
    """Set jawOpen in place so that the inner lips are `gap` metres apart; mouthClose where they touch."""
    for name, low, high in (("jawOpen", 0.0, 1.0), ("mouthClose", 0.0, 0.06)):
        column = rig.index(name)
        rising = name == "jawOpen"
        lower, upper = np.full(len(gap), low), np.full(len(gap), high)
        for _ in range(24):  # bisection: the gap rises with jawOpen and falls with mouthClose
            middle = (lower + upper) / 2
            weights[:, column] = middle
            too_open = signed_gap(rig, weights) > gap
            lower = np.where(too_open == rising, lower, middle)
            upper = np.where(too_open == rising, middle, upper)
        weights[:, column] = lower


def signed_gap(rig: Rig, weights: np.ndarray) -> np.ndarray:
    """[T] metres: the lip gap, negative where the lower lip has passed the upper one."""
    points = rig.landmarks(weights)
    apart = points[..., 62, :] - points[..., 66, :]
    return np.sign(apart[..., 2]) * np.linalg.norm(apart, axis=-1)


def solve_expressions(rig: Rig, tracked: TrackedClip) -> tuple[np.ndarray, np.ndarray]:
    """One clip: ([T, E] rig weights 0..1, [T, C] channels)."""
    channels = upper_face_channels(tracked)
    weights = upper_face_weights(rig, channels)
    gap = target_lip_gap(rig, tracked)
    for name, gain in MOUTH_GAIN.items():
        source = name.replace("_L", "Left").replace("_R", "Right")
        weights[:, rig.index(name)] = np.clip(gain * smooth(above_rest(tracked.shapes[source], 10)), 0.0, 0.7)
    for name, share in OPENING_SHARE.items():
        weights[:, rig.index(name)] = share * np.clip(gap / FULL_OPENING, 0.0, 1.0)
    solve_width(rig, weights, target_mouth_width(tracked))
    solve_gap(rig, weights, gap)
    return weights.astype(np.float32), channels.astype(np.float32)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Any channel layout -> two channels or one, by ITU-R BS.775; or one of its channels alone.

left = L + 0.7071 C + 0.7071 Ls, right likewise, no low-frequency effects; mono is their sum (C 1,
L and R 0.7071, surrounds 0.5). Weights are divided by their sum, so that nothing clips and a sound
in every channel keeps its level (mono of stereo: the mean).

Letters: S samples, c channels of the file.
"""

from collections.abc import Sequence

import av
import numpy as np

ROOT_HALF = 0.5**0.5  # -3 dB
# FFmpeg's channel name -> weight in the left and the right channel
WEIGHTS = {
    "FL": (1, 0), "FR": (0, 1), "FC": (ROOT_HALF, ROOT_HALF), "FLC": (1, 0), "FRC": (0, 1), "DL": (1, 0), "DR": (0, 1),
    "SL": (ROOT_HALF, 0), "SR": (0, ROOT_HALF), "BL": (ROOT_HALF, 0), "BR": (0, ROOT_HALF),
    "WL": (ROOT_HALF, 0), "WR": (0, ROOT_HALF), "BC": (0.5, 0.5), "LFE": (0, 0), "LFE2": (0, 0),
}  # fmt: skip
SIDES = {"left": ("FL", "DL"), "right": ("FR", "DR")}  # the channel names that a choice of side means
PLANES = 8  # PyAV 18 reads beyond an AVFrame's 8 plane pointers (7.1 Opus ends the process); packed is safe
FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}


def channel_values(frame: av.AudioFrame) -> tuple[np.ndarray, list[str]]:
    """One decoded chunk: ([S,c] of full scale 1, FFmpeg's channel names)."""
    names = [channel.name for channel in frame.layout.channels]
    if frame.format.is_planar and len(names) >= PLANES:
        packed = av.AudioResampler(frame.format.packed.name, frame.layout, frame.sample_rate)
        frame = packed.resample(frame)[0]
    kind = frame.format.packed.name
    if kind == "s64":  # PyAV's own conversion does not know it
        values = _int64_values(frame, len(names))
    else:
        values = frame.to_ndarray()
        if not frame.format.is_planar:
            values = values.reshape(-1, len(names)).T
    if kind in FULL_SCALE:
        values = (values - (128.0 if kind == "u8" else 0.0)) / FULL_SCALE[kind]
    return values.T.astype(np.float64, copy=False), names


def _int64_values(frame: av.AudioFrame, channels: int) -> np.ndarray:
    """[c,S] int64."""
    planes = [np.frombuffer(bytes(plane), "<i8") for plane in frame.planes]
    if frame.format.is_planar:
        return np.stack([plane[: frame.samples] for plane in planes])
    return planes[0][: frame.samples * channels].reshape(-1, channels).T


def mix_weights(names: Sequence[str], channels: int) -> np.ndarray:
    """[channels,c] by FFmpeg's channel names; layouts with unknown names: the plain mean."""
    weights = np.array([WEIGHTS.get(name, (np.nan, np.nan)) for name in names], dtype=np.float64).T
    if channels == 1:
        weights = weights.sum(axis=0, keepdims=True)
    loudest = weights.sum(axis=1).max()
    if not np.isfinite(loudest) or loudest == 0:
        return np.full((channels, len(names)), 1.0 / len(names))
    return weights / loudest


def channel_index(names: Sequence[str], channel: str) -> int | None:
    """Which of the channels "left", "right" or a number from 1 is; None where there is none.

    Two channels without known names are left and right.
    """
    if channel.isdigit():
        return int(channel) - 1 if int(channel) <= len(names) else None
    for name in SIDES[channel]:
        if name in names:
            return names.index(name)
    if len(names) == 2 and not any(name in WEIGHTS for name in names):
        return list(SIDES).index(channel)
    return None


def describe_channel(names: Sequence[str], index: int) -> str:
    """The channel `index` (from 0) in words."""
    for side in SIDES:
        if channel_index(names, side) == index:
            return f"{side} channel"
    return f"channel {index + 1}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""Any channel layout -> one channel.

ITU-R BS.775 mono: centre 1, left and right 0.7071, surrounds 0.5, no low-frequency effects; divided
by their sum, so that nothing clips and a sound in every channel keeps its level (stereo: the mean).
"""

import av
import numpy as np

FRONT, SURROUND = 0.5**0.5, 0.5
WEIGHTS = {
    "FC": 1.0, "FL": FRONT, "FR": FRONT, "FLC": FRONT, "FRC": FRONT, "DL": FRONT, "DR": FRONT,
    "SL": SURROUND, "SR": SURROUND, "BL": SURROUND, "BR": SURROUND, "BC": SURROUND, "WL": SURROUND, "WR": SURROUND,
    "LFE": 0.0, "LFE2": 0.0,
}  # fmt: skip
PLANES = 8  # PyAV 18 reads beyond an AVFrame's 8 plane pointers (7.1 Opus ends the process); packed is safe
FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}


def to_mono(frame: av.AudioFrame) -> np.ndarray:
    """One decoded piece as mono float32 [S], -1..1."""
    names = [channel.name for channel in frame.layout.channels]
    if frame.format.is_planar and len(names) >= PLANES:
        packed = av.AudioResampler(frame.format.packed.name, frame.layout, frame.sample_rate)
        frame = packed.resample(frame)[0]
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, len(names)).T
    kind = frame.format.packed.name
    weights = downmix_weights(names)
    if kind in FULL_SCALE:
        values = (values - (128.0 if kind == "u8" else 0.0)) / FULL_SCALE[kind]
    return (weights @ values.astype(np.float64, copy=False)).astype(np.float32)


def downmix_weights(names: list[str]) -> np.ndarray:
    """Weight of each channel by its FFmpeg name, [c], sum 1; layouts with unknown names: the plain mean."""
    weights = np.array([WEIGHTS.get(name, np.nan) for name in names])
    if not np.isfinite(weights).all() or weights.sum() == 0:
        return np.full(len(names), 1.0 / len(names))
    return weights / weights.sum()

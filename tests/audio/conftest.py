# SPDX-License-Identifier: GPL-3.0-or-later
"""Real media files made on the spot, with clicks at known times."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest


def clicks(times, seconds: float, rate: int) -> np.ndarray:
    """Bursts of 1 kHz under a 10 ms Gaussian, centred exactly on `times` (seconds), [L] float32."""
    out = np.zeros(round(seconds * rate), dtype=np.float32)
    for time in times:
        a, b = max(0, int((float(time) - 0.02) * rate)), min(len(out), int((float(time) + 0.02) * rate) + 1)
        t = np.arange(a, b) / rate - float(time)
        out[a:b] += 0.8 * np.exp(-((t / 0.0025) ** 2)) * np.cos(2 * np.pi * 1000 * t)
    return out


def click_time(samples: np.ndarray, time: float, reach: float = 0.1, rate: int = 16000) -> float:
    """Seconds at which the click near `time` is, by correlation with the click itself."""
    template = clicks([0.02], 0.04, rate)
    a = round((time - reach) * rate)
    piece = samples[max(0, a) : round((time + reach) * rate)]
    match = np.correlate(np.concatenate([np.zeros(max(0, -a), np.float32), piece]), template, mode="same")
    assert match.max() > 0.1 * (template**2).sum(), "no click found"
    return (a + int(match.argmax()) - (len(template) // 2 - round(0.02 * rate))) / rate


def write_media(path, channels, rate, codec, layout="mono", picture_fps=None, delay=0.0, options=None):
    """A sound (`channels` [c,L] float32 -1..1), with a black film when picture_fps is given."""
    with av.open(str(path), "w", options=options or {}) as out:
        film = None
        if picture_fps is not None:
            film = out.add_stream("mpeg4" if path.suffix != ".webm" else "libvpx", rate=Fraction(picture_fps))
            film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        voice = out.add_stream(codec, rate=rate, layout=layout) if codec else None
        if film is not None:
            for i in range(int(channels.shape[1] / rate * Fraction(picture_fps))):
                frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
                frame.pts, frame.time_base = i, 1 / Fraction(picture_fps)
                out.mux(film.encode(frame))
            out.mux(film.encode())
        if voice is not None:
            resampler = av.AudioResampler(format=voice.format, layout=layout, rate=rate,
                                          frame_size=voice.codec_context.frame_size or 1024)  # fmt: skip
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, round(delay * rate), Fraction(1, rate)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(voice.encode(piece))
            out.mux(voice.encode())
    return path


@pytest.fixture(scope="session")
def studio() -> SimpleNamespace:
    return SimpleNamespace(clicks=clicks, click_time=click_time, write_media=write_media)

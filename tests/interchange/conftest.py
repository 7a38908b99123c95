# SPDX-License-Identifier: GPL-3.0-or-later
"""Films made on the spot whose pictures say their own number."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import OpenEXR
import pytest

BITS = 12
CLOCK = 90000  # ticks a second


def numbered(number: int, width: int = 96, height: int = 48) -> np.ndarray:
    """A picture with `number` in black and white columns, [H,W,3] uint8: any codec keeps it."""
    bits = (number >> np.arange(BITS)) & 1
    row = np.repeat(bits * 255, width // BITS).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (height, width, 3)))


def number_of(rgb: np.ndarray) -> int:
    middle = rgb[rgb.shape[0] // 2, :, 1].reshape(BITS, -1).mean(axis=1)
    return int(((middle > 127) << np.arange(BITS)).sum())


def write_film(path, times, codec="libx264", pictures=None, options=None, sound=None, setup=None, clock=CLOCK, rate=25):
    """Picture i (numbered, or of `pictures`) at times[i] seconds; `sound` float32 [L] at 48 kHz from time 0."""
    with av.open(str(path), "w") as out:
        film = out.add_stream(codec, rate=rate, options=options or {})
        first = numbered(0) if pictures is None else pictures[0]
        film.height, film.width = first.shape[:2]
        film.pix_fmt = {"ffv1": "bgr0", "png": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        film.codec_context.time_base = film.time_base = Fraction(1, clock)
        if setup:
            setup(film)
        voice = None if sound is None else out.add_stream("aac", rate=48000, layout="mono", bit_rate=96000)
        written = 0
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(i) if pictures is None else pictures[i], format="rgb24")
            frame.pts, frame.time_base = round(Fraction(time) * clock), Fraction(1, clock)
            out.mux(film.encode(frame))
            while voice is not None and written + 1024 <= min(len(sound), time * 48000):
                piece = av.AudioFrame.from_ndarray(sound[None, written : written + 1024], format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = 48000, written, Fraction(1, 48000)
                out.mux(voice.encode(piece))
                written += 1024
        out.mux(film.encode())
        if voice is not None:
            out.mux(voice.encode())
    return path


def channels_and_header(path) -> tuple[dict[str, np.ndarray], dict]:
    """({full name: [H,W]}, the first part's header) of an EXR."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
        return channels, dict(file.parts[0].header)


@pytest.fixture(scope="session")
def read_exr():
    return channels_and_header


@pytest.fixture(scope="session")
def cinema() -> SimpleNamespace:
    return SimpleNamespace(numbered=numbered, number_of=number_of, write_film=write_film)

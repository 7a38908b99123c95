# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie with its sound, written frame by frame: H.264 and AAC in MP4, which everything plays.

Knows pictures and samples, nothing of heads.

Letters: H x W pixels, L samples, c channels (1 or 2).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ..formats import atomic_write

CRF = 16  # x264's quality: eyes see no loss, a face of 512 pixels stays near 1 MB a second or below
SOUND_RATE = 48000  # Hz; what film and players expect
PIECE = 1024  # samples of one AAC frame


class MovieWriter:
    """A context manager: `add` every frame; the file appears when the block ends well, or not at all.

    The sound starts with the first frame and is cut where the pictures end (`rate` is exact, so
    neither can drift). Odd sizes are padded by repeating the last row or column.
    """

    def __init__(
        self,
        path: Path | str,  # .mp4
        rate: Fraction,  # frames a second, exact: Fraction(24000, 1001)
        width: int,
        height: int,
        sound: tuple[np.ndarray, int] | None = None,  # ([L] or [L,c] float -1..1, samples a second)
    ) -> None:
        self.path, self.rate, self.width, self.height = Path(path), Fraction(rate), width, height
        if self.rate <= 0 or width < 1 or height < 1:
            raise ValueError(f"a movie of {width}x{height} at {rate} frames a second cannot be")
        self.count = 0  # frames so far
        self._samples = None if sound is None else _at_sound_rate(*sound)  # [c,L] at SOUND_RATE
        self._laid = 0  # samples so far

    def __enter__(self) -> "MovieWriter":
        with ExitStack() as stack:
            beside = stack.enter_context(atomic_write(self.path))
            self._file = stack.enter_context(av.open(str(beside), "w", format="mp4", options={"movflags": "faststart"}))
            self._pictures = self._add_pictures()
            self._voice = None
            if self._samples is not None:
                layout = "mono" if len(self._samples) == 1 else "stereo"
                self._voice = self._file.add_stream("aac", rate=SOUND_RATE, layout=layout, bit_rate=192000)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind, error, trace) -> None:
        with self._stack:
            if error is not None:
                raise error  # through the stack, so that what was written is dropped
            self._finish()

    def add(
        self,
        pixels: np.ndarray,  # uint8 [H,W,3], sRGB codes
    ) -> None:
        """The next frame, and the sound up to its end."""
        if pixels.dtype != np.uint8 or pixels.shape != (self.height, self.width, 3):
            raise ValueError(f"the movie takes uint8 [{self.height},{self.width},3], not {pixels.dtype} {pixels.shape}")
        odd = ((0, self.height % 2), (0, self.width % 2), (0, 0))
        frame = av.VideoFrame.from_ndarray(np.pad(pixels, odd, mode="edge"), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base = self.count, 1 / self.rate
        self._file.mux(self._pictures.encode(frame))
        self.count += 1
        self._lay_sound(self._due() // PIECE * PIECE)

    def _add_pictures(self) -> av.VideoStream:
        options = {"crf": str(CRF), "preset": "fast"}
        stream = self._file.add_stream("libx264", rate=self.rate, options=options)
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self.rate
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _due(self) -> int:
        """Samples that belong to the frames so far."""
        return int(self.count / self.rate * SOUND_RATE)

    def _lay_sound(self, until: int) -> None:
        if self._voice is None:
            return
        for piece in self._pieces(min(until, self._samples.shape[1])):
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=self._voice.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._laid, Fraction(1, SOUND_RATE)
            self._file.mux(self._voice.encode(frame))
            self._laid += piece.shape[1]

    def _pieces(self, until: int) -> Iterator[np.ndarray]:
        for a in range(self._laid, until, PIECE):
            yield np.ascontiguousarray(self._samples[:, a : min(a + PIECE, until)])

    def _finish(self) -> None:
        if self.count == 0:
            raise ValueError(f"{self.path} got no frame")
        self._lay_sound(self._due())
        self._file.mux(self._pictures.encode())
        if self._voice is not None:
            self._file.mux(self._voice.encode())


def _at_sound_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    """[c,L] float32 at SOUND_RATE."""
    columns = np.asarray(samples, dtype=np.float32)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.shape[1] not in (1, 2):
        raise ValueError(f"a movie's sound has one or two channels, not the shape {np.shape(samples)}")
    if rate != SOUND_RATE and len(columns):
        columns = soxr.resample(columns, rate, SOUND_RATE, quality="HQ")
    return np.ascontiguousarray(np.clip(columns.T, -1.0, 1.0))

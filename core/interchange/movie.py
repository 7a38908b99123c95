# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie with its sound, written frame by frame: H.264 and AAC in MP4, which everything plays. Knows no heads.

Letters: H x W pixels, L samples, c channels (1 or 2).
"""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import soxr
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ..formats import atomic_write

CRF = 16  # x264's quality: no visible loss, a face of 512 pixels stays near 1 MB a second or below
SOUND_RATE = 48000  # Hz; what film and players expect
AAC_FRAME = 1024  # samples


class MovieWriter:
    """Writes an MP4; a context manager: `add` every frame, the file appears when the block ends well, or not at all.

    The sound starts with the first frame and is cut where the pictures end (`rate` is exact, so
    neither can drift). Odd sizes are padded by repeating the last row or column. Raises ValueError for
    settings, frames or samples of another shape or type, and for a movie without a frame.
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
            raise ValueError(f"a movie cannot have {width}x{height} pixels and {rate} frames a second")
        self.count = 0  # frames so far
        self._samples = None if sound is None else _at_sound_rate(*sound)  # [c,L] at SOUND_RATE

    def __enter__(self) -> "MovieWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_write(self.path))
            self._file = stack.enter_context(
                av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"})
            )
            self._video_stream = self._add_video_stream()
            self._sound = None if self._samples is None else _SoundStream(self._file, self._samples)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is not None:
                raise error  # through the stack, so that the unfinished file is removed
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
        self._file.mux(self._video_stream.encode(frame))
        self.count += 1
        if self._sound:
            self._sound.write(self._samples_due() // AAC_FRAME * AAC_FRAME)

    def _add_video_stream(self) -> av.VideoStream:
        options = {"crf": str(CRF), "preset": "fast"}
        stream = self._file.add_stream("libx264", rate=self.rate, options=options)
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self.rate
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _samples_due(self) -> int:
        """Samples that belong to the frames so far."""
        return int(self.count / self.rate * SOUND_RATE)

    def _finish(self) -> None:
        if self.count == 0:
            raise ValueError(f"{self.path} got no frame")
        if self._sound:
            self._sound.write(self._samples_due())
        self._file.mux(self._video_stream.encode())
        if self._sound:
            self._sound.finish()


class _SoundStream:
    """The AAC stream of an open movie; samples are written as the frames come."""

    def __init__(self, file: OutputContainer, samples: np.ndarray) -> None:  # [c,L] at SOUND_RATE
        self.file, self.samples = file, samples
        self.written = 0  # samples so far
        self.layout = "mono" if len(samples) == 1 else "stereo"
        self.stream = file.add_stream("aac", rate=SOUND_RATE, layout=self.layout, bit_rate=192000)

    def write(self, until: int) -> None:
        """Samples up to `until`, or to the sound's end."""
        until = min(until, self.samples.shape[1])
        for a in range(self.written, until, AAC_FRAME):
            samples = np.ascontiguousarray(self.samples[:, a : min(a + AAC_FRAME, until)])
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self.layout)
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, a, Fraction(1, SOUND_RATE)
            self.file.mux(self.stream.encode(frame))
            self.written = a + samples.shape[1]

    def finish(self) -> None:
        """What the encoder still holds."""
        self.file.mux(self.stream.encode())


def _at_sound_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    """[c,L] float32 at SOUND_RATE."""
    columns = np.asarray(samples, dtype=np.float32)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.shape[1] not in (1, 2):
        raise ValueError(f"a movie's sound has one or two channels, not the shape {np.shape(samples)}")
    if rate != SOUND_RATE and len(columns):
        columns = soxr.resample(columns, rate, SOUND_RATE, quality="HQ")
    return np.ascontiguousarray(np.clip(columns.T, -1.0, 1.0))

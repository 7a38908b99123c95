# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie with its sound, written frame by frame, in a format of MOVIE_FORMATS. Knows no heads.

Letters: H x W pixels, L samples, c channels (1 or 2).
"""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
import soxr
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ..formats import atomic_write
from .movie_formats import MOVIE_FORMATS, MovieFormat

PCM_SCALE = 2**23 - 1
SOUND_RATE = 48000  # Hz; what film and players expect
SOUND_FRAME = 1024  # samples, as AAC has them


class MovieWriter:
    """Writes a movie; a context manager: `add` every frame, the file appears when the block ends well, or not at all.

    The sound starts with the first frame and is cut where the pictures end (`rate` is exact, so
    neither can drift). Where a format needs even sizes, the last row or column is repeated. Raises ValueError for
    settings, frames or samples of another shape or type, and for a movie without a frame.
    """

    def __init__(
        self,
        path: Path | str,  # with the suffix of the format
        rate: Fraction,  # frames a second, exact: Fraction(24000, 1001)
        width: int,
        height: int,
        sound: tuple[np.ndarray, int] | None = None,  # ([L] or [L,c] float -1..1, samples a second)
        form: str = "mp4",  # a key of MOVIE_FORMATS
        timecode: str = "",  # of the first frame, "01:00:00:00", where the container can say it; "": none
    ) -> None:
        self.path, self.rate, self.width, self.height = Path(path), Fraction(rate), width, height
        if self.rate <= 0 or width < 1 or height < 1:
            raise ValueError(f"a movie cannot have {width}x{height} pixels and {rate} frames a second")
        self.form, self._timecode = MOVIE_FORMATS[form], timecode
        self.count = 0  # frames so far
        self._samples = None if sound is None else at_sound_rate(*sound)  # [c,L] at SOUND_RATE

    def __enter__(self) -> "MovieWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_write(self.path))
            self._file = stack.enter_context(
                av.open(str(temporary), "w", format=self.form.container, options={"movflags": "faststart"})
            )
            self._video_stream = self._add_video_stream()
            self._sound = None if self._samples is None else _SoundStream(self._file, self._samples, self.form)
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
        pixels: np.ndarray,  # uint8 [H,W,3], sRGB codes; [H,W,4] with straight alpha where the format has one
    ) -> None:
        """The next frame, and the sound up to its end."""
        channels = 4 if self.form.has_alpha else 3
        if pixels.dtype != np.uint8 or pixels.shape != (self.height, self.width, channels):
            wanted = f"[{self.height},{self.width},{channels}]"
            raise ValueError(f"the movie takes uint8 {wanted}, not {pixels.dtype} {pixels.shape}")
        padding = ((0, self._odd(self.height)), (0, self._odd(self.width)), (0, 0))
        pixels = np.pad(pixels, padding, mode="edge") if self._odd(self.height) or self._odd(self.width) else pixels
        frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if channels == 4 else "rgb24")
        limited = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
        frame = frame.reformat(format=self.form.pixels, **limited)
        frame.pts, frame.time_base = self.count, 1 / self.rate
        self._file.mux(self._video_stream.encode(frame))
        self.count += 1
        if self._sound:
            self._sound.write(self._samples_due() // SOUND_FRAME * SOUND_FRAME)

    def _add_video_stream(self) -> av.VideoStream:
        stream = cast(
            "av.VideoStream", self._file.add_stream(self.form.codec, rate=self.rate, options=self.form.options)
        )
        stream.width, stream.height = (side + self._odd(side) for side in (self.width, self.height))
        stream.pix_fmt = self.form.pixels
        if self._timecode:
            stream.metadata["timecode"] = self._timecode
        context = stream.codec_context
        context.time_base = 1 / self.rate
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _odd(self, side: int) -> int:
        """Rows or columns to add."""
        return side % 2 if self.form.even else 0

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
    """The sound of an open movie; samples are written as the frames come."""

    def __init__(self, file: OutputContainer, samples: np.ndarray, form: MovieFormat) -> None:  # [c,L] at SOUND_RATE
        self.file, self.samples = file, samples
        self.written = 0  # samples so far
        self.layout = "mono" if len(samples) == 1 else "stereo"
        self.is_pcm = form.sound_codec.startswith("pcm")
        self.stream = cast("av.AudioStream", file.add_stream(form.sound_codec, rate=SOUND_RATE, layout=self.layout))
        if form.sound_bits:
            self.stream.bit_rate = form.sound_bits

    def write(self, until: int) -> None:
        """Samples up to `until`, or to the sound's end."""
        until = min(until, self.samples.shape[1])
        for a in range(self.written, until, SOUND_FRAME):
            samples = np.ascontiguousarray(self.samples[:, a : min(a + SOUND_FRAME, until)])
            frame = self._frame(samples)
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, a, Fraction(1, SOUND_RATE)
            self.file.mux(self.stream.encode(frame))
            self.written = a + samples.shape[1]

    def _frame(self, samples: np.ndarray) -> av.AudioFrame:  # [c,L]
        if not self.is_pcm:
            return av.AudioFrame.from_ndarray(samples, format="fltp", layout=self.layout)
        integers = np.rint(samples.T.astype(np.float64) * PCM_SCALE).astype(np.int32) << 8  # 24 bits, in the upper ones
        return av.AudioFrame.from_ndarray(integers.reshape(1, -1), format="s32", layout=self.layout)

    def finish(self) -> None:
        """What the encoder still holds."""
        self.file.mux(self.stream.encode())


def at_sound_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    """[c,L] float32 at SOUND_RATE."""
    columns = np.asarray(samples, dtype=np.float32)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.shape[1] not in (1, 2):
        raise ValueError(f"a movie's sound has one or two channels, not the shape {np.shape(samples)}")
    if rate != SOUND_RATE and len(columns):
        columns = soxr.resample(columns, rate, SOUND_RATE, quality="HQ")
    return np.ascontiguousarray(np.clip(columns.T, -1.0, 1.0))

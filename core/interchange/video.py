# SPDX-License-Identifier: GPL-3.0-or-later
"""Any video that FFmpeg's libraries open -> its pictures at a constant rate, one at a time.

Picture k is the one that a player shows at time k / rate: variable and rational rates, pictures out of order and
streams that start at different times cannot shift it against the sound of `audio/decode.py`. Nobody counts frames.

Letters: H x W pixels (square, upright), k index at the wanted rate.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..formats import UserError, open_untrusted
from .video_pixels import Box, Press, Turn, square_size
from .video_stream import VideoStream

LONGEST_STILL = Fraction(1, 4)  # seconds beyond its own length that a picture stays because nothing moves
MOST_ANAMORPHIC = 4  # how much wider or narrower than high a stored pixel may be


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, before its pictures are read."""

    width: int  # square pixels, upright
    height: int
    rate: Fraction  # pictures a second as the file has them, on average
    duration: Fraction  # seconds from time 0 to the end of the last picture, as far as the file knows
    has_sound: bool


@dataclass(frozen=True)
class VideoFrame:
    """The picture that is shown at a time."""

    index: int  # k
    time: Fraction  # k / rate, seconds from the start of the file's timeline
    rgb: np.ndarray  # [H,W,3] uint8 sRGB codes; read-only, and the same array while the same picture is shown
    damaged: bool = False  # not what was filmed: broken in the file, or an older one where pictures are missing


def probe_video(path: Path | str, pixel_aspect: Fraction | None = None) -> VideoInfo:
    """Look at a video's headers and its first picture.

    `pixel_aspect`: width over height of a stored pixel; None believes the file (PAL television that was stored as
    360 x 288 and says nothing has 16/15). Raises UserError for what is no film, has no picture, breaks off or has an
    absurd size.
    """
    with _reel(Path(path)) as reel:
        first = reel.first()
        width, height = square_size(first.width, first.height, _aspect(reel, pixel_aspect), Turn(first))
    with _reel(Path(path)) as reel:
        return VideoInfo(width, height, reel.rate, reel.end(), reel.has_sound)


def read_video(
    path: Path | str,
    rate: Fraction,  # pictures a second that are wanted
    size: tuple[int, int] | None = None,  # W, H of the result; None: the crop's own, one pixel for each square pixel
    crop: Box | None = None,  # left, top, width, height in square upright pixels (fractions are fine); None: all
    pixel_aspect: Fraction | None = None,  # as in `probe`
    start: int = 0,  # the first index; a later one is sought for, not read up to
    stop: int | None = None,  # the index after the last
) -> Iterator[VideoFrame]:
    """The picture shown at k / rate for k = start, start + 1 ... while there is one; one decoded at a time.

    A film whose first picture comes late begins with a later k: there is nothing to see before (less than one frame
    of lateness is taken for none). Cropping, square pixels and scaling are one resampling (bicubic, antialiased).
    Raises UserError as `probe` does, and for a film that is damaged, whose clock jumps, or that stands still for more
    than ten seconds; ValueError for a crop that leaves the picture.
    """
    rate, path = Fraction(rate), Path(path)
    if rate <= 0 or start < 0:
        raise ValueError(f"no frames from {start} at {rate} a second")
    with _reel(path) as reel:
        first = reel.first()
        turn = Turn(first)
        square = square_size(first.width, first.height, _aspect(reel, pixel_aspect), turn)
        press = Press(turn, square, size, crop)
    for seek in (True, False):
        with _reel(path) as reel:
            shown = _shown(reel, rate, start, stop, seek)
            if shown is None:
                continue  # sought too far: some formats have no index
            last, rgb = None, None
            for k, frame, damaged in shown:
                if frame is not last:
                    last, rgb = frame, press.press(frame)
                yield VideoFrame(k, k / rate, rgb, damaged)
            return


def _shown(
    reel: VideoStream, rate: Fraction, start: int, stop: int | None, seek: bool
) -> Iterator[tuple[int, av.VideoFrame, bool]] | None:
    """(k, frame, damaged) of what is shown; None where seeking overshot the start."""
    pictures = reel.pictures(start / rate if seek else Fraction(0))
    head = next(pictures, None)
    if head is None:
        return None if seek and start else iter(())
    late = head[0] > start / rate
    if late and start and seek:
        return None
    return _sampled(reel, head, pictures, rate, start, math.inf if stop is None else stop)


def _sampled(reel: VideoStream, head, pictures, rate: Fraction, start: int, stop: float):
    time, end, frame = head
    slack = _slack(reel, rate)
    k = max(start, math.ceil((time - slack) * rate))
    if k == 1 and start == 0:
        k = 0
    for after, after_end, coming in pictures:
        missing = after - end > LONGEST_STILL or any(end <= lost <= after for lost in reel.spoilt)
        while k < stop and k / rate + slack < after:
            yield k, frame, time in reel.spoilt or (missing and k / rate + slack >= end)
            k += 1
        if k >= stop:
            return
        time, end, frame = after, after_end, coming
    while k < stop and k / rate + slack < end:
        yield k, frame, time in reel.spoilt
        k += 1


def _slack(reel: VideoStream, rate: Fraction) -> Fraction:
    """Seconds that a time stamp may be late for: a coarse clock rounds 66.73 ms up to 67."""
    return min(reel.stream.time_base / 2, Fraction(1, 1000), 1 / (20 * rate))


def _aspect(reel: VideoStream, pixel_aspect: Fraction | None) -> Fraction:
    """Width over height of a stored pixel."""
    aspect = Fraction(pixel_aspect or reel.stream.sample_aspect_ratio or 1)
    if not Fraction(1, MOST_ANAMORPHIC) <= aspect <= MOST_ANAMORPHIC:
        raise UserError(f"{reel.path}: a pixel aspect of {aspect} cannot be; give the pixel aspect of the video.")
    return aspect


@contextmanager
def _reel(path: Path) -> Iterator[VideoStream]:
    with open_untrusted(path) as (file, size):
        try:
            # Our own open file and no protocol beside it: a playlist cannot send us to another file.
            with av.open(file, options={"protocol_whitelist": "none"}) as container:
                yield VideoStream(path, container, size)
        except (av.error.FFmpegError, OSError) as error:  # the second: a seek to where a broken header points
            raise UserError(f"{path} cannot be read as a video ({error.strerror}); "
                          "export it again as MP4, or choose another file.") from error  # fmt: skip

# SPDX-License-Identifier: GPL-3.0-or-later
"""Any video that FFmpeg's libraries open -> its pictures at a constant rate, one at a time.

Picture k is the one that a player shows at time k / rate: variable and rational rates, pictures out of order and
streams that start at different times cannot shift it against the sound of `audio/decode.py`. Nobody counts frames.

Letters: H x W pixels (square, upright), k index at the wanted rate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from ..formats import UserError, open_untrusted
from .video_file import VideoFile
from .video_pixels import CropBox, FrameConverter, Orientation, square_pixel_size
from .video_sampling import shown_frames
from .video_stream import choose_film, open_container

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
    360 x 288 and says nothing has 16/15). Raises UserError for what is no video, has no picture, breaks off or has an
    absurd size.
    """
    with _open_video(Path(path)) as video:
        first = video.first_frame()
        width, height = square_pixel_size(
            first.width, first.height, _pixel_aspect(video, pixel_aspect), Orientation(first)
        )
    with _open_video(Path(path)) as video:
        return VideoInfo(width, height, video.rate, video.duration(), video.has_sound)


def read_video(
    path: Path | str,
    rate: Fraction,  # pictures a second that are wanted
    size: tuple[int, int] | None = None,  # W, H of the result; None: the crop's own, one pixel for each square pixel
    crop: CropBox | None = None,  # left, top, width, height in square upright pixels (fractions are fine); None: all
    pixel_aspect: Fraction | None = None,  # as in `probe_video`
    start: int = 0,  # the first index; a later one is sought for, not read up to
    stop: int | None = None,  # the index after the last
) -> Iterator[VideoFrame]:
    """The picture shown at k / rate for k = start, start + 1 ... while there is one; one decoded at a time.

    A video whose first picture comes late begins with a later k: there is nothing to see before (less than one frame
    of lateness is taken for none). Cropping, square pixels and scaling are one resampling (bicubic, antialiased).
    Raises UserError as `probe_video` does, and for a video that is damaged, whose clock jumps, or that has no new
    picture for more than ten seconds; and for a crop that leaves the picture.
    """
    rate, path = Fraction(rate), Path(path)
    if rate <= 0 or start < 0:
        raise ValueError(f"no frames from {start} at {rate} a second")
    with _open_video(path) as video:
        converter = _converter(video, size, crop, pixel_aspect)
    for seek in (True, False):
        with _open_video(path) as video:
            frames = shown_frames(video, rate, start, stop, seek)
            if frames is None:
                continue
            last, rgb = None, np.empty(0, np.uint8)
            for k, frame, damaged in frames:
                if frame is not last:
                    last, rgb = frame, converter.to_rgb(frame)
                yield VideoFrame(k, k / rate, rgb, damaged)
            return


def _converter(
    video: VideoFile, size: tuple[int, int] | None, crop: CropBox | None, pixel_aspect: Fraction | None
) -> FrameConverter:
    first = video.first_frame()
    orientation = Orientation(first)
    square = square_pixel_size(first.width, first.height, _pixel_aspect(video, pixel_aspect), orientation)
    return FrameConverter(orientation, square, size, crop)


def _pixel_aspect(video: VideoFile, pixel_aspect: Fraction | None) -> Fraction:
    """Width over height of a stored pixel. Raises UserError."""
    aspect = Fraction(pixel_aspect or video.stream.sample_aspect_ratio or 1)
    if not Fraction(1, MOST_ANAMORPHIC) <= aspect <= MOST_ANAMORPHIC:
        raise UserError(f"{video.path}: its pixel aspect {aspect} is impossible; give the pixel aspect of the video.")
    return aspect


@contextmanager
def _open_video(path: Path) -> Iterator[VideoFile]:
    with open_untrusted(path) as (file, size):
        try:
            with open_container(file) as container:
                yield VideoFile(path, container, choose_film(container, file, path), size)
        except (UserError, MemoryError):  # the second has its sentence in open_untrusted
            raise
        except Exception as error:  # the one door to libraries that throw anything at a damaged file
            known = error.strerror if isinstance(error, (FFmpegError, OSError)) else ""
            reason = f" ({known})" if known else ""
            raise UserError(
                f"{path} cannot be read as a video{reason}; export it again as MP4, or choose another file."
            ) from error

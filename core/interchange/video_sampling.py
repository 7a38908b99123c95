# SPDX-License-Identifier: GPL-3.0-or-later
"""Which picture of a video is shown at each time of a constant rate. Knows no pixels.

Letters: k index at the wanted rate.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import av

from .video_file import VideoFile

LONGEST_STILL = Fraction(1, 4)  # seconds beyond its own length that a picture stays because nothing moves
TimedFrame = tuple[Fraction, Fraction, av.VideoFrame]  # time, end, frame


def shown_frames(
    video: VideoFile, rate: Fraction, start: int, stop: int | None, seek: bool
) -> Iterator[tuple[int, av.VideoFrame, bool]] | None:
    """(k, frame, whether it is damaged or late) for k from `start` to before `stop`.

    None where seeking went beyond the start: some formats have no index, and only reading from the beginning helps.
    """
    frames = video.frames(start / rate if seek else Fraction(0))
    first = next(frames, None)
    missed = first is None or first[0] > start / rate
    if missed and start and seek:
        return None
    return (
        iter(()) if first is None else _sampled(video, first, frames, rate, start, math.inf if stop is None else stop)
    )


def _sampled(
    video: VideoFile, first: TimedFrame, rest: Iterator[TimedFrame], rate: Fraction, start: int, stop: float
) -> Iterator[tuple[int, av.VideoFrame, bool]]:
    time, end, frame = first
    tolerance = _time_tolerance(video, rate)
    k = max(start, math.ceil((time - tolerance) * rate))
    if k == 1 and start == 0:
        k = 0
    for next_time, next_end, next_frame in rest:
        has_gap = next_time - end > LONGEST_STILL or any(end <= lost <= next_time for lost in video.damaged_times)
        while k < stop and k / rate + tolerance < next_time:
            yield k, frame, time in video.damaged_times or (has_gap and k / rate + tolerance >= end)
            k += 1
        if k >= stop:
            return
        time, end, frame = next_time, next_end, next_frame
    while k < stop and k / rate + tolerance < end:
        yield k, frame, time in video.damaged_times
        k += 1


def _time_tolerance(video: VideoFile, rate: Fraction) -> Fraction:
    """Seconds by which a time stamp may be late: a coarse clock rounds 66.73 ms up to 67."""
    return min(video.tick / 2, Fraction(1, 1000), 1 / (20 * rate))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of an open video in the order they are shown, each with its time on the file's timeline.

Time 0 is where `audio/decode.py` has it: the start of the film in formats that have a timeline, else the first picture
or sound. So what flashes and clicks together stays together, whatever started first. Knows no pixels.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from ..formats import UserError
from .deinterlace import deinterlace

TIMELINE_FORMATS = ("mov", "mp4", "matroska", "webm", "avi")  # their time 0 is the start of the film
MEASURED_FORMATS = ("mov", "mp4", "avi")  # their video stream states its own length
LARGEST, SMALLEST = 8192, 16  # pixels of a side
LONGEST_GAP = 10  # seconds without a new picture
PREROLL = 2  # seconds decoded before a start: what the pictures there refer to
FASTEST = 1000  # frames a second


class VideoFile:
    """A video stream of an open container. Raises UserError for what has no pictures or cannot be a video."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream, size: int) -> None:
        """size: of the file, in bytes."""
        self.path, self.container, self.stream = path, container, stream
        self.format_names = container.format.name.split(",")
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = 2
        self.stream.codec_context.options = {"max_pixels": str(LARGEST * LARGEST)}
        self.has_sound = bool(container.streams.audio)
        self.origin = Fraction(0)  # seconds on the container's clock that are time 0
        if not any(name in TIMELINE_FORMATS for name in self.format_names) and container.start_time is not None:
            self.origin = Fraction(container.start_time, av.time_base)
        self.rate = self._average_rate()
        self.packet_count = self.lost_count = 0  # read so far; of these not to be decoded
        self.damaged_times: set[Fraction] = set()  # of pictures that are not what was filmed
        self._check_size()
        self._check_complete(size)

    @property
    def tick(self) -> Fraction:
        """Seconds of one step of the stream's clock."""
        return self.stream.time_base or Fraction(1, av.time_base)

    def frames(self, start: Fraction = Fraction(0)) -> Iterator[tuple[Fraction, Fraction, av.VideoFrame]]:
        """(time, end by its own or the usual length, frame), times rising, from at or before `start` seconds on.

        Where a packet is lost or the decoder says that it had to guess, `damaged_times` has the time of that picture
        and of those after it, up to the next that refers to no other.
        """
        if start > PREROLL:
            ticks = (start - PREROLL + self.origin) / self.tick
            self.container.seek(int(ticks), stream=self.stream, backward=True)
        last = None
        for frame in deinterlace(self._decoded_frames()):
            time = self._time_of(frame)
            if time is None:
                time = Fraction(0) if last is None else last + 1 / self.rate
            if last is not None and time <= last:
                self._check_clock(last, time)
                continue
            if last is not None and time - last > LONGEST_GAP:
                raise UserError(
                    f"{self.path} shows no new picture from {float(last):.1f} to {float(time):.1f} s; cut it there."
                )
            last = time
            length = frame.duration * (frame.time_base or self.tick) if frame.duration else 1 / self.rate
            yield time, time + min(length, Fraction(LONGEST_GAP)), frame

    def first_frame(self) -> av.VideoFrame:
        """The first picture. Raises UserError where there is none."""
        for _, _, frame in self.frames():
            return frame
        raise UserError(f"{self.path} has a video stream without pictures; export it again.")

    def duration(self) -> Fraction:
        """Seconds at which the last picture ends: as stated where the format can be trusted, else read."""
        stream = self.stream
        if any(name in MEASURED_FORMATS for name in self.format_names) and stream.duration:
            return ((stream.start_time or 0) + stream.duration) * self.tick - self.origin
        end = Fraction(0)
        for packet in self.container.demux(stream):
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks is not None and packet.size:
                length = packet.duration * packet.time_base if packet.duration else 1 / self.rate
                end = max(end, ticks * packet.time_base + length - self.origin)
        return end

    def _decoded_frames(self) -> Iterator[av.VideoFrame]:
        damaged_since: Fraction | None = None  # time of the last thing that was wrong, until an intact key frame
        for packet in self.container.demux(self.stream):
            self.packet_count += 1
            try:
                frames = packet.decode()
            except FFmpegError:
                damaged_since = max(damaged_since or Fraction(0), self._time_of(packet) or Fraction(0))
                self._note_lost_packet(damaged_since)
                continue
            for frame in frames:
                time = self._time_of(frame)
                if frame.is_corrupt:
                    damaged_since = max(damaged_since or Fraction(0), time or Fraction(0))
                elif frame.key_frame and damaged_since is not None and time is not None and time > damaged_since:
                    damaged_since = None
                if damaged_since is not None and time is not None:
                    self.damaged_times.add(time)
                yield frame

    def _note_lost_packet(self, time: Fraction) -> None:
        """Raises UserError when too many are lost."""
        self.lost_count += 1
        self.damaged_times.add(time)
        if self.lost_count > max(5, self.packet_count // 10):
            raise UserError(
                f"{self.path} is damaged ({self.lost_count} of the first {self.packet_count} packets cannot be read); "
                "export it again."
            )

    def _time_of(self, source: Packet | av.VideoFrame) -> Fraction | None:
        """Seconds on the file's timeline."""
        return None if source.pts is None else source.pts * (source.time_base or self.tick) - self.origin

    def _average_rate(self) -> Fraction:
        stream = self.stream
        for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
            if rate and 0 < rate <= FASTEST:
                return Fraction(rate)
        return Fraction(25)

    def _check_clock(self, last: Fraction, time: Fraction) -> None:
        """UserError when `time`, at or before the last picture's, is a jump and not a picture shown twice."""
        if time < last - 1 and time not in self.damaged_times:
            raise UserError(
                f"{self.path}: its clock jumps back at {float(last):.2f} s; convert it to MP4 first, or cut it there."
            )

    def _check_size(self) -> None:
        width, height = self.stream.codec_context.width, self.stream.codec_context.height
        if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
            raise UserError(
                f"{self.path}: its pictures claim {width} x {height} pixels; "
                f"choose a video between {SMALLEST} and {LARGEST} pixels a side."
            )

    def _check_complete(self, size: int) -> None:
        """UserError when the file ends before the pictures that its index lists."""
        if not any(name in MEASURED_FORMATS for name in self.format_names):
            return
        entries = self.stream.index_entries
        count = len(entries)
        if count and entries[count - 1].pos + entries[count - 1].size > size:
            raise UserError(f"{self.path} breaks off before its end; copy or export it again.")

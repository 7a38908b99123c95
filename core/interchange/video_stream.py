# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of an open video in the order they are shown, each with its time on the file's timeline.

Time 0 is where `audio/decode.py` has it: the start of the film in formats that have a timeline, else the first picture
or sound. So what flashes and clicks together stays together, whatever started first. Knows no pixels but those that an
interlaced picture needs to become whole.

Letters: none.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from ..formats import UserError

TIMELINES = ("mov", "mp4", "matroska", "webm", "avi")  # formats whose time 0 is the start of the film
MEASURED = ("mov", "mp4", "avi")  # formats whose video stream states its own length
ATTACHED = av.stream.Disposition.attached_pic  # a cover picture is no film
LARGEST, SMALLEST = 8192, 16  # pixels of a side
LONGEST_HOLE = 10  # seconds without a new picture
ROLL = 2  # seconds decoded before the place that was asked for: what the pictures there refer to
FASTEST = 1000  # frames a second


class VideoStream:
    """One open container's best video stream. Raises UserError for what is no film or cannot be one."""

    def __init__(self, path: Path, container: av.container.InputContainer, size: int) -> None:
        self.path, self.container = path, container
        self.names = container.format.name.split(",")
        films = [s for s in container.streams.video if not s.disposition & ATTACHED]
        if not films:
            raise UserError(f"{path} has no pictures in it; choose a video file.")
        best = container.streams.best("video")
        self.stream = best if best in films else films[0]
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = 2
        self.stream.codec_context.options = {"max_pixels": str(LARGEST * LARGEST)}
        self.has_sound = bool(container.streams.audio)
        self.origin = Fraction(0)
        if not any(name in TIMELINES for name in self.names) and container.start_time is not None:
            self.origin = Fraction(container.start_time, av.time_base)
        self.rate = self._rate()
        self.packets = self.lost = 0  # read so far; of these not to be decoded
        self.spoilt: set[Fraction] = set()  # times of pictures that are not what was filmed
        self._check_size()
        self._check_whole(size)

    def pictures(self, start: Fraction = Fraction(0)) -> Iterator[tuple[Fraction, Fraction, av.VideoFrame]]:
        """(time, end by its own or the usual length, frame), times rising, from at or before `start` seconds on.

        Where a packet is lost or the decoder says that it had to guess, `spoilt` has the time of that picture and of
        those after it, up to the next that refers to no other.
        """
        if start > ROLL:
            place = (start - ROLL + self.origin) / self.stream.time_base
            self.container.seek(int(place), stream=self.stream, backward=True)
        last = None
        for frame in whole(self._decoded()):
            time = self._time(frame)
            if time is None:
                time = Fraction(0) if last is None else last + 1 / self.rate
            if last is not None and time <= last:
                if time < last - 1 and time not in self.spoilt:
                    raise UserError(f"{self.path}: its clock jumps back at {float(last):.2f} s; "
                                  "convert it to MP4 first, or cut it there.")  # fmt: skip
                continue
            if last is not None and time - last > LONGEST_HOLE:
                raise UserError(f"{self.path} shows no new picture from {float(last):.1f} to {float(time):.1f} s; "
                              "cut it there.")  # fmt: skip
            last = time
            length = frame.duration * frame.time_base if frame.duration else 1 / self.rate
            yield time, time + min(length, LONGEST_HOLE), frame

    def first(self) -> av.VideoFrame:
        """The first picture. Raises UserError where there is none."""
        for _, _, frame in self.pictures():
            return frame
        raise UserError(f"{self.path} has a video stream without pictures; export it again.")

    def end(self) -> Fraction:
        """Seconds at which the last picture ends: as stated where the format can be trusted, else read."""
        stream = self.stream
        if any(name in MEASURED for name in self.names) and stream.duration:
            return ((stream.start_time or 0) + stream.duration) * stream.time_base - self.origin
        end = Fraction(0)
        for packet in self.container.demux(stream):
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.size:
                length = packet.duration * packet.time_base if packet.duration else 1 / self.rate
                end = max(end, time * packet.time_base + length - self.origin)
        return end

    def _decoded(self) -> Iterator[av.VideoFrame]:
        broken = None  # time of the last thing that was wrong, until a whole picture comes
        for packet in self.container.demux(self.stream):
            self.packets += 1
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self.lost += 1
                broken = max(broken or 0, self._time(packet) or 0)
                self.spoilt.add(broken)
                if self.lost > max(5, self.packets // 10):
                    raise UserError(f"{self.path} is damaged ({self.lost} of the first {self.packets} packets cannot "
                                  "be read); export it again.") from None  # fmt: skip
                continue
            for frame in frames:
                time = self._time(frame)
                if frame.is_corrupt:
                    broken = max(broken or 0, time or 0)
                elif frame.key_frame and broken is not None and time is not None and time > broken:
                    broken = None
                if broken is not None and time is not None:
                    self.spoilt.add(time)
                yield frame

    def _time(self, thing: av.Packet | av.VideoFrame) -> Fraction | None:
        """Seconds on the file's timeline."""
        return None if thing.pts is None else thing.pts * thing.time_base - self.origin

    def _rate(self) -> Fraction:
        stream = self.stream
        for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
            if rate and 0 < rate <= FASTEST:
                return Fraction(rate)
        return Fraction(25)

    def _check_size(self) -> None:
        width, height = self.stream.codec_context.width, self.stream.codec_context.height
        if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
            raise UserError(f"{self.path}: its pictures claim {width} x {height} pixels; "
                          f"choose a video between {SMALLEST} and {LARGEST} pixels a side.")  # fmt: skip

    def _check_whole(self, size: int) -> None:
        """UserError when the file ends before the pictures that its index lists."""
        if not any(name in MEASURED for name in self.names):
            return
        entries = self.stream.index_entries
        count = len(entries)
        if count and entries[count - 1].pos + entries[count - 1].size > size:
            raise UserError(f"{self.path} breaks off before its end; copy or export it again.")


def whole(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Interlaced pictures as whole ones, one for each (FFmpeg's bwdif); from the first that is flagged on."""
    weave, kind = None, None
    for frame in frames:
        if weave is None and not frame.interlaced_frame:
            yield frame
            continue
        if kind != (frame.width, frame.height, frame.format.name):
            if weave is not None:
                yield from _rest(weave)
            kind = (frame.width, frame.height, frame.format.name)
            weave = _weave(frame)
        weave.push(frame)
        yield from _ready(weave)
    if weave is not None:
        yield from _rest(weave)


def _weave(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
    )
    # Only those pictures that are flagged; a film may mix both.
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _ready(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _rest(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    graph.vpush(None)
    yield from _ready(graph)

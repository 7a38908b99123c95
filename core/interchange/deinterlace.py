# SPDX-License-Identifier: GPL-3.0-or-later
"""Interlaced frames as progressive ones, one for each (FFmpeg's bwdif). Knows no time."""

from collections.abc import Iterator

import av
from av.error import BlockingIOError as NoFrameYet
from av.error import EOFError as EndOfFrames
from av.filter import Graph


def deinterlace(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same frames, those that are flagged as interlaced made progressive; a film may mix both."""
    graph: Graph | None = None  # from the first flagged frame on
    shape = None
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is None or shape != (frame.width, frame.height, frame.format.name):
            if graph is not None:
                yield from _flushed(graph)
            shape = (frame.width, frame.height, frame.format.name)
            graph = _deinterlacer(frame)
        graph.vpush(frame)
        yield from _ready_frames(graph)
    if graph is not None:
        yield from _flushed(graph)


def _deinterlacer(frame: av.VideoFrame) -> Graph:
    """A graph for frames like this one."""
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    # Only the flagged frames: a film may mix both.
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _ready_frames(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (NoFrameYet, EndOfFrames):
            return


def _flushed(graph: Graph) -> Iterator[av.VideoFrame]:
    graph.vpush(None)
    yield from _ready_frames(graph)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a file's video streams is its film: one that can be decoded, and no cover picture."""

import re
from pathlib import Path
from typing import BinaryIO

import av
import av.logging
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ..formats import SeekableFile, UserError

CODEC_IN_LOG = re.compile(r"Video: none \(([\w.\[\]-]+) / 0x")


def open_container(file: BinaryIO) -> InputContainer:
    """Our own open file, from its start, and no protocol besides it: a playlist cannot send us to another file. Titles
    and comments may be in any encoding: they do not matter here."""
    file.seek(0)
    return av.open(SeekableFile(file), "r", metadata_errors="ignore", options={"protocol_whitelist": "none"})


def choose_film(container: InputContainer, file: BinaryIO, path: Path) -> VideoStream:
    """The main one of the streams that can be decoded. Raises UserError where there is none."""
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not films:
        raise UserError(f"{path} has no pictures in it; choose a video file.")
    decodable = [film for film in films if film.codec_context is not None]
    if not decodable:
        raise UserError(f"{path}: {_codec_in_log(file)} of its pictures cannot be decoded here; export it as MP4.")
    best = container.streams.best("video")
    return next((film for film in decodable if film is best), decodable[0])


def _codec_in_log(file: BinaryIO) -> str:
    """The codec in words; PyAV has its name nowhere else."""
    level = av.logging.get_level()
    try:
        av.logging.set_level(av.logging.WARNING)
        with av.logging.Capture(local=False) as messages, open_container(file):
            pass
    finally:
        av.logging.set_level(level)
    names = [match[1] for _, _, text in messages if (match := CODEC_IN_LOG.search(text))]
    return f"the codec {names[0]}" if names else "the codec"

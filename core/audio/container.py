# SPDX-License-Identifier: GPL-3.0-or-later
"""A media file as FFmpeg's libraries see it: its sound tracks, which of them can be decoded, where its time 0 is, and
whether it is complete. Whatever these libraries throw becomes one sentence with the file's name.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import av.logging
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from ..formats import SeekableFile, UserError

TIMELINE_FORMATS = ("mov", "mp4", "matroska", "webm", "avi")  # their time 0 is the start of the film
MEASURED_FORMATS = ("mov", "mp4", "flac")  # their streams state their true length
WAV_FORMAT_BYTES = 40  # of a chunk's body that are looked at: a `fmt ` chunk has no more
EXTENSIBLE = b"\xfe\xff"  # wFormatTag of WAVE_FORMAT_EXTENSIBLE
WAV_CHUNKS = 64  # of a WAV to look at for its length
UNKNOWN_SIZE = 0x7FFF0000  # from here up a WAV's size means "not known when it was written"
CODEC_IN_LOG = re.compile(r"Audio: none \(([\w.\[\]-]+) / 0x")


@contextmanager
def open_container(file: BinaryIO, path: Path) -> Iterator[InputContainer]:
    """Open `file`, from its start. Raises UserError, also for whatever the body throws that is none."""
    try:
        file.seek(0)
        # Our own open file and no protocol besides it: a playlist cannot send us to another file. Titles and comments
        # may be in any encoding: they do not matter here.
        with av.open(
            SeekableFile(file), "r", metadata_errors="ignore", options={"protocol_whitelist": "none"}
        ) as container:
            yield container
    except (UserError, MemoryError):  # the second has its sentence in open_untrusted
        raise
    except Exception as error:  # the one door to libraries that throw anything at a damaged file
        reason = f" ({error.strerror})" if isinstance(error, FFmpegError) else ""
        raise UserError(
            f"{path} cannot be read as sound{reason}; export it again as WAV, or choose another file."
        ) from error


def list_tracks(file: BinaryIO, path: Path) -> list[int]:
    """The numbers (from 1) of the sound tracks that can be decoded, the main one first. Raises UserError for none."""
    with open_container(file, path) as container:
        streams = container.streams.audio
        if not streams:
            raise UserError(f"{path} has no sound in it; choose a file with an audio stream.")
        best = container.streams.best("audio")
        decodable = [i for i, stream in enumerate(streams) if stream.codec_context is not None]
        decodable.sort(key=lambda i: streams[i] is not best)
    if not decodable:
        raise _no_decoder(file, path, "")
    return [i + 1 for i in decodable]


def pick_track(container: InputContainer, number: int, file: BinaryIO, path: Path) -> AudioStream:
    """Sound track `number` (from 1). Raises UserError where there is none or none that can be decoded."""
    streams = container.streams.audio
    if number > len(streams):
        count = f"{len(streams)} sound track{'s' * (len(streams) != 1)}"
        raise UserError(f"{path} has {count}, not {number}; choose another track.")
    if streams[number - 1].codec_context is None:
        raise _no_decoder(file, path, f" of track {number}")
    return streams[number - 1]


def _no_decoder(file: BinaryIO, path: Path, where: str) -> UserError:
    level = av.logging.get_level()
    try:
        av.logging.set_level(av.logging.WARNING)  # PyAV has the codec's name nowhere else
        with av.logging.Capture(local=False) as messages, open_container(file, path):
            pass
    finally:
        av.logging.set_level(level)
    names = [match[1] for _, _, text in messages if (match := CODEC_IN_LOG.search(text))]
    codec = f"the codec {names[0]}" if names else "the codec"
    return UserError(f"{path}: {codec}{where} cannot be decoded here; export the sound as WAV or AAC.")


def time_origin(container: InputContainer) -> float | None:
    """Seconds on the container's clock that are time 0; None: the first decoded sample.

    A film's timeline starts at 0 whatever its streams do. A broadcast clock starts anywhere: its time 0 is the first
    picture or sound. Without pictures that is the first sample after the encoder's priming, which FFmpeg drops.
    """
    if any(name in TIMELINE_FORMATS for name in container.format.name.split(",")):
        return 0.0
    has_pictures = any(
        stream.start_time is not None and not stream.disposition & Disposition.attached_pic  # a cover is no film
        for stream in container.streams.video
    )
    return (container.start_time or 0) / av.time_base if has_pictures else None


def check_complete(container: InputContainer, stream: AudioStream, path: Path, seconds: float) -> None:
    """UserError when a format that states its length gave clearly less.

    MP3 without a length tag, Ogg and broadcast streams state nothing reliable: what is there is taken.
    """
    names = container.format.name.split(",")
    if "wav" in names:
        stated = _wav_duration(path)
    elif any(name in MEASURED_FORMATS for name in names) and stream.duration is not None and stream.time_base:
        stated = float(stream.duration * stream.time_base)
    elif "matroska" in names and not container.streams.video and container.duration is not None:
        stated = container.duration / av.time_base
    else:
        return
    if seconds < stated - max(0.25, 0.01 * stated):
        raise UserError(f"{path} breaks off at {seconds:.1f} of {stated:.1f} s; copy or export it again.")


def pcm_decoder(stream: AudioStream, path: Path) -> AudioCodecContext | None:
    """A decoder to take instead of the stream's own, else None.

    FFmpeg takes 24 bits in 32 for the floats that Cool Edit wrote so; under WAVE_FORMAT_EXTENSIBLE they are the upper
    bits of an integer (Microsoft, `WAVEFORMATEXTENSIBLE`: valid bits are left-aligned).
    """
    if stream.codec_context.name != "pcm_f24le":
        return None
    if not any(name == b"fmt " and body[:2] == EXTENSIBLE for name, _, body in _wav_chunks(path)):
        return None
    decoder = AudioCodecContext.create("pcm_s32le", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = stream.sample_rate, stream.layout
    return decoder


def _wav_duration(path: Path) -> float:
    """Seconds that a RIFF header states, 0 where it leaves the size open (FFmpeg trims it to the file)."""
    byte_rate = 0
    for name, size, body in _wav_chunks(path):
        if name == b"fmt ":
            byte_rate = int.from_bytes(body[8:12], "little")
        if name == b"data":
            return size / byte_rate if byte_rate and size < UNKNOWN_SIZE else 0.0
    return 0.0


def _wav_chunks(path: Path) -> Iterator[tuple[bytes, int, bytes]]:
    """(name, stated size, its first bytes) of the first chunks of a RIFF file."""
    with open(path, "rb") as file:
        file.seek(12)
        for _ in range(WAV_CHUNKS):
            header, start = file.read(8), file.tell()
            if len(header) < 8:
                return
            size = int.from_bytes(header[4:], "little")
            yield header[:4], size, file.read(min(size, WAV_FORMAT_BYTES))
            file.seek(start + size + (size & 1))

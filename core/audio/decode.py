# SPDX-License-Identifier: GPL-3.0-or-later
"""Any file that FFmpeg's libraries open -> a Sound to encode, or a soundtrack to play, in bounded memory.

Every decoded chunk is placed where its own time stamp says (within timeline.TOLERANCE), not where the last one ended:
priming samples, edit lists, a sound that starts after the picture and holes in a recording cannot shift the lips.

Letters: S samples of a decoded chunk, L of the whole, c channels (1 or 2).
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from ..formats import UserError, open_untrusted
from .downmix import downmix
from .sound import SOUND_RATE, Sound
from .timeline import Timeline

LONGEST = 3 * 3600  # seconds; 690 MB of mono samples at 16 kHz
LONGEST_SOUNDTRACK = 3600  # seconds; 1.4 GB of stereo samples at 48 kHz
SOUNDTRACK_RATE = 48000  # Hz
TIMELINE_FORMATS = ("mov", "mp4", "matroska", "webm", "avi")  # their time 0 is the start of the film
MEASURED_FORMATS = ("mov", "mp4", "flac")  # their streams state their true length
WAV_CHUNKS = 64  # of a WAV to look at for its length
UNKNOWN_SIZE = 0x7FFF0000  # from here up a WAV's size means "not known when it was written"


def load_sound(path: Path | str) -> Sound:
    """Read the (best) audio stream of `path` as mono 16 kHz; time 0 is the start of the file's timeline.

    Raises UserError for a missing file, one that has no audio stream or no samples, breaks off before its stated end,
    is damaged, or is longer than three hours. Silence is fine.
    """
    samples, content_hash = _read(Path(path), SOUND_RATE, 1, LONGEST)
    return Sound(samples[:, 0].copy(), SOUND_RATE, content_hash)


def load_soundtrack(path: Path | str) -> tuple[np.ndarray, int, str]:
    """The (best) audio stream of `path` for playback: (float32 [L,2] -1..1, 48000, SHA-256 of the file); same timeline.

    Raises UserError as `load_sound` does, here beyond one hour.
    """
    samples, content_hash = _read(Path(path), SOUNDTRACK_RATE, 2, LONGEST_SOUNDTRACK)
    return samples, SOUNDTRACK_RATE, content_hash


def _read(path: Path, rate: int, channels: int, longest: float) -> tuple[np.ndarray, str]:
    """([L,c], SHA-256 of the file)."""
    with open_untrusted(path) as (file, _):
        try:
            # Our own open file and no protocol besides it: a playlist cannot send us to another file.
            with av.open(file, "r", options={"protocol_whitelist": "none"}) as container:
                samples = _decode(container, Timeline(path, rate, channels, longest))
        except FFmpegError as error:
            raise UserError(
                f"{path} cannot be read as sound ({error.strerror}); export it again as WAV, or choose another file."
            ) from error
        if not np.isfinite(samples).all():
            raise UserError(f"{path} holds samples that are not numbers; export it again as 16-bit WAV.")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")  # pyright: ignore[reportArgumentType]  # any binary file will do
        return np.clip(samples, -1.0, 1.0, out=samples), digest.hexdigest()


def _decode(container: InputContainer, timeline: Timeline) -> np.ndarray:
    path = timeline.path
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        raise UserError(f"{path} has no sound in it; choose a file with an audio stream.")
    for time, rate, chunk in _decoded_chunks(container, stream, timeline):
        timeline.add(time, rate, chunk)
    samples = timeline.finish()
    if not len(samples):
        raise UserError(f"{path} has an audio stream without samples; export it again.")
    _check_complete(container, stream, path, len(samples) / timeline.target)
    return samples


def _decoded_chunks(
    container: InputContainer, stream: AudioStream, timeline: Timeline
) -> Iterator[tuple[float | None, int, np.ndarray]]:
    """(seconds on the file's timeline or None, rate, float32 [S,c]) of each decoded chunk."""
    origin = _origin(container)
    packets = damaged = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            frames = packet.decode()
        except FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            if origin is None:
                origin = frame.time or 0.0
            time = None if frame.time is None else frame.time - origin
            yield time, frame.sample_rate, downmix(frame, timeline.channels)
    if damaged > max(2, packets // 50):
        raise UserError(f"{timeline.path} is damaged ({damaged} of {packets} packets cannot be read); export it again.")


def _origin(container: InputContainer) -> float | None:
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


def _check_complete(container: InputContainer, stream: AudioStream, path: Path, seconds: float) -> None:
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


def _wav_duration(path: Path) -> float:
    """Seconds that a RIFF header states, 0 where it leaves the size open (FFmpeg trims it to the file)."""
    with open(path, "rb") as file:
        file.seek(12)
        byte_rate = 0
        for _ in range(WAV_CHUNKS):
            header = file.read(8)
            size = int.from_bytes(header[4:], "little")
            if header[:4] == b"fmt ":
                byte_rate = int.from_bytes(file.read(16)[8:12], "little")
                size -= 16
            if header[:4] == b"data":
                return size / byte_rate if byte_rate and size < UNKNOWN_SIZE else 0.0
            file.seek(size + (size & 1), 1)
    return 0.0

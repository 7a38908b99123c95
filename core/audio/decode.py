# SPDX-License-Identifier: GPL-3.0-or-later
"""Any file that FFmpeg's libraries open -> a Sound to listen to, or a soundtrack to play, in bounded memory.

Every decoded piece is laid down where its own time stamp says (to timeline.SLACK), not where the last one ended:
priming samples, edit lists, a sound that starts after the picture and holes in a recording
cannot shift the lips.

Letters: S samples of a decoded piece, L of the whole, c channels (1 or 2).
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from ..formats import UserError, open_untrusted
from .downmix import mixed
from .sound import SOUND_RATE, Sound
from .timeline import Timeline

LONGEST = 3 * 3600  # seconds; 690 MB of mono samples at 16 kHz
LONGEST_TRACK = 3600  # seconds; 1.4 GB of stereo samples at 48 kHz
TRACK_RATE = 48000  # Hz
TIMELINES = ("mov", "mp4", "matroska", "webm", "avi")  # formats whose time 0 is the start of the film
MEASURED = ("mov", "mp4", "flac")  # formats whose streams state their true length
ATTACHED = av.stream.Disposition.attached_pic  # a cover picture is no film
CHUNKS = 64  # of a WAV to look at for its length
OPEN_SIZE = 0x7FFF0000  # from here up a WAV's size means "not known when it was written"


def load_sound(path: Path | str) -> Sound:
    """Read the (best) audio stream of `path` as mono 16 kHz; time 0 is the start of the file's timeline.

    Raises UserError for a missing file, one that is no sound, has no audio stream, holds no samples,
    breaks off before its stated end, is damaged, or is longer than three hours. Silence is fine.
    """
    samples, content_hash = _read(Path(path), SOUND_RATE, 1, LONGEST)
    return Sound(samples[:, 0].copy(), SOUND_RATE, content_hash)


def load_soundtrack(path: Path | str) -> tuple[np.ndarray, int, str]:
    """The same stream on the same timeline for ears: (float32 [L,2] -1..1, 48000, content hash of the file).

    Raises UserError as `load_sound` does, here beyond one hour.
    """
    samples, content_hash = _read(Path(path), TRACK_RATE, 2, LONGEST_TRACK)
    return samples, TRACK_RATE, content_hash


def _read(path: Path, rate: int, channels: int, longest: float) -> tuple[np.ndarray, str]:
    """([L,c], SHA-256 of the file)."""
    with open_untrusted(path) as (file, _):
        try:
            # Our own open file and no protocol beside it: a playlist cannot send us to another file.
            with av.open(file, options={"protocol_whitelist": "none"}) as container:
                samples = _decode(container, Timeline(path, rate, channels, longest))
        except av.error.FFmpegError as error:
            raise UserError(f"{path} cannot be read as sound ({error.strerror}); "
                          "export it again as WAV, or choose another file.") from error  # fmt: skip
        if not np.isfinite(samples).all():
            raise UserError(f"{path} holds samples that are not numbers; export it again as 16-bit WAV.")
        file.seek(0)
        return np.clip(samples, -1.0, 1.0, out=samples), hashlib.file_digest(file, "sha256").hexdigest()


def _decode(container: av.container.InputContainer, timeline: Timeline) -> np.ndarray:
    path = timeline.path
    stream = container.streams.best("audio")
    if stream is None:
        raise UserError(f"{path} has no sound in it; choose a file with an audio stream.")
    for time, rate, piece in _pieces(container, stream, timeline):
        timeline.lay(time, rate, piece)
    samples = timeline.finish()
    if not len(samples):
        raise UserError(f"{path} has an audio stream without samples; export it again.")
    _check_whole(container, stream, path, len(samples) / timeline.target)
    return samples


def _pieces(container, stream, timeline: Timeline) -> Iterator[tuple[float | None, int, np.ndarray]]:
    """(seconds on the file's timeline or None, rate, float32 [S,c]) of each decoded piece."""
    origin = _origin(container)
    packets = damaged = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            if origin is None:
                origin = frame.time or 0.0
            time = None if frame.time is None else frame.time - origin
            yield time, frame.sample_rate, mixed(frame, timeline.channels)
    if damaged > max(2, packets // 50):
        raise UserError(f"{timeline.path} is damaged ({damaged} of {packets} packets cannot be read); export it again.")


def _origin(container) -> float | None:
    """Seconds on the container's clock that are time 0; None: the first sample heard.

    A film's timeline starts at 0 whatever its streams do. A broadcast clock starts anywhere: its
    time 0 is the first picture or sound. Without pictures that is the first sample after the
    encoder's priming, which FFmpeg drops.
    """
    if any(name in TIMELINES for name in container.format.name.split(",")):
        return 0.0
    pictures = [s for s in container.streams.video if s.start_time is not None and not s.disposition & ATTACHED]
    if not pictures:
        return None
    return container.start_time / av.time_base


def _check_whole(container, stream, path: Path, seconds: float) -> None:
    """UserError when a format that states its length gave clearly less.

    MP3 without a length tag, Ogg and broadcast streams state nothing reliable: what is there is taken.
    """
    names = container.format.name.split(",")
    if "wav" in names:
        stated = _wav_length(path)
    elif any(name in MEASURED for name in names) and stream.duration is not None:
        stated = float(stream.duration * stream.time_base)
    elif "matroska" in names and not container.streams.video and container.duration is not None:
        stated = container.duration / av.time_base
    else:
        return
    if seconds < stated - max(0.25, 0.01 * stated):
        raise UserError(f"{path} breaks off at {seconds:.1f} of {stated:.1f} s; copy or export it again.")


def _wav_length(path: Path) -> float:
    """Seconds that a RIFF header states, 0 where it leaves the size open (FFmpeg trims it to the file)."""
    with open(path, "rb") as file:
        file.seek(12)
        byte_rate = 0
        for _ in range(CHUNKS):
            head = file.read(8)
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"fmt ":
                byte_rate = int.from_bytes(file.read(16)[8:12], "little")
                size -= 16
            if head[:4] == b"data":
                return size / byte_rate if byte_rate and size < OPEN_SIZE else 0.0
            file.seek(size + (size & 1), 1)
    return 0.0

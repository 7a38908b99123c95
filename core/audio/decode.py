# SPDX-License-Identifier: GPL-3.0-or-later
"""Any file that FFmpeg's libraries open -> a Sound, in bounded memory.

Every decoded piece is laid down where its own time stamp says, not where the last one ended:
priming samples, edit lists, a sound that starts after the picture and holes in a recording
cannot shift the lips.

Letters: S samples of a decoded piece, c channels.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soxr

from ..formats.refusal import Refusal
from .downmix import to_mono
from .sound import RATE, Sound

LONGEST = 3 * 3600  # seconds; 690 MB of samples
SLACK = 0.04  # seconds a time stamp may stray (containers round them) before it counts as a hole
BLOCK = 1 << 16  # samples of silence laid down at once
TIMELINES = ("mov", "mp4", "matroska", "webm", "avi")  # formats whose time 0 is the start of the film
MEASURED = ("mov", "mp4", "flac")  # formats whose streams state their true length
OPEN_SIZE = 0x7FFF0000  # from here up a WAV's size means "not known when it was written"


def load_sound(path: Path | str) -> Sound:
    """Read the (best) audio stream of `path` as mono 16 kHz; time 0 is the start of the file's timeline.

    Raises Refusal for a missing file, one that is no sound, has no audio stream, holds no samples,
    breaks off before its stated end, is damaged, or is longer than three hours. Silence is fine.
    """
    path = Path(path)
    if not path.is_file():
        raise Refusal(f"{path} is not a file; choose a sound or a video with sound.")
    try:
        with av.open(str(path)) as container:
            samples = _decode(container, path)
    except av.error.FFmpegError as error:
        raise Refusal(f"{path} cannot be read as sound ({error.strerror}); "
                      "export it again as WAV, or choose another file.") from error  # fmt: skip
    if not np.isfinite(samples).all():
        raise Refusal(f"{path} holds samples that are not numbers; export it again as 16-bit WAV.")
    with open(path, "rb") as file:
        return Sound(np.clip(samples, -1.0, 1.0), RATE, hashlib.file_digest(file, "sha256").hexdigest())


def _decode(container: av.container.InputContainer, path: Path) -> np.ndarray:
    stream = container.streams.best("audio")
    if stream is None:
        raise Refusal(f"{path} has no sound in it; choose a file with an audio stream.")
    timeline = _Timeline(path)
    for time, rate, mono in _pieces(container, stream, path):
        timeline.lay(time, rate, mono)
    samples = timeline.finish()
    if not len(samples):
        raise Refusal(f"{path} has an audio stream without samples; export it again.")
    _check_whole(container, stream, path, len(samples) / RATE)
    return samples


def _pieces(container, stream, path: Path) -> Iterator[tuple[float | None, int, np.ndarray]]:
    """(seconds on the file's timeline or None, rate, mono float32 [S]) of each decoded piece."""
    origin = _origin(container)
    packets = damaged = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            damaged += 1
            continue
        for frame in frames:
            mono = to_mono(frame)
            if origin is None:
                origin = frame.time or 0.0
            yield None if frame.time is None else frame.time - origin, frame.sample_rate, mono
    if damaged > max(2, packets // 50):
        raise Refusal(f"{path} is damaged ({damaged} of {packets} packets cannot be decoded); export it again.")


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


ATTACHED = av.stream.Disposition.attached_pic


def _check_whole(container, stream, path: Path, seconds: float) -> None:
    """Refusal when a format that states its length gave clearly less.

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
        raise Refusal(f"{path} breaks off at {seconds:.1f} of {stated:.1f} s; copy or export it again.")


def _wav_length(path: Path) -> float:
    """Seconds that a RIFF header states, 0 where it leaves the size open (FFmpeg trims it to the file)."""
    with open(path, "rb") as file:
        file.seek(12)
        byte_rate = 0
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"fmt ":
                byte_rate = int.from_bytes(file.read(16)[8:12], "little")
                size -= 16
            if head[:4] == b"data":
                return size / byte_rate if byte_rate and size < OPEN_SIZE else 0.0
            file.seek(size + (size & 1), 1)
    return 0.0


class _Timeline:
    """Lays pieces end to end on the 16 kHz timeline, with silence in holes and overlaps cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: list[np.ndarray] = []
        self.rate = 0
        self.stream: soxr.ResampleStream | None = None
        self.base = 0.0  # seconds at which the present rate began
        self.fed = 0  # samples given to the present resampler

    @property
    def now(self) -> float:
        return self.base + (self.fed / self.rate if self.rate else 0.0)

    def lay(self, time: float | None, rate: int, mono: np.ndarray) -> None:
        if rate != self.rate:
            self._start(rate)
        stray = 0.0 if time is None else time - self.now
        if self.fed == 0 and self.base == 0.0 and time is not None:
            stray = float(np.rint(stray * rate)) / rate  # the first piece is laid to the sample
        elif abs(stray) < SLACK:
            stray = 0.0
        if stray < 0:
            mono = mono[round(-stray * rate) :]
        elif stray > 0:
            self._silence(stray)
        self._feed(mono)

    def _start(self, rate: int) -> None:
        if not 1000 <= rate <= 768000:
            raise Refusal(f"{self.path} claims {rate} samples a second; export it again at 48000.")
        self.base = self.now
        self._flush()
        self.rate, self.fed = rate, 0
        self.stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ") if rate != RATE else None

    def _silence(self, seconds: float) -> None:
        if self.now + seconds > LONGEST:
            self._too_long()
        left = round(seconds * self.rate)
        while left > 0:
            self._feed(np.zeros(min(left, BLOCK), dtype=np.float32))
            left -= BLOCK

    def _feed(self, mono: np.ndarray) -> None:
        self.fed += len(mono)
        if self.now > LONGEST:
            self._too_long()
        self.done.append(mono if self.stream is None else self.stream.resample_chunk(mono))

    def _flush(self) -> None:
        if self.stream is not None:
            self.done.append(self.stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))

    def finish(self) -> np.ndarray:
        self._flush()
        return np.concatenate(self.done) if self.done else np.zeros(0, dtype=np.float32)

    def _too_long(self) -> None:
        raise Refusal(f"{self.path} is longer than {LONGEST // 3600} hours; cut out the part that is spoken.")

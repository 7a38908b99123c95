# SPDX-License-Identifier: GPL-3.0-or-later
"""Any file that FFmpeg's libraries open -> a Sound to encode, or a soundtrack to play, in bounded memory.

Every decoded chunk is placed where its own time stamp says (within timeline.TOLERANCE), not where the last one ended:
priming samples, edit lists, a sound that starts after the picture and holes in a recording cannot shift the lips.

Which track and channel is taken when nobody chose one, so that a voice that is there is heard:
* track: the main one of those that can be decoded; where it is silent (`sound.SILENT`), the first that is not;
* channel: the mix; where the whole mix is more than CANCELLED dB below its loudest channel (one of two channels with
  the wrong polarity, a voice on one of many channels), that channel.
`Sound.source` says what was taken.

Letters: S samples of a decoded chunk, L of the whole, c channels (1 or 2).
"""

import hashlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from ..formats import SoundChoice, UserError, open_untrusted
from .channel_levels import ChannelLevels
from .container import check_complete, list_tracks, open_container, pcm_decoder, pick_track, time_origin
from .downmix import channel_index, channel_values, mix_weights
from .sound import SILENT, SOUND_RATE, Sound, loudest_level
from .timeline import Timeline

LONGEST = 3 * 3600  # seconds; 690 MB of mono samples at 16 kHz
LONGEST_SOUNDTRACK = 3600  # seconds; 1.4 GB of stereo samples at 48 kHz
SOUNDTRACK_RATE = 48000  # Hz
CANCELLED = (
    12.0  # dB; not in the paper: chosen because two unlike channels mix to 3 dB below the louder, one of six to 11
)
PAUSE = 0.2  # seconds between two reports of progress
HASH_BLOCK = 1 << 22  # bytes
T = TypeVar("T")


def load_sound(path: Path | str, choice: SoundChoice = SoundChoice()) -> Sound:  # noqa: B008  # frozen
    """Read a sound track of `path` as mono 16 kHz; time 0 is the start of the file's timeline.

    Raises UserError for a missing or empty file, one that has no such track or channel, no codec for it here or no
    samples, breaks off before its stated end, is damaged, or is longer than three hours. Silence is fine.
    """
    return _run(iterate_sound(path, choice))


def iterate_sound(path: Path | str, choice: SoundChoice) -> Generator[float, None, Sound]:
    """`load_sound`, yielding several times a second the share 0..1 that is read; closing it ends the reading."""
    reader = _Reader(Path(path), choice, SOUND_RATE, 1, LONGEST)
    track, content_hash = yield from reader.read()
    return Sound(track.samples[:, 0], SOUND_RATE, content_hash, track.source)


def load_soundtrack(
    path: Path | str,
    choice: SoundChoice = SoundChoice(),  # noqa: B008  # frozen
) -> tuple[np.ndarray, int, str]:
    """A sound track of `path` for playback, all channels: (float32 [L,2] -1..1, 48000, content hash as `load_sound`).

    Same timeline and track as `load_sound`; a choice of channel is part of the hash only. Raises UserError as
    `load_sound` does, here beyond one hour.
    """
    reader = _Reader(Path(path), choice, SOUNDTRACK_RATE, 2, LONGEST_SOUNDTRACK)
    track, content_hash = _run(reader.read())
    return track.samples, SOUNDTRACK_RATE, content_hash


def _run(steps: Generator[float, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@dataclass(frozen=True)
class _Track:
    samples: np.ndarray  # [L,c] float32
    levels: ChannelLevels
    source: str = ""  # Sound.source


class _Reader:
    """One file, read once for each track or channel that is tried."""

    def __init__(self, path: Path, choice: SoundChoice, rate: int, channels: int, longest: float) -> None:
        self.path, self.choice = path, choice
        self.rate, self.channels, self.longest = rate, channels, longest

    def read(self) -> Generator[float, None, tuple[_Track, str]]:
        """(the track, content hash)."""
        with open_untrusted(self.path) as (file, size):
            if not size:
                raise UserError(f"{self.path} is empty; copy or export it again.")
            track = yield from self._choose(file, size)
            digest = yield from self._file_hash(file)
        if not len(track.samples):
            raise UserError(f"{self.path} has an audio stream without samples; export it again.")
        return track, self.choice.content_hash(digest)

    def _file_hash(self, file: BinaryIO) -> Generator[float, None, str]:
        digest, reported = hashlib.sha256(), time.monotonic()
        file.seek(0)
        while block := file.read(HASH_BLOCK):
            digest.update(block)
            if time.monotonic() > reported + PAUSE:
                yield 1.0
                reported = time.monotonic()
        return digest.hexdigest()

    def _choose(self, file: BinaryIO, size: int) -> Generator[float, None, _Track]:
        """The track that was chosen, else the first with sound, the main one where all are silent."""
        if self.choice.track:
            return (yield from self._best_channel(file, size, self.choice.track))
        main, *others = list_tracks(file, self.path)
        track = yield from self._best_channel(file, size, main)
        if not self._is_silent(track):
            return track
        for number in others:
            del track  # two of an hour are not held at once
            track = yield from self._best_channel(file, size, number)
            if not self._is_silent(track):
                detail = f"{track.source} of track" if track.source else "track"
                return _Track(track.samples, track.levels, f"{detail} {number} (track {main} is silent)")
        return (yield from self._best_channel(file, size, main)) if others else track

    def _is_silent(self, track: _Track) -> bool:
        return all(loudest_level(column, self.rate) <= SILENT for column in track.samples.T)

    def _best_channel(self, file: BinaryIO, size: int, number: int) -> Generator[float, None, _Track]:
        """Track `number`; of a mix that cancels its loudest channel alone."""
        track = yield from self._decode(file, size, number, self.choice.channel)
        weaker = track.levels.decibels_below_loudest
        if self.channels > 1 or self.choice.channel or weaker <= CANCELLED:
            return track
        loudest = track.levels.loudest
        source = f"{track.levels.describe(loudest)} (the mix of the channels is nearly silent)"
        del track
        alone = yield from self._decode(file, size, number, str(loudest + 1))
        return _Track(alone.samples, alone.levels, source)

    def _decode(self, file: BinaryIO, size: int, number: int, channel: str) -> Generator[float, None, _Track]:
        timeline, levels = Timeline(self.path, self.rate, self.channels, self.longest), ChannelLevels()
        with open_container(file, self.path) as container:
            stream = pick_track(container, number, file, self.path)
            reported = time.monotonic()
            for start, rate, values, names in self._decoded_chunks(container, stream):
                levels.add(values, names)
                timeline.add(start, rate, (values @ self._weights(names, channel).T).astype(np.float32))
                if time.monotonic() > reported + PAUSE:
                    yield min(file.tell() / size, 1.0)
                    reported = time.monotonic()
            samples = timeline.finish()
            if len(samples):
                check_complete(container, stream, self.path, len(samples) / self.rate)
        return _Track(samples, levels)

    def _weights(self, names: list[str], channel: str) -> np.ndarray:
        """[c, channels of the file]."""
        if self.channels > 1 or channel in ("", "mix"):
            return mix_weights(names, self.channels)
        index = channel_index(names, channel)
        if index is None:
            wanted = f"channel {channel}" if channel.isdigit() else f"{channel} channel"
            count = f"{len(names)} channel{'s' * (len(names) != 1)}"
            raise UserError(f"{self.path} has no {wanted} (it has {count}); choose another, or mix.")
        return np.eye(len(names))[index : index + 1]

    def _decoded_chunks(
        self, container: InputContainer, stream: AudioStream
    ) -> Iterator[tuple[float | None, int, np.ndarray, list[str]]]:
        """(seconds on the file's timeline or None, rate, [S, channels of the file], their names) of each chunk."""
        origin, decoder = time_origin(container), pcm_decoder(stream, self.path)
        packets = damaged = 0
        for packet in container.demux(stream):
            packets += 1
            try:
                frames = packet.decode() if decoder is None else decoder.decode(packet)
            except FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                if origin is None:
                    origin = frame.time or 0.0
                start = None if frame.time is None else frame.time - origin
                yield start, frame.sample_rate, *channel_values(frame)
        if damaged > max(2, packets // 50):
            raise UserError(f"{self.path} is damaged ({damaged} of {packets} packets cannot be read); export it again.")

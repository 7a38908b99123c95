# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Perform` job: a head's condition over a whole sound, a `.performance`. The expensive part, done once, so that
scrubbing is cheap."""

from collections.abc import Generator, Iterator
from pathlib import Path

from ..audio import Sound, iterate_sound
from ..formats import HeadFile, SoundChoice, UserError, read_head
from ..jobs import Bake, Event, Finished, Pace, Perform, Progress, Started, Warned
from ..listening import SpokenWords, compute_performance, moment_count, read_spoken_words
from ..performance import (
    HeadReplay,
    Performance,
    no_sharpening_reason,
    read_performance,
    suggested_opening,
    write_performance,
)


def perform(job: Perform) -> Generator[Event, None, None]:
    """Write the performance of `job.head` to `job.audio`; for a lively line the result has `suggested_mouth_open`.
    Raises UserError; leaves no partial file."""
    head = read_head(job.head)
    words = yield from words_for(head, job.words)
    sound = yield from read_sound(job)
    yield Started(f"{head.card.name} listens to {Path(job.audio).name}", moment_count(sound))
    yield from sound_warnings(sound, job.audio)
    yield from no_speech_warning(HeadReplay(head), job.head)
    performance = yield from compute_performance(head, sound, job.audio, words)
    write_performance(job.out, performance)
    result = {"performance": str(Path(job.out).absolute()), "seconds": sound.duration, "moments": moment_count(sound)}
    opening = suggested_opening([performance])
    yield Finished(result | ({"suggested_mouth_open": opening} if opening else {}))


def words_for(head: HeadFile, path: str) -> Generator[Warned, None, SpokenWords | None]:
    """The words that sharpen this head's lips; None for no path, or, with a warning, for a head whose encoder knows no
    phones. Raises UserError."""
    words = read_spoken_words(path) if path else None
    if words is not None and (reason := no_sharpening_reason(head)):
        yield Warned(f"{words.name} serves the speech graph alone: {reason}.")
        return None
    return words


def read_sound(job: Perform | Bake) -> Generator[Event, None, Sound]:
    """The sound of the job; shows progress when it takes longer. Raises UserError as `load_sound` does."""
    name, pace = Path(job.audio).name, Pace(100)
    reading = iterate_sound(job.audio, SoundChoice(job.track, job.channel))
    while True:
        try:
            share = next(reading)
        except StopIteration as end:
            return end.value
        if not pace.done:
            yield Started(f"Reading {name}", pace.total)
        # A second track or channel is read from the start again: the bar waits for it.
        yield pace.at(max(round(pace.total * share), pace.done, 1), f"reading {name}")


def sound_warnings(sound: Sound, path: str) -> Iterator[Warned]:
    """That another track or channel than the usual one was taken; that the sound is silent."""
    name = Path(path).name
    if sound.source:
        yield Warned(f"{name}: the head listens to its {sound.source}; choose the track or channel if that is wrong.")
    if sound.is_silent:
        yield Warned(f"{name} is silent, so the mouth stays at rest; choose another sound, track or channel.")


def no_speech_warning(posing: HeadReplay, path: str) -> Iterator[Warned]:
    """That the head was imported without anything that speech moves."""
    if not posing.speaks:
        yield Warned(f"{Path(path).name} was imported, and no sound moves it; bake it without one.")


def load_or_compute_performance(
    head: HeadFile, sound: Sound, audio_path: str, cached: Path, words: SpokenWords | None = None
) -> Generator[Progress | Warned, None, Performance]:
    """The performance in the file `cached` when it is of this head, sound and words; else compute it and write it
    there."""
    performance = _cached_performance(cached, head, sound, words)
    if performance is None:
        performance = yield from compute_performance(head, sound, audio_path, words)
        write_performance(cached, performance)
    return performance


def _cached_performance(path: Path, head: HeadFile, sound: Sound, words: SpokenWords | None) -> Performance | None:
    try:
        performance = read_performance(path)
    except UserError:  # missing or damaged: it is computed again
        return None
    wanted = head.card.content_hash, sound.content_hash, words.content_hash if words else ""
    is_same = (performance.head_hash, performance.audio_hash, performance.words_hash) == wanted
    return performance if is_same else None

# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Align` job: from a sound and its text to a TextGrid of words and phones."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..audio import Sound, iterate_sound
from ..formats import SoundChoice, TimedLabel, UserError, check_writable, write_textgrid
from ..jobs import Align, Event, Finished, Pace, Started, Warned
from .alignment import AlignedWord, align_words, confidence, heard
from .heard_phones import class_scores, moment_count, phone
from .pronunciations import pronunciations
from .transcript import Word, read_transcript

SURE = 0.5  # below that confidence nothing is written: times that were made up look as true as others
MOST_NAMED = 3  # places of a text that a warning names


def align(job: Align) -> Generator[Event, None, None]:
    """Write `job.out`. Raises UserError, among others where the text is not what is spoken; leaves no partial file."""
    try:
        yield from _align(job)
    except UserError as error:
        raise UserError(str(error).replace(job.text, job.text_title)) from error


def _align(job: Align) -> Generator[Event, None, None]:
    words, out = read_transcript(job.text), Path(job.out)
    check_writable(out)
    sound = yield from _read_sound(job)
    aligned = yield from _aligned(sound, words, job)
    sure = confidence(aligned)
    if sure < SURE:
        raise UserError(
            f"{job.text_title}: does not seem to be what is spoken in {Path(job.audio).name} (confidence {sure:.2f}); "
            "choose the text of this sound, in English."
        )
    is_heard = heard(aligned)
    yield from _unheard(words, is_heard, job)
    kept = [(word, found) for word, found, here in zip(words, aligned, is_heard) if found and here]
    write_textgrid(out, _tiers(kept), sound.duration)
    yield Finished({"words": str(out.absolute()), "count": len(kept), "confidence": round(sure, 2)})


def _read_sound(job: Align) -> Generator[Event, None, Sound]:
    name, pace = Path(job.audio).name, Pace(100)
    reading = iterate_sound(job.audio, SoundChoice(job.track, job.channel))
    yield Started(f"Reading {name}", pace.total)
    while True:
        try:
            yield pace.at(max(round(pace.total * next(reading)), pace.done))
        except StopIteration as end:
            sound: Sound = end.value
            break
    if sound.is_silent:
        raise UserError(f"{job.audio}: is silent; choose another sound, track or channel.")
    return sound


def _aligned(sound: Sound, words: Sequence[Word], job: Align) -> Generator[Event, None, list[AlignedWord | None]]:
    """Each word as it is spoken, None where it is not."""
    count = moment_count(sound)
    yield Started(f"Aligning {_short_title(job)}", 2 * count)
    pace, done, scores = Pace(2 * count), 0, []
    for block in class_scores(sound):
        scores.append(block)
        done += len(block)
        yield pace.at(done, "listening")
    spoken = [[[phone(name) for name in names] for names in pronunciations(word.spoken)] for word in words]
    cues = [(word.first, word.last) for word in words] if any(word.last < np.inf for word in words) else []
    aligning = align_words(np.concatenate(scores), spoken, cues)
    while True:
        try:
            yield pace.at(count + next(aligning), "aligning")
        except StopIteration as end:
            return end.value


def _short_title(job: Align) -> str:
    return job.text_name or Path(job.text).name


def _tiers(kept: Sequence[tuple[Word, AlignedWord]]) -> dict[str, list[TimedLabel]]:
    return {
        "words": [TimedLabel(found.start, found.end, word.label) for word, found in kept],
        "phones": [label for _, found in kept for label in found.phones],
    }


def _unheard(words: Sequence[Word], is_heard: np.ndarray, job: Align) -> Iterator[Warned]:
    """Which stretches of the text are not in the sound."""
    if is_heard.all():
        return
    edges = np.flatnonzero(np.diff(np.r_[True, is_heard, True].astype(np.int8))).reshape(-1, 2)
    places = [" ".join(word.label for word in words[a : min(b, a + 4)]) + " …" * (b - a > 4) for a, b in edges.tolist()]
    more = f" and {len(places) - MOST_NAMED} more places" if len(places) > MOST_NAMED else ""
    named = ", ".join(f"“{place}”" for place in places[:MOST_NAMED])
    yield Warned(
        f"{_short_title(job)}: {(~is_heard).sum()} of {len(words)} words are not heard in {Path(job.audio).name} and "
        f"are left out ({named}{more}); correct the text where it should be."
    )

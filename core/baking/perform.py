# SPDX-License-Identifier: GPL-3.0-or-later
"""A head listens to a sound: the condition over time, a `.performance`. Heavy here, so that a scrub is light.

Letters: M moments of the performance's own grid (SAMPLE_RATE a second), A width of a branch's code.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import Sound, load_sound
from ..formats import HeadFile, UserError, read_head
from ..jobs import Event, Finished, Pace, Perform, Progress, Started
from ..performance import SAMPLE_RATE, Performance, read_performance, write_performance
from .audio_codes import AudioCodes, loudness
from .pauses import speech_presence

MARGIN = Fraction(1, 2)  # seconds before and after the sound: a window reaches 0.17 s, then silence holds


def perform(job: Perform) -> Iterator[Event]:
    """Write the performance of `job.head` to `job.audio`. Raises UserError; leaves nothing half-written."""
    head, sound = read_head(job.head), load_sound(job.audio)
    yield Started(f"{head.card.name} listens to {Path(job.audio).name}", sample_count(sound))
    performance = yield from listen_to_sound(head, sound, job.audio)
    write_performance(job.out, performance)
    yield Finished(
        {"performance": str(Path(job.out).absolute()), "seconds": sound.duration, "moments": sample_count(sound)}
    )


def load_or_perform(head: HeadFile, sound: Sound, audio_path: str, kept: Path) -> Iterator[Event]:
    """The performance kept at `kept` when it is of this head and sound; else listen, and keep it there.

    A generator that gives the Performance back.
    """
    try:
        performance = read_performance(kept)
        if (performance.head_hash, performance.audio_hash) == (head.card.content_hash, sound.content_hash):
            return performance
    except UserError:
        pass
    performance = yield from listen_to_sound(head, sound, audio_path)
    write_performance(kept, performance)
    return performance


def sample_count(sound: Sound) -> int:
    """M for this sound."""
    return math.ceil((Fraction(len(sound.samples), sound.rate) + 2 * MARGIN) * SAMPLE_RATE) + 1


def listen_to_sound(head: HeadFile, sound: Sound, audio_path: str) -> Iterator[Progress]:
    """Listen now, block by block; at rest in pauses. A generator that gives the Performance back."""
    ears = AudioCodes(head)
    total = sample_count(sound)
    times = np.arange(total) / float(SAMPLE_RATE) - float(MARGIN)
    pace, blocks = Pace(total), []
    for block in ears.codes(sound, times):
        blocks.append(block)
        yield pace.at(sum(len(next(iter(b.values()))) for b in blocks), "listening")
    rest, present = ears.rest(), speech_presence(sound, times)[:, None]
    codes = {branch: np.concatenate([block[branch] for block in blocks]) for branch in ears.nets}
    codes = {
        branch: np.where(present == 1, code, rest[branch] + present * (code - rest[branch]))
        for branch, code in codes.items()
    }
    names = head.card.expression
    return Performance(
        codes,
        rest,
        np.zeros((total, len(names)), np.float32),
        names,
        loudness(sound, times),
        head.card.content_hash,
        sound.content_hash,
        Path(audio_path).name,
        sound.duration,
        SAMPLE_RATE,
        -MARGIN,
    )

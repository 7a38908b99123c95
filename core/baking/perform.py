# SPDX-License-Identifier: GPL-3.0-or-later
"""A head listens to a sound: the condition over time, a `.performance`. Heavy here, so that a scrub is light.

Letters: M moments of the performance's own grid (SAMPLE_RATE a second), A width of a branch's code.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio.decode import load_sound
from ..audio.sound import Sound
from ..formats.head import HeadFile, read_head
from ..formats.refusal import Refusal
from ..jobs.events import Event, Finished, Progress, Started
from ..jobs.messages import Perform
from ..jobs.pace import Pace
from ..performance.condition import SAMPLE_RATE, Performance, read_performance, write_performance
from .listen import Ears, loudness
from .pauses import speaking

MARGIN = Fraction(1, 2)  # seconds before and after the sound: a window reaches 0.17 s, then silence holds


def perform(job: Perform) -> Iterator[Event]:
    """Write the performance of `job.head` to `job.audio`. Raises Refusal; leaves nothing half-written."""
    head, sound = read_head(job.head), load_sound(job.audio)
    yield Started(f"{head.card.name} listens to {Path(job.audio).name}", moments(sound))
    performance = yield from listened(head, sound, job.audio)
    write_performance(job.out, performance)
    yield Finished({"performance": str(Path(job.out).absolute()), "seconds": sound.duration, "moments": moments(sound)})


def performed(head: HeadFile, sound: Sound, audio_path: str, kept: Path) -> Iterator[Event]:
    """The performance kept at `kept` when it is of this head and sound; else listen, and keep it there.

    A generator that gives the Performance back.
    """
    try:
        performance = read_performance(kept)
        if (performance.head_hash, performance.audio_hash) == (head.card.content_hash, sound.content_hash):
            return performance
    except Refusal:
        pass
    performance = yield from listened(head, sound, audio_path)
    write_performance(kept, performance)
    return performance


def moments(sound: Sound) -> int:
    """M for this sound."""
    return math.ceil((Fraction(len(sound.samples), sound.rate) + 2 * MARGIN) * SAMPLE_RATE) + 1


def listened(head: HeadFile, sound: Sound, audio_path: str) -> Iterator[Progress]:
    """Listen now, block by block; at rest in pauses. A generator that gives the Performance back."""
    ears = Ears(head)
    total = moments(sound)
    times = np.arange(total) / float(SAMPLE_RATE) - float(MARGIN)
    pace, blocks = Pace(total), []
    for block in ears.codes(sound, times):
        blocks.append(block)
        yield pace.at(sum(len(next(iter(b.values()))) for b in blocks), "listening")
    rest, present = ears.rest(), speaking(sound, times)[:, None]
    codes = {branch: np.concatenate([block[branch] for block in blocks]) for branch in ears.nets}
    codes = {branch: np.where(present == 1, code, rest[branch] + present * (code - rest[branch]))
             for branch, code in codes.items()}
    names = head.card.expression
    return Performance(codes, rest, np.zeros((total, len(names)), np.float32), names, loudness(sound, times),
                       head.card.content_hash, sound.content_hash, Path(audio_path).name, sound.duration, SAMPLE_RATE,
                       -MARGIN)

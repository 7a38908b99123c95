# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot from head and sound to a `.bake`: the performance at every frame's own time, replayed and stored.

A frame is a pure function of head, sound, time and controls, so a bake that was killed goes on and
ends with the bytes of an unbroken one. Knows no picture.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from ..audio import Sound, load_sound
from ..formats import SHOT_FIELDS, BakeCard, BakeHeader, BakeWriter, FileLock, HeadFile, open_regular_file, read_head
from ..jobs import Bake, Event, Finished, Pace, Progress, Started, Warned
from ..performance import Performance, Replay
from .perform import load_or_perform
from .shot import Shot


def bake(job: Bake) -> Iterator[Event]:
    """Evaluate the head at every frame of the shot and store it; goes on with what it finds.

    Frames before and after the sound show the head at rest. The performance is kept beside the bake
    (SHOT.performance), so that resuming, and Blender, need not listen again. A finished or partial
    bake of another shot under the same name is replaced, with a warning. Closing keeps the frames.
    Raises Refusal.
    """
    head, sound = read_head(job.head), load_sound(job.audio)
    shot = Shot.of(job, Fraction(len(sound.samples), sound.rate))
    card = card_of(job, head, sound, shot)
    yield Started(f"Baking {shot.frame_count} frames of {head.card.name}", shot.frame_count)
    yield Progress(0, shot.frame_count, -1.0, f"listening to {Path(job.audio).name}")
    performance = yield from _only_warnings(
        load_or_perform(head, sound, job.audio, Path(job.out).with_suffix(".performance"))
    )
    replay = Replay(head)
    yield from _make_room(job.out, card)
    with BakeWriter.open(job.out, card, replay.canonical, replay.branch) as writer:
        found = len(writer.done)
        yield from _frames(writer, shot, performance, replay)
        manifest = writer.finish()
    yield Finished(
        {
            "bake": str(Path(job.out).absolute()),
            "frames": manifest.frames,
            "new": manifest.frames - found,
            "frame_start": shot.frame_start,
            "frame_end": shot.span[-1],
            "fps": str(shot.rate),
            "bytes": Path(job.out).stat().st_size,
            "position_error_metres": manifest.error.position,
        }
    )


def card_of(job: Bake, head: HeadFile, sound: Sound, shot: Shot) -> BakeCard:
    """What the bake will say about itself."""
    degree = head.gaussians("face").sh_degree
    return BakeCard(
        Path(job.out).stem,
        shot.rate,
        shot.frame_start,
        shot.frame_count,
        degree,
        head.card.content_hash,
        sound.content_hash,
        str(Path(job.head).absolute()),
        str(Path(job.audio).absolute()),
        float(shot.offset),
        shot.controls_card(),
        head.card.camera,
        head.card.colour_space,
    )


def _frames(writer: BakeWriter, shot: Shot, performance: Performance, replay: Replay) -> Iterator[Progress]:
    pace, frame = Pace(shot.frame_count, len(writer.done)), replay.frame()
    yield pace.at(len(writer.done))
    for number in shot.span:
        if number not in writer.done:
            condition = performance.at(shot.sound_time(number), shot.controls_at(number))
            writer.append(number, *replay.at(condition, out=frame))
            yield pace.at(len(writer.done), f"frame {number}")


def _make_room(path: str, card: BakeCard) -> Iterator[Warned]:
    """Remove a bake of another shot, unless somebody is writing it. Raises Refusal."""
    if not Path(path).exists():
        return
    file, size = open_regular_file(path, "r+b")
    with file:
        held = FileLock(file, path)
        try:
            theirs = BakeHeader(file, size, path).card
        finally:
            held.close()
    if theirs.shot == card.shot:
        return
    Path(path).unlink()
    differ = ", ".join(name for name in SHOT_FIELDS if getattr(theirs, name) != getattr(card, name))
    yield Warned(f"{path}: held another shot ({differ} differ), which is replaced.")


def _only_warnings(events: Iterator[Event]) -> Iterator[Event]:
    """Pass on the warnings of a part of the work; its progress is not the shot's. Gives back its result."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        if isinstance(event, Warned):
            yield event

# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the frames of a shot are evaluated with: its head, its sounds, what the head hears of them, its card. Made
once a run; a frame is then a pure function of it. Knows no pixels and no bake on a disk.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import Sound
from ..formats import (
    BakeCard,
    Gaussians,
    HeadFile,
    SoundChoice,
    UserError,
    hash_of_sounds,
    hash_of_words,
    parse_frames,
    read_head,
    stored_path,
)
from ..jobs import Bake, Event, Progress, Started, Warned
from ..listening import SpokenWords
from ..performance import CONTROLS, Frame, HeadReplay, Performance, change_pose, performance_file
from .perform import load_or_compute_performance, no_speech_warning, read_sound, sound_warnings, words_for
from .reuse import keyed_controls
from .shot import Shot


@dataclass(frozen=True)
class ShotEvaluation:
    """A shot whose frames can be evaluated, in any order."""

    head: str  # its name
    shot: Shot
    frames: Sequence[int]  # those that the job asks for
    card: BakeCard
    posing: HeadReplay
    performances: Sequence[Performance | None]  # one a sound; without a sound the head at rest

    @property
    def gaussians(self) -> tuple[Gaussians, np.ndarray]:
        """The canonical Gaussians and the branch of each, as a bake has them."""
        return self.posing.replay.canonical, self.posing.replay.branch

    @property
    def keyed(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Keyframed controls and pose changes, as a bake has them."""
        return keyed_controls(self.shot), self.shot.pose_change.columns(self.shot.frame_count)

    def buffers(self) -> Frame:
        """For `at`, to be used again frame by frame."""
        return self.posing.replay.frame()

    def at(self, number: int, out: Frame) -> Frame:
        """The Gaussians at frame `number`, in `out`."""
        performance, controls = self.performances[self.shot.sound_at(number)], self.shot.controls_at(number)
        condition = performance.at(self.shot.sound_time(number), controls) if performance else None
        return self.posing.at(condition, controls, self.shot.pose_change_at(number), out=out)


def evaluate_shot(job: Bake) -> Generator[Event, None, ShotEvaluation]:
    """Read the head and the sounds, and let the head listen where it has not yet. Raises UserError."""
    head = read_head(job.head)
    words = yield from _read_words(job, head)
    sounds = yield from _read_sounds(job)
    shot = Shot.of(job, Fraction(len(sounds[0].samples), sounds[0].rate) if sounds else None)
    card = card_of(job, head, sounds, words, shot)
    frames = parse_frames(job.frames, shot.span) if job.frames else shot.span
    posing = HeadReplay(head)
    _check_channels(job, posing)
    yield from _controls_without_effect(shot, head, posing)
    if sounds:
        yield from no_speech_warning(posing, job.head)
    performances = (yield from _performances_of(job, head, sounds, words)) or [posing.resting]
    return ShotEvaluation(head.card.name, shot, frames, card, posing, performances)


def _read_sounds(job: Bake) -> Generator[Event, None, list[Sound]]:
    sounds = []
    for path in job.sounds:
        sounds.append((yield from read_sound(replace(job, audio=path))))
    return sounds


def _read_words(job: Bake, head: HeadFile) -> Generator[Event, None, list[SpokenWords | None]]:
    """Those of each sound of the job; None where it has none, or where the head has no use for them."""
    if not job.sounds and job.words:
        raise UserError(f"{job.words}: a shot without a sound has no use for words; give the sound, or leave them out.")
    if len(job.more_words) not in (0, len(job.more_audio)):
        raise UserError(
            f"more_words names {len(job.more_words)} files for {len(job.more_audio)} sounds; give one each."
        )
    words = []
    for path in job.words_of_sounds:
        words.append((yield from words_for(head, path)))
    return words


def _performances_of(
    job: Bake, head: HeadFile, sounds: list[Sound], words: list[SpokenWords | None]
) -> Generator[Event, None, list[Performance]]:
    performances = []
    for number, (path, sound, spoken) in enumerate(zip(job.sounds, sounds, words, strict=True)):
        yield from sound_warnings(sound, path)
        stored = performance_file(job.out, number)
        performances.append((yield from _performance_of(path, head, sound, stored, spoken)))
    return performances


def card_of(job: Bake, head: HeadFile, sounds: list[Sound], words: list[SpokenWords | None], shot: Shot) -> BakeCard:
    """What the bake says about itself."""
    return BakeCard(
        Path(job.out).stem,
        shot.rate,
        shot.frame_start,
        shot.frame_count,
        head.gaussians("face").sh_degree,
        head.card.content_hash,
        hash_of_sounds([sound.content_hash for sound in sounds], shot.sounds),
        stored_path(job.out, job.head),
        stored_path(job.out, job.audio) if job.audio else "",
        float(shot.offset),
        shot.controls_card(),
        head.card.camera,
        head.card.colour_space,
        track=job.track,
        channel=SoundChoice(job.track, job.channel).channel,
        more_audio=tuple(stored_path(job.out, path) for path in job.more_audio),
        pose_change=shot.pose_change.to_card(head.rig_hash, change_pose(shot.controls)),
        blend=head.card.blend,
        antialiased=head.card.antialiased,
        words_hash=hash_of_words([spoken.content_hash if spoken else "" for spoken in words]),
        words=tuple(stored_path(job.out, path) if path else "" for path in job.words_of_sounds) if any(words) else (),
    )


def _check_channels(job: Bake, posing: HeadReplay) -> None:
    """Raises UserError where the shot's pose change names what the head's rig has not."""
    known = {channel.name for channel in posing.rig.channels} if posing.rig else set()
    if missing := sorted(set(job.pose_change.channels) - known):
        what = "the head's rig has no channel" if known else "the head has no rig, so no channel"
        raise UserError(f"{job.head}: {what} {', '.join(missing)[:80]}; make its rig again, or remove their keys.")


def _controls_without_effect(shot: Shot, head: HeadFile, posing: HeadReplay) -> Iterator[Warned]:
    """A warning for each control that the shot uses and the head cannot follow."""
    rig = [channel.name for channel in posing.rig.channels] if posing.rig else None
    used = {name for moment in shot.controls for name, value in vars(moment).items() if value != CONTROLS[name].default}
    for name in (name for name in CONTROLS if name in used):
        if reason := CONTROLS[name].missing_in(head.card.expression, rig):
            yield Warned(f"{CONTROLS[name].label} changes nothing: {reason}.")


def _performance_of(
    path: str, head: HeadFile, sound: Sound, stored: Path, words: SpokenWords | None
) -> Generator[Event, None, Performance]:
    """The performance next to the bake; listening to the sound for it has its own progress."""
    computing = load_or_compute_performance(head, sound, path, stored, words)
    is_listening = False
    while True:
        try:
            event = next(computing)
        except StopIteration as end:
            return end.value
        if isinstance(event, Progress) and not is_listening:
            yield Started(f"{head.card.name} listens to {Path(path).name}", event.total)
            is_listening = True
        yield event

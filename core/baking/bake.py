# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Bake` job: head and sound to a `.bake`, the performance replayed at every frame's own time and stored. Without a
sound the head is at rest, and what moves it are its controls and the changes of its pose.

A frame is a pure function of head, sound, time and controls, so a bake that was killed continues and ends with the
bytes of an uninterrupted one. Knows no pixels.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ..audio import Sound
from ..formats import (
    SHOT_FIELDS,
    BakeCard,
    BakeHeader,
    BakeReader,
    BakeWriter,
    FileLock,
    HeadFile,
    SoundChoice,
    UserError,
    hash_of_sounds,
    hash_of_words,
    open_regular_file,
    parse_frames,
    read_head,
    replace_file,
    stored_path,
)
from ..jobs import Bake, Event, Finished, Pace, Progress, Started, Warned
from ..listening import SpokenWords
from ..performance import CONTROLS, HeadReplay, Performance, change_pose, performance_file
from .perform import load_or_compute_performance, no_speech_warning, read_sound, sound_warnings, words_for
from .reuse import keyed_controls, match_frames
from .shot import Shot


def bake(job: Bake) -> Generator[Event, None, None]:
    """Evaluate the head at every frame of the shot (or of `job.frames`) that is not stored yet, and store it.

    A bake that lacks frames of its shot is unfinished: what it holds can be played and rendered, the rest baked later.
    Frames before and after the sound show the head at rest, as all do without a sound. The performance is kept next to
    the bake (SHOT.performance), so that neither resuming nor Blender has to compute it again. Closing the generator
    keeps the frames. Raises UserError.

    Frames that a bake of another shot has, `job.reuse` or one of the same name, are taken over where they show the
    same. That of the same name stays as it is until the new one is done, and is then replaced, with a warning; until
    then the new one is beside it (SHOT.unfinished.bake) and continued there.
    """
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
    yield Started(f"Baking {len(frames)} frames of {head.card.name}", len(frames))
    place, warning = _place_for(Path(job.out), card)
    gaussians = posing.replay.canonical, posing.replay.branch
    keyed = keyed_controls(shot), shot.pose_change.columns(shot.frame_count)
    with BakeWriter.open(place, card, *gaussians, *keyed) as writer:
        already_baked = len(writer.done)
        for source in {job.reuse, job.out if warning else ""} - {""}:
            yield from _take_over(writer, source, shot, frames)
        reused = len(writer.done) - already_baked
        yield from _bake_frames(writer, shot, frames, performances, posing)
        if len(writer.done) == shot.frame_count:
            writer.finish()
    if warning:
        _replace(place, Path(job.out))
        yield warning
    yield Finished(_result(job, shot, writer, reused, len(writer.done) - already_baked - reused))


def _result(job: Bake, shot: Shot, writer: BakeWriter, reused: int, new: int) -> dict:
    return {
        "bake": str(Path(job.out).absolute()),
        "complete": len(writer.done) == shot.frame_count,
        "frames": len(writer.done),
        "new": new,
        "reused": reused,
        "frame_start": shot.frame_start,
        "frame_end": shot.span[-1],
        "fps": str(shot.rate),
        "bytes": Path(job.out).stat().st_size,
        "position_error_metres": writer.error.position,
    }


def _read_sounds(job: Bake) -> Generator[Event, None, list[Sound]]:
    sounds = []
    for path in job.sounds:
        sounds.append((yield from read_sound(replace(job, audio=path))))
    return sounds


def _read_words(job: Bake, head: HeadFile) -> Generator[Event, None, list[SpokenWords | None]]:
    """Those of each sound of the job; None where it has none, or where the head has no use for them."""
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


def _bake_frames(
    writer: BakeWriter,
    shot: Shot,
    frames: Sequence[int],
    performances: Sequence[Performance | None],
    posing: HeadReplay,
) -> Iterator[Progress]:
    missing = [number for number in frames if number not in writer.done]
    pace, buffers = Pace(len(frames), len(frames) - len(missing)), posing.replay.frame()
    yield pace.at(pace.done)
    for number in missing:
        performance = performances[shot.sound_at(number)]
        controls = shot.controls_at(number)
        condition = performance.at(shot.sound_time(number), controls) if performance else None
        writer.append(number, *posing.at(condition, controls, shot.pose_change_at(number), out=buffers))
        yield pace.at(pace.done + 1, f"frame {number}")


def _take_over(writer: BakeWriter, source: str, shot: Shot, frames: Sequence[int]) -> Iterator[Progress | Warned]:
    """Copy the frames that another bake already has; one that cannot be read has none, with a warning."""
    missing = [number for number in frames if number not in writer.done]
    try:
        with BakeReader.open(source) as old:
            if not writer.can_copy(old):
                return
            pace = Pace(len(frames), len(frames) - len(missing))
            for frame, number in match_frames(old, writer.card, shot, missing):
                if number is not None:
                    writer.copy(frame, old, number)
                yield pace.at(pace.done + (number is not None), f"frame {frame}")
    except UserError as error:  # damaged or gone
        yield Warned(f"{error} No frame is taken over from it.")


def unfinished_place(out: Path) -> Path:
    """Where the bake is that will replace `out`."""
    return out.with_name(f"{out.stem}.unfinished.bake")


def _place_for(out: Path, card: BakeCard) -> tuple[Path, Warned | None]:
    """(where to write, what to say when it replaces `out`). Raises UserError while another process writes there."""
    changed = _what_differs(out, card)
    if not changed:
        return out, None
    place = unfinished_place(out)
    if _what_differs(place, card):  # what a shot that nobody finished has left
        place.unlink()
    return place, Warned(f"{out}: was the bake of another shot ({', '.join(changed)} differ), which is replaced.")


def _what_differs(path: Path, card: BakeCard) -> list[str]:
    """In what the bake at `path` is another shot's; [] where there is none. Raises UserError while it is written."""
    if not path.exists():
        return []
    file, size = open_regular_file(path, "r+b")
    with file, closing(FileLock(file, path)):
        old = BakeHeader(file, size, path).card
    return [name for name in SHOT_FIELDS if getattr(old, name) != getattr(card, name)]


def _replace(place: Path, out: Path) -> None:
    try:
        replace_file(place, out)
    except PermissionError as error:  # Windows, where an open file cannot be replaced
        raise UserError(
            f"{out}: is open in another program and could not be replaced; close it there and bake again "
            "(every frame is kept)."
        ) from error

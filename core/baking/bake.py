# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Bake` job: head and sound to a `.bake`, the performance replayed at every frame's own time and stored. Without a
sound the head is at rest, and what moves it are its controls and the changes of its pose.

A frame is a pure function of head, sound, time and controls, so a bake that was killed continues and ends with the
bytes of an uninterrupted one. Knows no pixels.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ..formats import (
    SHOT_FIELDS,
    BakeCard,
    BakeHeader,
    BakeReader,
    BakeWriter,
    FileLock,
    UserError,
    open_regular_file,
    replace_file,
)
from ..jobs import Bake, Event, Finished, Pace, Progress, Started, Warned
from .reuse import match_frames
from .shot import Shot
from .shot_evaluation import ShotEvaluation, evaluate_shot


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
    evaluation = yield from evaluate_shot(job)
    shot, card, frames = evaluation.shot, evaluation.card, evaluation.frames
    yield Started(f"Baking {len(frames)} frames of {evaluation.head}", len(frames))
    place, warning = _place_for(Path(job.out), card)
    with BakeWriter.open(place, card, *evaluation.gaussians, *evaluation.keyed) as writer:
        already_baked = len(writer.done)
        for source in {job.reuse, job.out if warning else ""} - {""}:
            yield from _take_over(writer, source, shot, frames)
        reused = len(writer.done) - already_baked
        yield from _bake_frames(writer, evaluation)
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


def _bake_frames(writer: BakeWriter, evaluation: ShotEvaluation) -> Iterator[Progress]:
    missing = [number for number in evaluation.frames if number not in writer.done]
    count = len(evaluation.frames)
    pace, buffers = Pace(count, count - len(missing)), evaluation.buffers()
    yield pace.at(pace.done)
    for number in missing:
        writer.append(number, *evaluation.at(number, buffers))
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

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a format that holds a whole shot is given: the heads with their frames, and the camera. Knows no file format.

Space: the scene's world, Blender's axes, metres.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import TypeVar

import numpy as np

from ..formats import BakeReader, Camera, UserError, select_frames
from ..jobs import Export

T = TypeVar("T")
STILL = np.eye(4)


@dataclass(frozen=True)
class ExportedHead:
    """One head of the shot."""

    name: str  # unlike the other heads' names
    bake: BakeReader
    frames: Sequence[int]
    to_world: dict[int, np.ndarray]  # frame -> [4,4], head space to the world; one frame alone: it stands still
    sounds: tuple[str, ...] = ()  # what an edited sequencer plays, as `Export.sounds` has it
    sound_per_frame: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class ExportedShot:
    """All that goes into one file (or one file and its value clips)."""

    rate: Fraction
    heads: tuple[ExportedHead, ...]
    camera: dict[int, Camera]  # frame -> the scene's camera, `viewmat` from the world; empty: none
    half: bool  # numbers of 16 bits
    clip: int  # frames a file; 0: all in one

    @property
    def first(self) -> int:
        """The first frame's number."""
        return min(head.frames[0] for head in self.heads)

    @property
    def last(self) -> int:
        """The last frame's number."""
        return max(head.frames[-1] for head in self.heads)


@contextmanager
def opened_shot(job: Export) -> Iterator[ExportedShot]:
    """The job's shot with its bakes open. Raises UserError, also for bakes of different rates."""
    with ExitStack() as stack:
        bakes = [stack.enter_context(BakeReader.open(path)) for path in (job.bake, *job.more_bakes)]
        rate = bakes[0].card.fps
        for bake in bakes[1:]:
            if bake.card.fps != rate:
                raise UserError(
                    f"{bake.path}: has {bake.card.fps} frames a second and {job.bake} has {rate}; bake both at one "
                    "rate, or export them one by one."
                )
        frames = [select_frames(bake, job.first, job.last, job.frames) for bake in bakes]
        if job.clip < 0:
            raise UserError(f"clip {job.clip} is out of range; give the frames of a file, or 0 for one file.")
        heads = tuple(
            ExportedHead(*columns)
            for columns in zip(
                _names(job, bakes),
                bakes,
                frames,
                _placements(job, frames),
                [job.sounds] * len(bakes),
                _sound_rows(job, bakes),
            )
        )
        yield ExportedShot(rate, heads, _camera(job, heads[0]), job.half, job.clip)


def _names(job: Export, bakes: Sequence[BakeReader]) -> list[str]:
    """A name for each head, numbered where several are called the same."""
    if job.head_names and len(job.head_names) != len(bakes):
        raise UserError(f"head_names names {len(job.head_names)} heads of {len(bakes)}; give one a head.")
    names: list[str] = []
    taken: set[str] = set()  # in small letters: some disks tell no others apart
    for name in job.head_names or [bake.card.name for bake in bakes]:
        stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name) or "head"  # it becomes a part of the names of files
        free = (f"{stem}_{number}" if number > 1 else stem for number in count(1))
        names.append(next(candidate for candidate in free if candidate.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _placements(job: Export, frames: Sequence[Sequence[int]]) -> list[dict[int, np.ndarray]]:
    """Of each head, frame -> [4,4]."""
    if not job.head_to_world:
        return [{numbers[0]: STILL} for numbers in frames]
    if len(job.head_to_world) != len(frames):
        raise UserError(f"head_to_world places {len(job.head_to_world)} heads of {len(frames)}; give one list a head.")
    return [
        _by_frame([_matrix(rows) for rows in matrices], numbers, "matrices of head_to_world")
        for matrices, numbers in zip(job.head_to_world, frames)
    ]


def _sound_rows(job: Export, bakes: Sequence[BakeReader]) -> Sequence[tuple[tuple[float, ...], ...]]:
    """Of each head, what an edited sequencer plays at each frame of its bake; () where its own sound is heard."""
    if not job.sound_per_frame:
        return [()] * len(bakes)
    fits = len(job.sound_per_frame) == len(bakes) and all(
        not rows or len(rows) == bake.card.frame_count for rows, bake in zip(job.sound_per_frame, bakes)
    )
    if not fits or not all(_is_sound(row, len(job.sounds)) for rows in job.sound_per_frame for row in rows):
        raise UserError("sound_per_frame does not fit the bakes' frames; export again.")
    return job.sound_per_frame


def _is_sound(row: tuple[float, ...], files: int) -> bool:
    return not row or (len(row) == 4 and bool(np.isfinite(row).all()) and row[0] in range(files))


def _matrix(rows: Sequence[Sequence[float]]) -> np.ndarray:
    matrix = np.asarray(rows if [len(row) for row in rows] == [4] * 4 else np.nan, dtype=np.float64)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix[:3, :3]) == 0 or list(matrix[3]) != [0, 0, 0, 1]:
        raise UserError("head_to_world must be 4x4 with a scale above 0; set the head's transform again.")
    return matrix


def _camera(job: Export, head: ExportedHead) -> dict[int, Camera]:
    """Frame -> camera in the world; the job's cameras are seen from the first head."""
    seen = _by_frame(job.cameras, head.frames, "cameras") if job.cameras else {}
    if len(seen) == 1 and len(head.to_world) > 1:  # it moves with the head
        seen = dict.fromkeys(head.frames, next(iter(seen.values())))
    still = next(iter(head.to_world.values()))
    return {frame: _in_world(camera, head.to_world.get(frame, still)) for frame, camera in seen.items()}


def _in_world(camera: Camera, head_to_world: np.ndarray) -> Camera:
    """The camera with a view matrix from the world, without scale: its space is measured as the world is."""
    matrix = camera.matrix @ np.linalg.inv(head_to_world)
    matrix[:3] /= np.cbrt(abs(np.linalg.det(matrix[:3, :3])))
    return replace(camera, viewmat=tuple(map(tuple, matrix.tolist())))


def _by_frame(values: Sequence[T], frames: Sequence[int], name: str) -> dict[int, T]:
    """One for all, or one a frame. Raises UserError for another number."""
    if len(values) == 1:
        return {frames[0]: values[0]}
    if len(values) != len(frames):
        raise UserError(f"{len(values)} {name} do not fit {len(frames)} frames; give one, or one a frame.")
    return dict(zip(frames, values))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The heads of a picture: the first, and further ones that are drawn together with it, Gaussian by Gaussian in the
order of their depth, so that hair before another's cheek and a kiss are right. Knows no pixels.

Space: the first head's own, in which its camera sees; the others are brought into it frame by frame.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import PurePosixPath

import numpy as np

from ..formats import BakeCard, BakeReader, Camera, UserError, format_frames
from ..jobs import Render
from ..raster import Sampling
from .between_frames import stored_around
from .render_cameras import STILL, head_to_world_of, place_matrix, placed_by_frame
from .render_sampling import samplings_of
from .splat_source import neighbours


@dataclass(frozen=True)
class FurtherHead:
    """Another head at one frame."""

    to_first: np.ndarray  # [4,4]: its space -> the first head's
    camera: Camera  # the picture's, from its own space
    cameras_beside: tuple[Camera, Camera]  # at the frames before and after
    to_first_beside: tuple[np.ndarray, np.ndarray]  # likewise

    def to_first_at(self, time: float) -> np.ndarray:
        """[4,4] `time` frames from the frame, by the parabola through it and those beside."""
        before, after = self.to_first_beside
        if np.array_equal(before, self.to_first) and np.array_equal(after, self.to_first):
            return self.to_first
        return self.to_first + time * (after - before) / 2 + time**2 * ((before + after) / 2 - self.to_first)


@contextmanager
def opened_further(job: Render, bake: BakeReader) -> Iterator[list[BakeReader]]:
    """The bakes of the further heads. bake: the first one's. Raises UserError for heads that share no picture."""
    with ExitStack() as stack:
        further = [stack.enter_context(BakeReader.open(path)) for path in job.more_bakes]
        for other in further:
            _check_fits(other, bake)
        yield further


def _check_fits(other: BakeReader, bake: BakeReader) -> None:
    cure = "or render them one by one and merge them by depth"
    if other.card.fps != bake.card.fps:
        raise UserError(
            f"{other.path}: has {other.card.fps} frames a second and {bake.path} has {bake.card.fps}; bake both at one "
            f"rate, {cure}."
        )
    if other.card.blend != bake.card.blend:  # one sum of codes and light is neither
        raise UserError(
            f"{other.path}: its head blends {_blended(other)} and that of {bake.path} {_blended(bake)}; train one of "
            f"them on with --blend, {cure}."
        )
    if other.card.antialiased != bake.card.antialiased:
        raise UserError(
            f"{other.path}: only one of its head and that of {bake.path} was trained antialiased; train the other one "
            f"so, {cure}."
        )


def _blended(bake: BakeReader) -> str:
    return "light" if bake.card.blend == "linear" else "sRGB codes"


def check_are_baked(further: Sequence[BakeReader], frames: Sequence[int]) -> None:
    """Raises UserError where a further head lacks one of these frames, before any of them is drawn."""
    for other in further:
        stored = frozenset(other.frames)
        if missing := [frame for frame in frames if frame not in stored]:
            raise UserError(f"{other.path}: frames {format_frames(missing)} are not baked; bake that head's shot.")


def head_names_of(job: Render, names: Sequence[str]) -> tuple[str, ...]:
    """What Cryptomatte calls each head: as the job says, else `names`; numbered as in Blender where several are called
    the same. Raises UserError."""
    if job.head_names and len(job.head_names) != len(names):
        raise UserError(f"head_names names {len(job.head_names)} heads of {len(names)}; give one a head.")
    taken: list[str] = []
    for name in job.head_names or names:
        free = (f"{name}.{number:03d}" if number else name for number in count())
        taken.append(next(candidate for candidate in free if candidate not in taken))
    return tuple(taken)


def further_heads(
    job: Render, bake: BakeReader, cameras: dict[int, Camera], frames: Sequence[int]
) -> dict[int, tuple[FurtherHead, ...]]:
    """Frame -> the further heads. cameras: what sees the first one, as `cameras_of` gives them. Raises UserError."""
    first = head_to_world_of(job, bake, frames)
    worlds = [_worlds_of(job, bake, frames, number) for number in range(1, len(job.more_bakes) + 1)]

    def seen_from(world: dict[int, np.ndarray], frame: int, number: int) -> tuple[np.ndarray, Camera]:
        """At frame `number`, which may be one beside; what is not known of it is as at `frame`."""
        to_first = np.linalg.inv(first.get(number, first[frame])) @ world.get(number, world[frame])
        camera = cameras.get(number, cameras[frame])
        return to_first, replace(camera, viewmat=tuple(map(tuple, (camera.matrix @ to_first).tolist())))

    def at(world: dict[int, np.ndarray], frame: int) -> FurtherHead:
        to_first, camera = seen_from(world, frame, frame)
        before, after = (seen_from(world, frame, frame + step) for step in (-1, 1))
        return FurtherHead(to_first, camera, (before[1], after[1]), (before[0], after[0]))

    return {frame: tuple(at(world, frame) for world in worlds) for frame in frames}


def _worlds_of(job: Render, bake: BakeReader, frames: Sequence[int], number: int) -> dict[int, np.ndarray]:
    """Frame -> [4,4]: the space of head `number` -> the scene's world. Raises UserError."""
    further = len(job.more_bakes)
    if job.places:
        if len(job.places) != 1 + further:
            raise UserError(
                f"places has {len(job.places)} of {1 + further} heads; give one a head, such as 0.3,0,0,-20."
            )
        return placed_by_frame(job, [place_matrix(job.places[number])], bake, frames)
    if not job.more_head_to_world:
        return placed_by_frame(job, [STILL], bake, frames)
    if len(job.more_head_to_world) != further:
        raise UserError(f"more_head_to_world has {len(job.more_head_to_world)} of {further} heads; give a list a head.")
    return placed_by_frame(job, job.more_head_to_world[number - 1], bake, frames)


@dataclass(frozen=True)
class PlannedHeads:
    """The heads of the pictures of a job, for what is known before they are drawn."""

    names: tuple[str, ...]  # what Cryptomatte calls them, the first head's first
    shots: tuple[str, ...]  # of the further heads: the key of what their bakes hold
    samplings: dict[int, Sampling]  # by frame; that of the head which is smallest in the picture
    further: dict[int, tuple[FurtherHead, ...]]  # by frame; empty where there are none
    neighbours: dict[int, tuple]  # by frame: which frames beside are there, of each head
    stored: tuple[frozenset[int], ...]  # the frames that are baked, of each head

    @staticmethod
    def of(
        job: Render, bake: BakeReader, cameras: dict[int, Camera], frames: Sequence[int], least_samples: int = 1
    ) -> "PlannedHeads":
        """Raises UserError."""
        with opened_further(job, bake) as others:
            names = head_names_of(job, [head_name(head.card) for head in (bake, *others)])
            shots = tuple(other.card.shot for other in others)
            beside = {frame: tuple(neighbours(head, frame) for head in (bake, *others)) for frame in frames}
            stored = tuple(frozenset(head.frames) for head in (bake, *others))
            further = further_heads(job, bake, cameras, frames) if others else {}
            seen = [{frame: further[frame][i].camera for frame in frames} for i in range(len(others))]
            each = [samplings_of(job, *row, least_samples) for row in zip((bake, *others), (cameras, *seen))]
        finest = {frame: max((row[frame] for row in each), key=lambda s: s.samples_per_side) for frame in frames}
        return PlannedHeads(names, shots, finest, further, beside, stored)

    def at(self, frame: int) -> tuple[FurtherHead, ...]:
        """The further heads of the frame's picture."""
        return self.further.get(frame, ())

    def key(self, frame: int) -> tuple:
        """What the key of a picture says of them; nothing of a head alone."""
        return (self.shots, *(head.to_first.tolist() for head in self.at(frame))) if self.shots else ()

    def stored_around(self, frame: int, steps: Iterable[int]) -> tuple:
        """What the key of a picture with motion blur says of them: which frames around are there, of each head."""
        steps, first = list(steps), stored_around(self.stored[0], frame, steps)
        ways = [(head.to_first_beside[0].tolist(), head.to_first_beside[1].tolist()) for head in self.at(frame)]
        return (first, *(stored_around(stored, frame, steps) for stored in self.stored[1:]), *ways) if ways else first

    def motion(self, frame: int) -> tuple:
        """What the key of a picture with motion says of them."""
        return (*self.neighbours[frame], *(head.cameras_beside for head in self.at(frame)))


def head_name(card: BakeCard) -> str:
    """What Cryptomatte calls a head: its file's name, whatever the bake is called."""
    return PurePosixPath(card.head.replace("\\", "/")).stem or card.name

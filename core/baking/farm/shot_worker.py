# SPDX-License-Identifier: GPL-3.0-or-later
"""What one process does of a shot: frames, each baked into a shard (a bake of its own, which holds what it did) and
rendered. A frame is done when all of that is written.
"""

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

from ...formats import BakeReader, BakeWriter, select_frames
from ...jobs import Event, Render
from ..frame_renderer import FrameRenderer
from ..image_writer import FrameFiles, ImageWriter, passes_of
from ..movie import pictures_of
from ..passes import blended_by
from ..picture_heads import check_are_baked, opened_further
from ..render import check_render, plan_files
from ..render_device import RenderDevice
from ..render_names import sequence_of
from ..shot_evaluation import ShotEvaluation
from ..splat_channels import use_motion
from .claims import Claims


def planned_files(job: Render, bake: BakeReader) -> dict[int, FrameFiles]:
    """Frame -> the files that a worker writes of it, the pictures of a movie included. bake: any shard."""
    check_render(job)
    selected = select_frames(bake, job.first, job.last, job.frames, only_baked=False)
    frames = plan_files(job, bake, selected)
    if job.movie and len(frames) > 1:
        _, frames = pictures_of(Path(job.out), sequence_of(job), frames)
    return {frame.frame: frame for frame in frames}


class ShotWorker:
    """A context manager; leaving it, even by an exception, waits for the pictures that are being written."""

    def __init__(self, evaluation: ShotEvaluation, job: Render, claims: Claims, shards: Path) -> None:
        self.job, self.count = job, 0  # frames done by this worker
        self._evaluation, self._claims, self._stack = evaluation, claims, ExitStack()
        self._shard = shards / f"{claims.name}.bake"
        self._device = RenderDevice(job.device, evaluation.card.blend)
        self._has_motion = use_motion(blended_by(passes_of(job)))
        self._buffers = evaluation.buffers()

    @property
    def device(self) -> str:
        """On what it has rendered; "" where nothing."""
        return self._device.description

    def __enter__(self) -> "ShotWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> Generator[Event, None, None]:
        """Begin a shard: before the first frame. Raises UserError."""
        yield from self._device.prepare()
        self._shard.parent.mkdir(parents=True, exist_ok=True)
        evaluation = self._evaluation
        self._writer = self._stack.enter_context(
            BakeWriter.open(self._shard, evaluation.card, *evaluation.gaussians, *evaluation.keyed)
        )
        self._reader = self._stack.enter_context(BakeReader.open(self._shard))
        further = self._stack.enter_context(opened_further(self.job, self._reader))
        self._renderer = FrameRenderer([self._reader, *further], self.job, self._device)
        self._files = planned_files(self.job, self._reader)
        check_are_baked(further, list(self._files))
        self._images = self._stack.enter_context(ImageWriter(evaluation.card, self.job, self._written))

    def do(self, frame: int) -> Generator[Event, None, None]:
        """Bake and render a frame that this worker has claimed. Raises UserError, OSError."""
        files = self._files.get(frame)
        self._bake(frame)
        if files is None:  # baked alone
            self._finish(frame, {})
            return
        if self._has_motion:  # seen by the frames beside, which the shards of others hold, too
            self._bake(frame - 1)
            self._bake(frame + 1)
        for step in files.exposure.steps_beside if files.exposure else ():
            self._bake(frame + step)
        self._reader.refresh()
        # As it is stored, which is what a render of the bake draws.
        rendering = yield from self._renderer.draw(files)
        self._images.submit(files, rendering, list(files.files))

    def _bake(self, frame: int) -> None:
        if frame in self._evaluation.shot.span and frame not in self._writer.done:
            self._writer.append(frame, *self._evaluation.at(frame, self._buffers))

    def drain(self) -> None:
        """Wait until all its frames are done."""
        if self._shard.exists():
            self._images.drain()

    def _written(self, frame: FrameFiles, kinds: Sequence[str]) -> None:
        self._finish(frame.frame, {kind: frame.files[kind].stat().st_size for kind in kinds})

    def _finish(self, frame: int, sizes: dict[str, int]) -> None:
        self._claims.finish(str(frame), {"shard": self._shard.name, "bytes": sizes})
        self.count += 1

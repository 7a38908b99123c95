# SPDX-License-Identifier: GPL-3.0-or-later
"""From renderings to image files, in threads next to the raster: compressing takes longer than rendering.

zlib and OpenEXR work without the interpreter's lock. Knows neither bakes nor movies.

Letters: H x W pixels.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ..formats import BakeCard, Camera
from ..interchange import ExrLayer, FrameMetadata, write_exr, write_png
from ..jobs import Render, SequenceName
from ..raster import Rendering, Sampling, give_back
from .exposure import Exposure
from .exr_layers import exr_layers
from .pass_picture import PassPicture
from .passes import PASSES, Pass, blended_by, select_passes
from .picture_heads import FurtherHead
from .picture_window import Margin, exr_window, within_data_window, within_edges, without_margin
from .render_colour import RenderColour
from .splat_channels import blended_channels, scale_of

THREADS = 2
MOST_WAITING = 3  # renderings that may wait in memory,
WAITING_BYTES = 256 << 20  # and what they may take: one of 4K waits, of 8K none
BYTES_PER_PIXEL = 24  # of a rendering with depth; further passes take 4 a number


@dataclass(frozen=True)
class FrameFiles:
    """One frame's files and the keys of what they hold."""

    frame: int
    camera: Camera
    world_camera: Camera  # the same view with the scene's world in place of head space
    cameras_beside: tuple[Camera, Camera]  # those of the frames before and after
    pixels_key: str  # of what the raster gives
    keys: dict[str, str]  # name in IMAGE_KINDS -> the file's key in the manifest
    files: dict[str, Path]  # those that the job wants: name in IMAGE_KINDS -> path
    sampling: Sampling = field(default_factory=Sampling)
    margin: Margin = (0, 0)  # pixels that its cameras see beyond the picture's edges: overscan
    further: tuple[FurtherHead, ...] = ()  # drawn together with the first head
    heads: tuple[str, ...] = ("head",)  # what Cryptomatte calls the heads
    exposure: Exposure | None = None  # of a frame with motion blur
    holdout: Path | None = None  # the depth of what hides the head

    @property
    def shown(self) -> Camera:
        """The camera of the picture, without overscan."""
        return without_margin(self.camera, self.margin)

    @property
    def world_camera_shown(self) -> Camera:
        """The same in the scene's world."""
        return without_margin(self.world_camera, self.margin)


class ImageWriter:
    """A context manager; leaving it, even by an exception, waits for what was submitted. `written` is called in the
    thread that submits, frame by frame in the order of submitting."""

    def __init__(self, card: BakeCard, job: Render, written: Callable[[FrameFiles, Sequence[str]], None]) -> None:
        self.card, self.job, self._written = card, job, written
        self._pool = ThreadPoolExecutor(THREADS, "image-writer")
        self._waiting: deque[tuple[FrameFiles, Future[Sequence[str]]]] = deque()

    def __enter__(self) -> "ImageWriter":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.drain()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def submit(self, frame: FrameFiles, rendering: Rendering, kinds: Sequence[str]) -> None:
        """Write these of the frame's files, soon. Raises what writing an earlier one raised."""
        most = min(MOST_WAITING, WAITING_BYTES // (rendering.alpha.size * BYTES_PER_PIXEL))
        self.drain(max(most - 1, 0))
        self._waiting.append((frame, self._pool.submit(self._write, frame, rendering, kinds)))
        if most == 0:
            self.drain()

    def drain(self, most: int = 0) -> None:
        """Wait until at most `most` frames wait."""
        while len(self._waiting) > most:
            frame, written = self._waiting.popleft()
            self._written(frame, written.result())

    def _write(self, frame: FrameFiles, rendering: Rendering, kinds: Sequence[str]) -> Sequence[str]:
        for kind in kinds:
            IMAGE_KINDS[kind].write(frame.files[kind], frame, rendering, self.card, self.job)
        give_back(rendering)
        return kinds


def _png(path: Path, frame: FrameFiles, rendering: Rendering, _card: BakeCard, job: Render) -> None:
    color, alpha = (within_edges(pixels, frame.margin) for pixels in (rendering.color, rendering.alpha))
    write_png(path, RenderColour(job).codes(color, alpha, rendering.blend))


def _exr(path: Path, frame: FrameFiles, rendering: Rendering, card: BakeCard, job: Render) -> None:
    passes = select_passes(job.passes).values()
    layers = exr_layers(
        passes, _picture(frame, rendering, card, job), job.exr_layout, RenderColour(job).planes, job.full_float
    )
    window = exr_window(frame.camera, frame.margin) if job.overscan else None
    if job.data_window:
        layers, window = within_data_window(layers, frame.camera, job.region)
    write_exr(path, layers, _metadata(frame, card, job), job.exr_layout, job.exr_compression, window)


def _depth(path: Path, frame: FrameFiles, rendering: Rendering, card: BakeCard, job: Render) -> None:
    """One channel Y: a grey picture to any reader."""
    (layer,) = exr_layers([PASSES[job.depth_file]], _picture(frame, rendering, card, job), "nuke")
    (distance,) = layer.channels.values()
    write_exr(path, [ExrLayer("", {"Y": distance})], _metadata(frame, card, job), "nuke")


def _picture(frame: FrameFiles, rendering: Rendering, card: BakeCard, job: Render) -> PassPicture:
    heads = frame.heads
    blended = blended_channels(blended_by(passes_of(job), len(heads)), rendering.extra, len(heads))
    return PassPicture(rendering, frame.world_camera, scale_of(frame.camera), blended, heads)


def passes_of(job: Render) -> list[Pass]:
    """Those of the EXR and that of the depth's own file. Raises UserError for an unknown name."""
    rows = list(select_passes(job.passes).values()) if job.exr else []
    return rows + (list(select_passes([job.depth_file]).values()) if job.depth_file else [])


def _metadata(frame: FrameFiles, card: BakeCard, job: Render) -> FrameMetadata:
    notes = {"bake": card.shot, "audio": card.audio_hash, "offset": repr(card.offset)}
    return FrameMetadata(card.fps, frame.frame, frame.world_camera_shown, job.space, card.head_hash, notes)


@dataclass(frozen=True)
class ImageKind:
    """One kind of file of a rendered frame."""

    field: str  # of `Render`, which switches it on
    suffix: str  # NAME.0001.png; after the frame's number
    write: Callable[[Path, FrameFiles, Rendering, BakeCard, Render], None]
    infix: str = ""  # before the frame's number

    def file_name(self, name: SequenceName, frame: int) -> str:
        """NAME.0001.png."""
        return name.file(frame, self.suffix, self.infix)


IMAGE_KINDS = {
    "png": ImageKind("png", ".png", _png),
    "exr": ImageKind("exr", ".exr", _exr),
    "depth": ImageKind("depth_file", ".exr", _depth, ".depth"),
}

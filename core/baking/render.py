# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Render` job: a bake as an image sequence. `NAME.0001.png` is a preview, `NAME.0001.exr` is for compositing,
`NAME.mp4` has the sound.

An image depends on the bake and its camera only and is written atomically; the manifest next to the images
(NAME.rendered.txt) says which are finished, so a second run continues and renders only what has changed.

Letters: H x W pixels.
"""

from collections.abc import Generator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..formats import BakeReader, FileManifest, UserError, content_key, frame_number, locked_folder, select_frames
from ..interchange import COLOUR_SPACES, EXR_LAYOUTS, MovieWriter, display_codes
from ..jobs import DEFAULT_PASSES, Event, Finished, Pace, Progress, Render, Started, Warned
from ..raster import Rendering, rasterize
from .image_writer import IMAGE_KINDS, FrameFiles, ImageWriter
from .passes import select_passes
from .render_cameras import cameras_of, head_to_world_of, world_camera_of
from .soundtrack import Soundtrack, soundtrack_of

PIXELS_VERSION = 1  # raise it when the same bake and camera give other pixels than before
GREY = 0.5  # display code behind the head in the movie


@dataclass(frozen=True)
class _Plan:
    """What a run has to do."""

    frames: list[FrameFiles]
    missing: set[int]  # frames with an image that is not finished
    movie: MovieWriter | None  # to be written, or nothing to do for it

    def to_render(self) -> list[FrameFiles]:
        """The frames that the raster has to draw: the movie takes all of them."""
        return [frame for frame in self.frames if self.movie or frame.frame in self.missing]


def render(job: Render) -> Generator[Event, None, None]:
    """Render what is not finished yet. Closing the generator keeps the finished images.

    Raises UserError, also while another run writes to the folder.
    """
    name = Path(job.bake).stem
    with BakeReader.open(job.bake) as bake, ExitStack() as stack:
        frames = plan_frames(job, bake)
        soundtrack, warning = soundtrack_of(job, bake) if job.movie else (None, None)
        stack.enter_context(locked_folder(Path(job.out)))
        manifest = FileManifest(Path(job.out) / f"{name}.rendered.txt")
        yield Started(f"Rendering {len(frames)} frames of {bake.card.name}", len(frames))
        if warning:
            yield Warned(warning)
        missing = {
            frame.frame
            for frame in frames
            if any(not manifest.is_finished(path, frame.keys[kind]) for kind, path in frame.files.items())
        }
        movie_path, movie_key = Path(job.out) / f"{name}.mp4", _movie_key(bake, frames, soundtrack)
        movie = None
        if job.movie and not manifest.is_finished(movie_path, movie_key):
            movie = _movie_writer(movie_path, bake, frames, soundtrack)
        yield from _render_frames(bake, _Plan(frames, missing, movie), ImageWriter(bake.card, manifest, job))
        if movie:
            manifest.add(movie_path, movie_key)
        yield Finished(_result(job, frames, len(missing), movie_path))


def plan_frames(job: Render, bake: BakeReader) -> list[FrameFiles]:
    """Each frame's camera and files. Raises UserError for settings that cannot be."""
    _check(job)
    selected = select_frames(bake, job.first, job.last)
    cameras, worlds = cameras_of(job, bake, selected), head_to_world_of(job, bake, selected)
    name, kinds = Path(job.bake).stem, [kind for kind in IMAGE_KINDS if getattr(job, kind)]
    passes = tuple(select_passes(job.passes)) if job.exr else ()
    extra = () if passes == DEFAULT_PASSES else (passes,)  # 0.1.0 had these only: its images keep their keys
    frames = []
    for frame in selected:
        files = {kind: Path(job.out) / f"{name}.{frame_number(frame)}.{kind}" for kind in kinds}
        pixels_key = content_key(PIXELS_VERSION, bake.card.shot, frame, cameras[frame])
        world_camera = world_camera_of(cameras[frame], worlds[frame])
        seen_from = (world_camera,) if job.head_to_world else ()
        keys = {"png": pixels_key, "exr": content_key(pixels_key, job.exr_layout, job.space, *extra, *seen_from)}
        frames.append(FrameFiles(frame, cameras[frame], world_camera, pixels_key, keys, files))
    return frames


def _check(job: Render) -> None:
    if not (job.png or job.exr or job.movie):
        raise UserError("there is nothing to render; switch on png, exr or movie.")
    if job.exr_layout not in EXR_LAYOUTS:
        raise UserError(f"exr_layout {job.exr_layout!r} is unknown; use one of {', '.join(EXR_LAYOUTS)}.")
    if job.space not in COLOUR_SPACES:
        raise UserError(f"space {job.space!r} is unknown; use one of {', '.join(COLOUR_SPACES)}.")


def _render_frames(bake: BakeReader, plan: _Plan, writer: ImageWriter) -> Generator[Progress, None, None]:
    to_render, passes = plan.to_render(), select_passes(writer.job.passes).values() if writer.job.exr else ()
    needs_depth = any(row.needs_depth for row in passes)
    g = bake.canonical
    buffers = (np.empty_like(g.means), np.empty_like(g.quats), np.empty_like(g.scales))
    with writer, plan.movie or nullcontext():
        pace = Pace(len(plan.frames), len(plan.frames) - len(to_render))
        yield pace.at(pace.done)
        for frame in to_render:
            is_missing = frame.frame in plan.missing
            columns = (*bake.frame(frame.frame, out=buffers), g.opacities, g.sh0, g.shN)
            rendering = rasterize(*columns, frame.camera, depth=needs_depth and is_missing)
            if is_missing:
                writer.submit(frame, rendering)
            if plan.movie:
                plan.movie.add(_movie_picture(rendering))
            yield pace.at(pace.done + 1, f"frame {frame.frame}")


def _movie_picture(rendering: Rendering) -> np.ndarray:
    """[H,W,3] uint8 sRGB over grey."""
    return display_codes(rendering.color + (1.0 - rendering.alpha[..., None]) * np.float32(GREY))


def _movie_key(bake: BakeReader, frames: list[FrameFiles], soundtrack: Soundtrack | None) -> str:
    sound = soundtrack and soundtrack.content_hash
    return content_key("mp4", [frame.pixels_key for frame in frames], bake.card.fps, sound, bake.card.offset)


def _movie_writer(path: Path, bake: BakeReader, frames: list[FrameFiles], soundtrack: Soundtrack | None) -> MovieWriter:
    """The movie, its sound placed where the bake's offset says."""
    card, camera = bake.card, frames[0].camera
    start = Fraction(frames[0].frame - card.frame_start) / card.fps - Fraction(card.offset)
    sound = soundtrack and soundtrack.between(start, start + len(frames) / card.fps)
    return MovieWriter(path, card.fps, camera.width, camera.height, sound)


def _result(job: Render, frames: list[FrameFiles], rendered: int, movie: Path) -> dict:
    return {
        "folder": str(Path(job.out).absolute()),
        "frames": len(frames),
        "rendered": rendered,
        **{f"first_{kind}": path.name for kind, path in frames[0].files.items()},
        **({"movie": str(movie.absolute())} if job.movie else {}),
    }

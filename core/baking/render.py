# SPDX-License-Identifier: GPL-3.0-or-later
"""Plates from a bake: `NAME.0001.png` to look at, `NAME.0001.exr` to comp with, `NAME.mp4` to hear.

A picture depends on the bake and its camera only and is written atomically; the ledger beside the
pictures says which are finished, so a second run goes on, and renders again only what changed.

Letters: H x W pixels.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..formats import BakeReader, UserError
from ..interchange import COLOUR_SPACES, EXR_LAYOUTS, MovieWriter, display_codes
from ..jobs import Event, Finished, Pace, Progress, Render, Started, Warned
from ..raster import rasterize
from .image_writer import FILES, FrameFiles, ImageWriter
from .render_cameras import cameras_of, frames_of
from .render_manifest import RenderManifest, key_of
from .soundtrack import Soundtrack, soundtrack_of

LOOK = 1  # raise it when the same bake and camera give other pixels than before
GREY = 0.5  # display code behind the head in the movie


def render(job: Render) -> Iterator[Event]:
    """Render what is asked for and not finished yet. Closing keeps the finished pictures. Raises UserError."""
    with BakeReader.open(job.bake) as bake:
        wanted = frames_of(job, bake)
        pictures = pictures_of(job, bake, wanted)
        soundtrack, warning = soundtrack_of(job, bake) if job.movie else (None, None)
        ledger = RenderManifest(Path(job.out), Path(job.bake).stem)
        yield Started(f"Rendering {len(wanted)} frames of {bake.card.name}", len(wanted))
        if warning:
            yield Warned(warning)
        movie = Path(job.out) / f"{Path(job.bake).stem}.mp4"
        movie_key = key_of(
            "mp4", [p.look for p in pictures], bake.card.fps, soundtrack and soundtrack.content_hash, bake.card.offset
        )
        screening = job.movie and not ledger.finished(movie, movie_key)
        missing = {
            p.frame for p in pictures if any(not ledger.finished(path, p.keys[kind]) for kind, path in p.files.items())
        }
        press = ImageWriter(bake.card, ledger, job)
        yield from _frames(bake, pictures, missing, press, _screen(movie, bake, pictures, soundtrack, screening))
        if screening:
            ledger.note(movie, movie_key)
        yield Finished(_result(job, pictures, len(missing), movie))


def pictures_of(job: Render, bake: BakeReader, wanted: range) -> list[FrameFiles]:
    """What each frame is to become. Raises UserError."""
    if not (job.png or job.exr or job.movie):
        raise UserError("nothing is to be rendered; switch on png, exr or movie.")
    if job.exr_layout not in EXR_LAYOUTS:
        raise UserError(f"exr_layout {job.exr_layout!r} is unknown; use one of {', '.join(EXR_LAYOUTS)}.")
    if job.space not in COLOUR_SPACES:
        raise UserError(f"space {job.space!r} is unknown; use one of {', '.join(COLOUR_SPACES)}.")
    cameras = cameras_of(job, bake, wanted)
    name, kinds = Path(job.bake).stem, [kind for kind in FILES if getattr(job, kind)]
    pictures = []
    for frame in wanted:
        files = {kind: Path(job.out) / f"{name}.{numbered(frame)}.{kind}" for kind in kinds}
        look = key_of(LOOK, bake.card.shot, frame, cameras[frame])
        keys = {"png": look, "exr": key_of(look, job.exr_layout, job.space)}
        pictures.append(FrameFiles(frame, cameras[frame], look, keys, files))
    return pictures


def numbered(frame: int) -> str:
    """0001, 12345, -0001: as Blender numbers its pictures."""
    return f"{'-' if frame < 0 else ''}{abs(frame):04d}"


def _frames(
    bake: BakeReader, pictures: list[FrameFiles], missing: set[int], press: ImageWriter, screen: MovieWriter | None
) -> Iterator[Progress]:
    canonical = bake.canonical
    table = tuple(np.empty_like(getattr(canonical, name)) for name in ("means", "quats", "scales"))
    with press, screen or nullcontext():
        todo = pictures if screen is not None else [p for p in pictures if p.frame in missing]
        pace = Pace(len(pictures), len(pictures) - len(todo))
        yield pace.at(pace.done)
        for picture in todo:
            means, quats, scales = bake.frame(picture.frame, into=table)
            seen = rasterize(
                means,
                quats,
                scales,
                canonical.opacities,
                canonical.sh0,
                canonical.shN,
                picture.camera,
                depth="exr" in picture.files and picture.frame in missing,
            )
            if picture.frame in missing:
                press.hand_in(picture, seen)
            if screen is not None:
                screen.add(display_codes(seen.color + (1.0 - seen.alpha[..., None]) * np.float32(GREY)))
            yield pace.at(pace.done + 1, f"frame {picture.frame}")


def _screen(
    path: Path, bake: BakeReader, pictures: list[FrameFiles], soundtrack: Soundtrack | None, wanted: bool
) -> MovieWriter | None:
    """The movie to write, its sound placed where the bake's offset says."""
    if not wanted:
        return None
    card = bake.card
    first = Fraction(pictures[0].frame - card.frame_start) / card.fps - Fraction(card.offset)
    sound = soundtrack and soundtrack.between(first, first + len(pictures) / card.fps)
    camera = pictures[0].camera
    return MovieWriter(path, card.fps, camera.width, camera.height, sound)


def _result(job: Render, pictures: list[FrameFiles], rendered: int, movie: Path) -> dict:
    folder = Path(job.out).absolute()
    kinds = {kind: path.name for kind, path in pictures[0].files.items()}
    return {
        "folder": str(folder),
        "frames": len(pictures),
        "rendered": rendered,
        **{f"first_{kind}": name for kind, name in kinds.items()},
        **({"movie": str(movie.absolute())} if job.movie else {}),
    }

# SPDX-License-Identifier: GPL-3.0-or-later
"""NAME.publish.json: what a finished render is, for the people and programs that take it over. Every file with its
sha256, and everything that the files were made of; nothing of the machine or of the day, so that the same render gives
the same bytes."""

from collections.abc import Generator, Sequence
from pathlib import Path

from ..formats import (
    BakeReader,
    UserError,
    atomic_write,
    format_frames,
    from_json,
    open_untrusted,
    sha256_of_file,
    to_pretty_json,
)
from ..jobs import Event, Pace, Render, Started, talksplat_version
from .image_writer import FrameFiles
from .render_names import sequence_of

MOST_BYTES = 256 << 20  # no shot's manifest comes near it


def publish_path(job: Render) -> Path:
    """Of a job with names."""
    return Path(job.out) / f"{sequence_of(job).stem}.publish.json"


def is_published_as(job: Render, files: set[str]) -> bool:
    """Whether NAME.publish.json, which is there, has these names of files; a job that publishes has them all. Raises
    UserError for one that cannot be read."""
    path = publish_path(job)
    with open_untrusted(path) as (file, size):
        if size > MOST_BYTES:
            raise UserError(f"{path}: is {size >> 20} MB long, which no manifest is; move it away.")
        values = from_json(file.read(size), str(path))
    rows = values.get("files") if isinstance(values, dict) else None
    published = [row.get("file") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = {name for name in published if isinstance(name, str)}
    return files == names if job.publish else files <= names


def publish(
    job: Render, bake: BakeReader, further: Sequence[BakeReader], frames: Sequence[FrameFiles], more: Sequence[Path]
) -> Generator[Event, None, None]:
    """Write it for finished files; more: those of the whole shot, movie and sound. Raises OSError."""
    paths: dict[Path, int | None] = {path: frame.frame for frame in frames for path in frame.files.values()}
    paths |= dict.fromkeys(more)
    yield Started(f"Publishing {len(paths)} files", len(paths))
    pace, files = Pace(len(paths)), []
    for path, frame in paths.items():
        name = path.relative_to(job.out).as_posix()
        files.append({"file": name, "sha256": sha256_of_file(path), "bytes": path.stat().st_size, "frame": frame})
        yield pace.at(pace.done + 1, name)
    with atomic_write(publish_path(job)) as temporary:
        temporary.write_text(
            to_pretty_json(_described(job, bake, further, frames) | {"files": files}), encoding="utf-8"
        )


def _described(job: Render, bake: BakeReader, further: Sequence[BakeReader], frames: Sequence[FrameFiles]) -> dict:
    card, numbers = bake.card, [frame.frame for frame in frames]
    camera = frames[0].camera
    return {
        "format": "talksplat-publish",
        "version": 1,
        "talksplat": talksplat_version(),
        "shot": Path(job.bake).stem,
        "shot_key": card.shot,
        "frames": format_frames(numbers),
        "frame_start": numbers[0],
        "frame_end": numbers[-1],
        "fps": card.fps,
        "width": camera.width,
        "height": camera.height,
        "head": {"name": Path(card.head).stem, "content_hash": card.head_hash, "blend": card.blend},
        "further_heads": [
            {"name": Path(other.card.head).stem, "content_hash": other.card.head_hash, "shot_key": other.card.shot}
            for other in further
        ],
        "sound": {
            "files": [Path(p).name for p in (card.audio, *card.more_audio) if p],
            "content_hash": card.audio_hash,
        },
        "sound_offset": card.offset,
        "words": {"files": [Path(p).name for p in card.words if p], "content_hash": card.words_hash},
        "controls": card.controls,
        "pose_change": card.pose_change,
        "supersampling": job.supersampling,
        "pixel_filter": {"name": job.pixel_filter, "width": job.filter_width},
        "motion_blur": _described_blur(job) if job.motion_blur else None,
        "exr": _described_exr(job) if job.exr else None,
        "png_colour_space": "srgb_rec709_display" if job.png and not job.view else None,
        "view": _described_view(job) if job.view else None,
    }


def _described_blur(job: Render) -> dict:
    return {
        "shutter": job.shutter,
        "position": job.shutter_position,
        "curve": job.shutter_curve,
        "samples": job.motion_samples,
    }


def _described_exr(job: Render) -> dict:
    return {
        "colour_space": job.space,
        "layout": job.exr_layout,
        "passes": job.passes,
        "compression": job.exr_compression,
        "full_float": job.full_float,
    }


def _described_view(job: Render) -> dict:
    return {"ocio": Path(job.ocio).name, "display": job.display, "view": job.view, "exposure": job.exposure}

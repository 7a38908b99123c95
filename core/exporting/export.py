# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Export` job: each frame of a bake as a file, NAME.0001.ply. Knows no file format.

A file depends on the bake, its frame, the format and the axes only and is written atomically; the manifest next to the
files (NAME.exported.txt) says which are finished, so a second run continues and writes only what has changed.
numpy and the standard library only: Blender can run it in its own process.
"""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from ..formats import (
    BakeReader,
    FileManifest,
    Gaussians,
    UserError,
    content_key,
    frame_number,
    locked_folder,
    select_frames,
)
from ..jobs import Event, Export, Finished, Pace, Started
from .exporters import EXPORTERS, Exporter

FILE_VERSION = 1  # raise it when the same bake gives other files than before


def export(job: Export) -> Generator[Event, None, None]:
    """Write the files that are not finished yet. Closing the generator keeps the finished ones.

    Raises UserError, also while another run writes to the folder.
    """
    exporter, axes = _exporter_of(job)
    folder, name = Path(job.out), _file_name(job)
    with BakeReader.open(job.bake) as bake:
        frames = select_frames(bake, job.first, job.last, job.frames)
        files = {frame: folder / f"{name}.{frame_number(frame)}{exporter.suffix}" for frame in frames}
        keys = {frame: content_key(FILE_VERSION, bake.card.shot, frame, job.format, axes) for frame in frames}
        with locked_folder(folder):
            manifest = FileManifest(folder / f"{name}.exported.txt")
            missing = [frame for frame in frames if not manifest.is_finished(files[frame], keys[frame])]
            pace = Pace(len(frames), len(frames) - len(missing))
            yield Started(f"Exporting {len(frames)} frames of {bake.card.name}", len(frames))
            yield pace.at(pace.done)
            for frame in missing:
                exporter.write_frame(files[frame], _gaussians_at(bake, frame), axes, bake.card.colour_space)
                manifest.add(files[frame], keys[frame])
                yield pace.at(pace.done + 1, f"frame {frame}")
    yield Finished({"out": str(folder.absolute()), "frames": len(frames), "new": len(missing)})


def _exporter_of(job: Export) -> tuple[Exporter, str]:
    """The job's exporter and its axes. Raises UserError."""
    exporter = EXPORTERS.get(job.format)
    if exporter is None:
        raise UserError(f"format {job.format!r} is unknown; use one of {', '.join(EXPORTERS)}.")
    axes = job.axes or exporter.default_axes
    if axes not in exporter.axes:
        raise UserError(f"axes {axes!r} are unknown to {job.format}; use one of {', '.join(exporter.axes)}.")
    return exporter, axes


def _file_name(job: Export) -> str:
    """NAME of the files. Raises UserError for a name that would leave the folder."""
    name = job.name or Path(job.bake).stem
    if Path(name).name != name or "\\" in name:
        raise UserError(f"name {name!r} is not a file name; leave out folders.")
    return name


def _gaussians_at(bake: BakeReader, frame: int) -> Gaussians:
    means, quats, scales = bake.frame(frame)
    return replace(bake.canonical, means=means, quats=quats, scales=scales)

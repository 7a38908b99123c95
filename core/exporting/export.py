# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Export` job: a shot as files for other programs, NAME.0001.ply or NAME.usdc. Knows no file format.

A file depends on the bakes, its frames, the format and the axes only and is written atomically; the manifest next to
the files (NAME.exported.txt) says which are finished, so a second run continues and writes only what has changed.
numpy and the standard library only (a format may need more): Blender can run it in its own process.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..formats import (
    BakeReader,
    FileManifest,
    UserError,
    content_key,
    frame_number,
    locked_folder,
)
from ..jobs import Event, Export, Finished, Pace, Progress, Started, Warned, files_name
from .exported_shot import ExportedShot, opened_shot
from .exporters import EXPORTERS
from .shot_file import ShotFile

FILE_VERSION = 1  # raise it when the same bake gives other files than before
LINEAR = (
    "its head is trained for blending in linear light, as Blender 5.3 does; programs that blend sRGB codes show its "
    "soft edges a little too dark."
)


def export(job: Export) -> Generator[Event, None, None]:
    """Write the files that are not finished yet. Closing the generator keeps the finished ones.

    Raises UserError, also while another run writes to the folder.
    """
    axes = _axes_of(job)
    folder, name = Path(job.out), files_name(job.name, job.bake)
    with opened_shot(job) as shot:
        files, warnings = _files(job.format, axes, shot, folder / name)
        with locked_folder(folder):
            manifest = FileManifest(folder / f"{name}.exported.txt")
            keys = {file.path: content_key(FILE_VERSION, *file.content) for file in files}
            missing = [file for file in files if not manifest.is_finished(file.path, keys[file.path])]
            frames, steps = max(len(head.frames) for head in shot.heads), sum(file.frames for file in files)
            yield Started(f"Exporting {frames} frames of {' and '.join(head.name for head in shot.heads)}", steps)
            linear = [f"{head.bake.path}: {LINEAR}" for head in shot.heads if head.bake.card.blend == "linear"]
            yield from map(Warned, [*warnings, *linear])
            pace = Pace(steps, steps - sum(file.frames for file in missing))
            yield pace.at(pace.done)
            for file in missing:
                yield from _written(file, manifest, keys[file.path], pace)
    yield Finished({"out": str(folder.absolute()), "frames": frames, "new": len(missing)})


def _written(file: ShotFile, manifest: FileManifest, key: str, pace: Pace) -> Iterator[Progress]:
    """Write one file; its last step is done when the manifest knows it."""
    note = ""
    for frame in file.write():
        if note:
            yield pace.at(pace.done + 1, note)
        note = f"frame {frame}"
    manifest.add(file.path, key)
    if note:
        yield pace.at(pace.done + 1, note)


def _axes_of(job: Export) -> str:
    """The axes to write in. Raises UserError."""
    exporter = EXPORTERS.get(job.format)
    if exporter is None:
        raise UserError(f"format {job.format!r} is unknown; use one of {', '.join(EXPORTERS)}.")
    axes = job.axes or exporter.default_axes
    if axes not in exporter.axes:
        raise UserError(f"axes {axes!r} are unknown to {job.format}; use one of {', '.join(exporter.axes)}.")
    return axes


def _files(kind: str, axes: str, shot: ExportedShot, stem: Path) -> tuple[list[ShotFile], list[str]]:
    """What is to be written for the shot, and a sentence for each thing that it cannot hold."""
    exporter = EXPORTERS[kind]
    if exporter.plan_shot is not None:
        return exporter.plan_shot(shot, stem.with_name(stem.name + exporter.suffix))
    head, *others = shot.heads
    if others:
        raise UserError(f"{exporter.label} files hold one head; export {others[0].bake.path} by itself.")
    bake, files = head.bake, []
    for frame in head.frames:
        path = stem.with_name(f"{stem.name}.{frame_number(frame)}{exporter.suffix}")
        content = bake.card.shot, frame, kind, axes
        files.append(ShotFile(path, content, 1, partial(_write_frame, kind, axes, bake, frame, path)))
    return files, []


def _write_frame(kind: str, axes: str, bake: BakeReader, frame: int, path: Path) -> Iterator[int]:
    means, quats, scales = bake.frame(frame)
    gaussians = replace(bake.canonical, means=means, quats=quats, scales=scales)
    write = EXPORTERS[kind].write_frame
    assert write is not None, "the format has a planner of its own"
    write(path, gaussians, axes, bake.card.colour_space, bake.card.blend)
    yield frame

# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot as a file that any machine can do: what to bake and render, and beside it head, sounds and words.

    FOLDER/NAME.job.json    the two jobs, and the sha256 of every file that they need: head, sounds, words
    FOLDER/files/           those files, each once, its hash in its name
    FOLDER/NAME/            where the bake and the pictures come

All paths in it lead from its own folder to what is inside of it, so that the folder works wherever it is copied to, and
a job file from anybody reads and writes nothing else.
"""

import shutil
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from ..formats import (
    UserError,
    atomic_write,
    content_key,
    from_json,
    from_json_values,
    open_untrusted,
    require_version,
    sha256_of_file,
    to_pretty_json,
)
from .name_tokens import existing_versions, has_version, numbered_file, numbered_files, with_version
from .outputs import files_name
from .shot_messages import Bake, Render
from .talksplat_version import talksplat_version

JOB_FORMAT = "talksplat-job"
JOB_VERSION = 1
SUFFIX = ".job.json"
MOST_BYTES = 256 << 20  # a camera and controls a frame for half an hour are about 20 MB
T = TypeVar("T", Bake, Render)
# The fields that name files which a job needs; those of `reuse` and of outputs are named where they are handled.
BAKE_FILES, BAKE_LISTS = ("head", "audio", "words"), ("more_audio", "more_words")
RENDER_LISTS = ("sounds", "more_bakes")


@dataclass(frozen=True)
class JobFile:
    """What a job file says; its paths as the two jobs of this machine have them."""

    bake: Bake
    render: Render  # of that bake; its `out` may name another folder
    files: dict[str, str] = field(default_factory=dict)  # each file that they need -> its sha256
    talksplat: str = ""  # which version wrote it
    format: str = JOB_FORMAT
    version: int = JOB_VERSION


def write_job_file(folder: Path | str, name: str, bake: Bake, render: Render) -> Path:
    """Write FOLDER/NAME.job.json and copy what it needs beside it; the same shot gives the same bytes. `out` of both
    jobs and `render.bake` are set. A v### in the name is the newest version where that is of this very shot, else the
    next: no job file is overwritten; one in `render.name` is the same. Raises UserError, OSError."""
    folder = Path(folder)
    copied: dict[str, str] = {}
    hashes: dict[str, str] = {}

    def take(path: str) -> str:
        if path and path not in copied:
            copied[path], digest = _copy(path, folder)
            hashes[copied[path]] = digest
        return copied.get(path, "")

    bake = _each_path(replace(bake, reuse="", frames=""), take, BAKE_FILES, BAKE_LISTS)
    render = _each_path(render, take, ("audio",), RENDER_LISTS)
    _check_ocio(render.ocio, name)
    if render.holdout:
        span = range(bake.frame_start, bake.frame_start + bake.frame_count) if bake.frame_count > 0 else None
        pattern, digests = _copy_sequence(render.holdout, folder, span)
        render, hashes = replace(render, holdout=pattern), hashes | digests
    files = dict(sorted(hashes.items()))

    def in_version(number: int) -> tuple[Path, str]:
        numbered = with_version(name, number)
        out = PurePosixPath(files_name(numbered, ""))
        baked = replace(bake, out=str(out / f"{numbered}.bake"))
        rendered = replace(render, bake=baked.out, out=str(out), name=with_version(render.name, number))
        return folder / f"{numbered}{SUFFIX}", to_pretty_json(JobFile(baked, rendered, files, talksplat_version()))

    newest = max(existing_versions(str(folder / f"{name}{SUFFIX}")), default=0) if has_version(name) else 0
    path, text = in_version(max(newest, 1))
    if newest and not _holds(path, text):
        path, text = in_version(newest + 1)
    if not _holds(path, text):
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def read_job_file(path: Path | str, with_files: bool = True) -> JobFile:
    """With absolute paths. with_files: look at the files that it needs, too. Raises UserError for what is no job file,
    for a path that leads out of its folder, and where a file that it needs is missing or has changed."""
    with open_untrusted(path) as (file, size):
        if size > MOST_BYTES:
            raise UserError(f"{path}: is {size >> 20} MB long and no job file; export the job again.")
        values = from_json(file.read(size), str(path))
    if not isinstance(values, dict) or values.get("format") != JOB_FORMAT:
        raise UserError(f"{path}: is no job file; export it with Export Jobs.")
    require_version(values, JOB_VERSION, path)
    if isinstance(values.get("bake"), dict):
        values["bake"] = _shell_defaults(Bake) | values["bake"]
    job = from_json_values(JobFile, values, str(path))
    folder = Path(path).absolute().parent

    def found(stored: str) -> str:
        return str(folder / _inside(stored, path)) if stored else ""

    for stored, digest in job.files.items() if with_files else ():
        _check_hash(found(stored), digest)
    _check_ocio(job.render.ocio, path)
    bake = _each_path(job.bake, found, (*BAKE_FILES, "out", "reuse"), BAKE_LISTS)
    render = _each_path(job.render, found, ("audio", "bake", "out", "holdout"), RENDER_LISTS)
    return replace(job, bake=bake, render=render)


def _shell_defaults(message: type) -> dict[str, str]:
    """Of the fields that only a shell may leave out, and a job file as well."""
    return {f.name: f.metadata["shell_default"] for f in fields(message) if "shell_default" in f.metadata}


def _each_path(job: T, change, texts: tuple[str, ...], lists: tuple[str, ...]) -> T:
    changes = {name: change(getattr(job, name)) for name in texts}
    return replace(job, **changes, **{name: tuple(map(change, getattr(job, name))) for name in lists})


def _inside(stored: str, source: Path | str) -> PurePosixPath:
    path = PurePosixPath(stored)
    if path.is_absolute() or ".." in path.parts or "\\" in stored or ":" in stored or "\0" in stored:
        raise UserError(f"{source}: names {stored[:80]!r}, which is not in its own folder; export the job again.")
    return path


def _copy(path: str, folder: Path) -> tuple[str, str]:
    """(path from the folder on, sha256) of the copy in `folder`. Raises UserError."""
    digest, source = sha256_of_file(path), Path(path)
    place = f"files/{source.stem}-{digest[:12]}{source.suffix}"
    target = folder / place
    if not (target.is_file() and target.stat().st_size == source.stat().st_size):
        with atomic_write(target) as temporary:
            shutil.copyfile(source, temporary)
    return place, digest


def _check_ocio(config: str, source: Path | str) -> None:
    """A configuration reads files of its own from anywhere. Raises UserError for one that is not built in."""
    if config and not config.startswith("ocio://"):
        raise UserError(
            f"{source}: the OpenColorIO configuration {config[:80]!r} is not in its own folder; leave it out and set "
            "OCIO on the machines, or name one that is built in (ocio://default)."
        )


def _copy_sequence(pattern: str, folder: Path, span: range | None) -> tuple[str, dict[str, str]]:
    """(pattern from the folder on, place -> sha256 of each copy in `folder`), of the frames in `span` or of all. Raises
    UserError."""
    files = {n: path for n, path in numbered_files(pattern).items() if span is None or n in span}
    if not files:
        raise UserError(f"{pattern}: there are no such files; render the depth first.")
    digests = {frame: sha256_of_file(path) for frame, path in files.items()}
    name = f"files/holdout-{content_key(*digests.values())[:12]}.####.exr"
    places = {}
    for frame, path in files.items():
        target = numbered_file(str(folder / name), frame)
        if not (target.is_file() and target.stat().st_size == path.stat().st_size):
            with atomic_write(target) as temporary:
                shutil.copyfile(path, temporary)
        places[f"files/{target.name}"] = digests[frame]
    return name, places


def _check_hash(path: str, digest: str) -> None:
    if sha256_of_file(path) != digest:
        raise UserError(
            f"{path}: is not the file that the job was exported with; copy it again or export the job again."
        )

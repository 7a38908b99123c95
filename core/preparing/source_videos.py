# SPDX-License-Identifier: GPL-3.0-or-later
"""The video files that a job names, one by one or as folders, and the names of their clips. It opens none of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..formats import UserError

SUFFIXES = frozenset(
    (".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .qt .ts .vob .webm .wmv .y4m").split()
)
MAX_NAME_LENGTH = 90  # characters; the spans of a long video get a number added


@dataclass(frozen=True)
class SourceVideo:
    """A video file and the name its clips will have."""

    name: str
    path: Path
    size: int  # bytes
    modified: int  # nanoseconds: the file's time of modification


def find_source_videos(videos: Sequence[str]) -> list[SourceVideo]:
    """Every video of these files and folders, sorted by name.

    Raises UserError for a path that does not exist, a folder without videos, and two videos of one name.
    """
    if not videos:
        raise UserError("No video was named; name the video files, or folders that hold them.")
    paths: dict[Path, None] = {}  # in order, without duplicates
    for video in videos:
        paths |= dict.fromkeys(_video_files(Path(video)))
    by_name: dict[str, SourceVideo] = {}  # by lower-case name: some file systems ignore case
    for path in paths:
        name, status = clip_name(path.stem), path.stat()
        if other := by_name.get(name.lower()):
            raise UserError(f"{path} and {other.path} would both become the clip {name!r}; rename one of them.")
        by_name[name.lower()] = SourceVideo(name, path, status.st_size, status.st_mtime_ns)
    return sorted(by_name.values(), key=lambda source: source.name)


def _video_files(path: Path) -> list[Path]:
    """The file itself, or the videos in the folder."""
    if path.is_file():
        return [path.resolve()]
    if not path.is_dir():
        raise UserError(f"{path}: no such file; check the path.")
    inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    if not inside:
        raise UserError(f"{path} holds no video files ({' '.join(sorted(SUFFIXES))}); choose another folder.")
    return [p.resolve() for p in inside]


def clip_name(stem: str) -> str:
    """A name that every file system accepts and that footage.json allows."""
    ascii_name = re.sub(r"[^A-Za-z0-9_.\-]", "_", stem)[:MAX_NAME_LENGTH]
    return ascii_name if ascii_name[:1].isalnum() else f"clip{ascii_name}"

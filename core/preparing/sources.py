# SPDX-License-Identifier: GPL-3.0-or-later
"""The videos that were named, as clips: files, or folders of them. It opens none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..formats import UserError

SUFFIXES = frozenset(
    (".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .qt .ts .vob .webm .wmv .y4m").split()
)
LONGEST = 90  # characters of a name; a number is added to the spans of a long video


@dataclass(frozen=True)
class Source:
    """A video file and the name its clips will have."""

    name: str
    path: Path
    size: int  # bytes
    changed: int  # nanoseconds: the file's time of change


def sources_of(videos: Sequence[str]) -> list[Source]:
    """Every video, sorted by name. Raises UserError for what is not there, holds no video, or shares its name."""
    if not videos:
        raise UserError("No video was named; name the video files, or folders that hold them.")
    paths: dict[Path, None] = {}
    for word in videos:
        path = Path(word)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise UserError(f"{path} holds no video files ({' '.join(sorted(SUFFIXES))}); choose another folder.")
            paths |= dict.fromkeys(p.resolve() for p in inside)
        elif path.is_file():
            paths[path.resolve()] = None
        else:
            raise UserError(f"{path}: no such file; check the path.")
    taken: dict[str, Path] = {}
    found = []
    for path in paths:
        name = clip_name(path.stem)
        if other := taken.get(name.lower()):
            raise UserError(f"{path} and {other} would both become the clip {name!r}; rename one of them.")
        taken[name.lower()] = path
        facts = path.stat()
        found.append(Source(name, path, facts.st_size, facts.st_mtime_ns))
    return sorted(found, key=lambda source: source.name)


def clip_name(stem: str) -> str:
    """A name that every file system takes and that footage.json allows."""
    plain = re.sub(r"[^A-Za-z0-9_.\-]", "_", stem)[:LONGEST]
    return plain if plain[:1].isalnum() else f"clip{plain}"

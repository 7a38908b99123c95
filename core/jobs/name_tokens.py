# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of a shot's files as studios write them, `{shot}_{head}_v###.####`: tokens, versions and the frame's number.

`v###` and `{version}` are the version (v001), `####` and `{frame}` the frame's number (0001), which comes last in a
name. Knows no job.
"""

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..formats import UserError

# Token -> what takes its place; of a job that is made in Blender.
TOKENS = {
    "shot": "the name of the .blend, or of the bake",
    "scene": "the scene's name",
    "head": "the head's name",
    "camera": "the name of the scene's camera",
    "view_layer": "the name of the view layer",
    "version": "v001, v002 …: a version is never overwritten",
    "frame": "the frame's number, 0001; it comes last in a name",
}
HASHES = {"version": "v###", "frame": "####"}  # filled in later, when it is known what is there
TOKEN = re.compile(r"\{([^{}]*)\}")
VERSION = re.compile(r"(?<![A-Za-z])v(#{2,})|\{version\}")
FRAME = re.compile(r"(?P<separator>[._-]?)(?<![v#])(?P<hashes>#{2,})")
NUMBER = re.compile(r"#+")
DIGITS = 3  # of a version that does not say how many


def fill_tokens(template: str, values: Mapping[str, str]) -> str:
    """`template` with the values of its tokens; version and frame become `v###` and `####`.

    Raises UserError for an unknown token, one without a value, and a value that is no file name.
    """

    def value_of(match: re.Match[str]) -> str:
        token = match[1]
        if token not in TOKENS:
            raise UserError(f"{template}: the token {{{token[:40]}}} is unknown; use {listed_tokens()}.")
        value = HASHES.get(token, values.get(token, ""))
        if not value:
            raise UserError(f"{template}: the token {{{token}}} has no value here; leave it out, or give one.")
        if Path(value).name != value or "\\" in value or value == "..":
            raise UserError(f"{template}: the {token} {value[:60]!r} is no file name; leave out folders.")
        return value

    return TOKEN.sub(value_of, template)


def fill_path(path: str, values: Mapping[str, str]) -> str:
    """`fill_tokens` of a folder's path; what is there already keeps its name, whatever signs are in it."""
    there, rest = Path(path), []
    while not there.exists() and there != there.parent:
        there, rest = there.parent, [there.name, *rest]
    return str(there.joinpath(*(fill_tokens(part, values) for part in rest)))


def listed_tokens() -> str:
    """All tokens, as a sentence names them."""
    return ", ".join(f"{{{token}}}" for token in TOKENS)


def has_version(text: str) -> bool:
    """Whether the version is still to be filled in."""
    return VERSION.search(text) is not None


def with_suffix(name: str, suffix: str) -> str:
    """A sequence's name with a suffix before the frame's number, as Blender names the eyes of a stereo pair."""
    match = FRAME.search(name)
    at = match.start() if match else len(name)
    return name[:at] + suffix + name[at:]


def numbered_file(pattern: str, frame: int) -> Path:
    """A frame's file of a sequence of other people's: `####` in its name is the number, at least so many digits. Raises
    UserError for a name without one, or with several."""
    name = Path(pattern).name
    if len(NUMBER.findall(name)) != 1:
        raise UserError(f"{pattern}: has no frame number; write it as NAME.####.exr.")
    sign = "-" if frame < 0 else ""
    return Path(pattern).parent / NUMBER.sub(lambda match: f"{sign}{abs(frame):0{len(match[0])}d}", name)


def numbered_files(pattern: str) -> dict[int, Path]:
    """Frame -> file, of all that are there. Raises UserError as `numbered_file`."""
    place = Path(pattern)
    numbered_file(pattern, 0)
    before, after = (re.escape(part) for part in NUMBER.split(place.name))
    found = {path: re.fullmatch(rf"{before}(-?\d+){after}", path.name) for path in place.parent.glob("*")}
    files = {int(match[1]): path for path, match in found.items() if match}
    return {frame: path for frame, path in sorted(files.items()) if numbered_file(pattern, frame) == path}


def folder_of_versions(path: str) -> str:
    """The folder in which all versions of `path` are; a path without a version stays."""
    match = VERSION.search(path)
    return path[: max(path.rfind("/", 0, match.start()), path.rfind("\\", 0, match.start())) + 1] if match else path


def with_version(text: str, number: int) -> str:
    """`text` with version `number` in every place for it."""
    return VERSION.sub(lambda match: f"v{number:0{_digits(match)}d}", text)


def existing_versions(path: str, is_beginning: bool = False) -> dict[int, str]:
    """Number -> path, of what is there with a number in place of the version; one that stands in two places is the same
    in both. is_beginning: the names may go on after `path`."""
    places, texts, at = list(VERSION.finditer(path)), [], 0
    for match in places:
        texts.append(path[at : match.start()])
        at = match.end()
    first, *rest = [*texts, path[at:]]
    digits = _digits(places[0]) if places else DIGITS
    pattern = re.escape(first) + rf"v(?P<number>\d{{{digits},}})" + r"v(?P=number)".join(map(re.escape, rest))
    pattern += r"(\D.*)?" if is_beginning else ""
    found = glob.glob("v[0-9]*".join(map(glob.escape, [first, *rest])) + "*" * is_beginning)
    matches = (re.fullmatch(pattern, name) for name in found)
    return {int(match["number"]): match[0] for match in matches if match}


def _digits(match: re.Match[str]) -> int:
    return len(match[1]) if match[1] else DIGITS


@dataclass(frozen=True)
class SequenceName:
    """How the files of one image sequence are called."""

    stem: str  # of what belongs to the whole sequence: its movie, its manifest
    separator: str = "."  # before the frame's number
    digits: int = 4  # of the number, at least

    @staticmethod
    def of(name: str) -> "SequenceName":
        """NAME, NAME.#### or NAME_####, also with the ending of a picture behind it, which each file has by itself.
        Raises UserError where the frame's number is not the last."""
        match = FRAME.search(name)
        if match is None:
            return SequenceName(name)
        if not re.fullmatch(r"(\.(exr|png))?", name[match.end() :], re.IGNORECASE) or not match.start():
            raise UserError(f"name {name}: the frame's number comes last, after a name; write it as NAME.####.")
        return SequenceName(name[: match.start()], match["separator"], len(match["hashes"]))

    def file(self, frame: int, suffix: str, infix: str = "") -> str:
        """NAME.0001.exr; -0001 before the shot's frame 0. infix: behind NAME."""
        number = f"{'-' if frame < 0 else ''}{abs(frame):0{self.digits}d}"
        return f"{self.stem}{infix}{self.separator}{number}{suffix}"

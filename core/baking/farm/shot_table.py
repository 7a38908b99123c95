# SPDX-License-Identifier: GPL-3.0-or-later
"""Many shots: a folder of job files as Blender exports them, or a table with a row a shot, for studios without Blender.

    shot, head, audio, fps, frame_count, size, passes, name …

The columns are the options of `talksplat bake` and `talksplat render`, `shot` is what the shot is called,
`controls.NAME` a slider. What a row leaves empty has its default. All rows are looked at before anything is made of the
first.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import get_type_hints

from ...formats import UserError, open_untrusted
from ...jobs import Bake, Render, files_name, fill_tokens, write_job_file
from ...performance import CONTROLS, Controls

SUFFIX = ".job.json"
MOST_BYTES = 64 << 20  # a hundred thousand rows
WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Columns that say something else, or that the jobs settle themselves.
LEFT_OUT = {"out", "bake", "reuse", "frames", "first", "last", "version", "more_bakes", "places", "head_names"}
PATHS = ("head", "audio", "words")


@dataclass(frozen=True)
class ShotRow:
    """A row of a table."""

    shot: str
    bake: Bake
    render: Render

    @property
    def name(self) -> str:
        """Of its job file, whose version is still to be found out."""
        return fill_tokens("{shot}_{head}_v###", {"shot": self.shot, "head": Path(self.bake.head).stem})


def find_job_files(shots: str) -> list[Path]:
    """The job files of a folder, or the one that is named. Raises UserError."""
    path = Path(shots)
    if path.is_file():
        return [path]
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else []
    if not files:
        raise UserError(
            f"{shots}: holds no job files (*{SUFFIX}); export them with Export Jobs, or give a table (.csv)."
        )
    return files


def read_table(path: Path) -> list[ShotRow]:
    """Raises UserError for the first row that cannot be, with its line."""
    with open_untrusted(path) as (file, size):
        if size > MOST_BYTES:
            raise UserError(f"{path}: is {size >> 20} MB long and no table of shots; divide it.")
        try:
            text = file.read(size).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: is not UTF-8 text; save the table as CSV UTF-8.") from error
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)  # of spreadsheets: a comma's in English, a semicolon elsewhere
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        _check_columns(path, columns)
        rows = [_row(path, reader.line_num, values) for values in reader if any(filter(None, values.values()))]
    except csv.Error as error:
        raise UserError(
            f"{path}: line {reader.line_num} is no row of a table ({error}); save it as CSV again."
        ) from error
    if not rows:
        raise UserError(f"{path}: holds no shots; write one in each row below the names of the columns.")
    return rows


def _check_columns(path: Path, columns: list[str]) -> None:
    known = {"shot", *READERS, *(f"controls.{name}" for name in CONTROLS)}
    for name in columns:
        if name not in known:
            raise UserError(
                f"{path}: the column {name[:40]!r} is unknown; use shot, the options of bake and render with _ for -, "
                "or controls.NAME."
            )
    for name in ("shot", "head"):
        if name not in columns:
            raise UserError(f"{path}: has no column {name}; add one.")
    if len(set(columns)) < len(columns):
        raise UserError(f"{path}: has a column twice; leave one out.")


def _row(path: Path, line: int, values: dict) -> ShotRow:
    where = f"{path}: line {line}"
    if None in values:
        raise UserError(f"{where} has more values than there are columns; put a text with a comma in quotes.")
    given = {name: (value or "").strip() for name, value in values.items()}
    shot, given = given.pop("shot"), {name: value for name, value in given.items() if value}
    if not shot or Path(shot).name != shot or "\\" in shot:
        raise UserError(f"{where}: the shot {shot[:60]!r} is no file name; leave out folders.")
    read, sliders = {}, {}
    for name, text in given.items():
        kind = float if name.startswith("controls.") else READERS[name]
        try:
            value = kind(text)
        except (ValueError, KeyError):
            raise UserError(f"{where}: {name} {text[:60]!r} cannot be read; see --help of bake and render.") from None
        (sliders if name.startswith("controls.") else read)[name.removeprefix("controls.")] = value
    for name in PATHS:
        if name in read:
            read[name] = str((path.parent / read[name]).absolute())
            if not Path(read[name]).is_file():
                raise UserError(
                    f"{where}: there is no {name} {read[name]}; correct the path, which is seen from the table."
                )
    if "head" not in read:
        raise UserError(f"{where}: has no head; name its file.")
    bake = Bake("", "", "", **{k: v for k, v in read.items() if k in BAKE and k not in ("head", "audio")})
    bake = replace(bake, head=read["head"], audio=read.get("audio", ""), controls=replace(Controls(), **sliders))
    return ShotRow(shot, bake, Render("", "", **{k: v for k, v in read.items() if k in RENDER}))


def write_job_files(rows: list[ShotRow], folder: Path) -> list[Path]:
    """The job file of each row, that of an unchanged shot being its old one. Raises UserError, OSError."""
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{files_name(name, '')}: two rows are this shot with this head; give one another name.")
    folder.mkdir(parents=True, exist_ok=True)
    return [write_job_file(folder, row.name, row.bake, row.render) for row in rows]


def _readers(message: type) -> dict[str, Callable[[str], object]]:
    """Option -> what reads its text."""
    hints = get_type_hints(message)
    kinds: dict[object, Callable[[str], object]] = {
        str: str,
        int: int,
        float: float,
        bool: lambda text: WORDS[text.lower()],
        tuple[str, ...]: lambda text: tuple(text.split()),
    }
    options = (f.name for f in fields(message) if not f.metadata.get("hidden") and f.name not in LEFT_OUT)
    return {name: kinds[hints[name]] for name in options if hints[name] in kinds}


BAKE = _readers(Bake)
RENDER = {name: reader for name, reader in _readers(Render).items() if name not in BAKE}  # `audio` is the head's
READERS = BAKE | RENDER

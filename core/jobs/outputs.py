# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job may write over: nothing that it reads, and nothing that is not a file of the kind that it writes. An empty
path is none: as a `Path` it is the current folder.

Which fields name outputs is in their metadata (job_fields.py); `check_outputs` looks at them before a job begins. Knows
no job.
"""

import os
from dataclasses import fields
from pathlib import Path

from ..formats import BAKE_MAGIC, UserError

# Suffix -> (place, bytes) by which a file of the kind is known.
SIGNATURES = {
    ".bake": (0, BAKE_MAGIC),
    ".performance": (8, b"{"),  # safetensors
    ".head": (8, b"{"),
    ".json": (0, b"{"),
    ".csv": (0, b"frame,"),
    ".npz": (0, b"PK"),
    ".usdc": (0, b"PXR-USDC"),
    ".mp4": (4, b"ftyp"),
    ".png": (0, b"\x89PNG"),
    ".ply": (0, b"ply"),
    ".TextGrid": (0, b'File type = "ooTextFile"'),
}
FOLDER = ""  # in place of a suffix: the output is a folder


def writes(suffix: str) -> dict[str, str]:
    """Metadata of a field that names an output: a file with this suffix of SIGNATURES, or a FOLDER."""
    return {"output": suffix}


def files_name(name: str, source: str) -> str:
    """NAME of a sequence's files: `name`, or the stem of the file that it is made from. Raises UserError for a name
    that would leave the folder."""
    name = name or Path(source).stem
    if Path(name).name != name or "\\" in name:
        raise UserError(f"name {name!r} is not a file name; leave out folders.")
    return name


def check_outputs(job: object) -> None:
    """Raises UserError, in one sentence, where a job would write over its input or over a foreign file, or where a path
    that it needs is empty."""
    _check_given(job)
    inputs, outputs = [], []
    for field in fields(job):  # pyright: ignore[reportArgumentType]
        value = getattr(job, field.name)
        if "output" in field.metadata:
            outputs += [(Path(value), field.metadata["output"])] if value else []
        else:
            inputs += [value] if isinstance(value, str) else [v for v in _listed(value) if isinstance(v, str)]
    for index, (path, suffix) in enumerate(outputs):
        others = [str(other) for other, _ in outputs[:index]]
        for other in [name for name in (*inputs, *others) if name]:
            if _is_same(path, other):
                raise UserError(f"{path}: is read or written by the same job already; choose another name to write to.")
        _check_kind(path, suffix)


def _check_given(job: object) -> None:
    for field in fields(job):  # pyright: ignore[reportArgumentType]
        value = getattr(job, field.name)
        is_required = field.default is field.default_factory and "shell_default" not in field.metadata  # both MISSING
        if (is_required and value == "") or "" in _listed(value):
            raise UserError(f"The path of {field.name} is empty; give the path itself.")


def _listed(value: object) -> tuple:
    return value if isinstance(value, tuple) else ()


def _is_same(path: Path, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # one of them does not exist, or is no path (a rate, a name in a registry)
        return False


def _check_kind(path: Path, suffix: str) -> None:
    if suffix == FOLDER:
        if path.exists() and not path.is_dir():
            raise UserError(f"{path}: is a file, where a folder is to be written; choose another name.")
        return
    if path.is_dir():
        raise UserError(f"{path}: is a folder, where a {suffix} file is to be written; name a file in it.")
    if path.suffix.lower() not in ("", suffix.lower()):
        raise UserError(f"{path}: would become a {suffix} file; choose a name that ends in {suffix}.")
    if path.exists() and not _has_signature(path, suffix):
        raise UserError(f"{path}: is not a {suffix} file and is not replaced; choose another name or move it.")


def _has_signature(path: Path, suffix: str) -> bool:
    """Whether it is a file of this kind; an empty one holds nothing that could be lost."""
    if not path.is_file():
        return False
    place, signature = SIGNATURES[suffix]
    with open(path, "rb") as file:
        start = file.read(place + len(signature))
    return not start or start[place:] == signature

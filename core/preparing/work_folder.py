# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder `work` in the footage's: made only in an empty folder, and recognised by a marker file."""

from pathlib import Path

from ..formats import UserError, atomic_write

MARKER = "prepare.json"
FOOTAGE_FOLDERS = {"image": "png", "label": "png", "depth": "png", "audio": "wav", "tracks": "npz"}  # and suffixes


def open_work_folder(out: Path) -> Path:
    """`out`/work, made where it is missing, with the footage's own folders. Raises UserError for a folder that holds
    anything else."""
    work = out / "work"
    if not (work / MARKER).is_file():
        if out.exists() and not (out.is_dir() and all(_is_left_by_a_kill(path, work) for path in out.rglob("*"))):
            raise UserError(f"{out} is neither an empty folder nor one that `prepare` made; choose another --out.")
        with atomic_write(work / MARKER) as temporary:
            temporary.write_text('{"format": "talksplat prepare"}\n', encoding="utf-8")
    for folder in FOOTAGE_FOLDERS:
        (out / folder).mkdir(exist_ok=True)
    return work


def _is_left_by_a_kill(path: Path, work: Path) -> bool:
    """Whether this is what a kill before the marker file leaves."""
    return path == work or (path.parent == work and path.name.startswith(f".{Path(MARKER).stem}."))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of other programs that heads are made of. A new one: a file with a reader, and a row here;
docs/importing.md tells what becomes of it.

A reader that needs a large library imports it inside of its function: Blender imports this table.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..formats import UserError
from .gaussian_talker import NETWORKS, read_gaussian_talker
from .gaussian_talker import SPLATS as TALKER_SPLATS
from .imported import Imported
from .ksplat import read_ksplat
from .lam_avatar import MESH, SPLATS, read_lam_avatar
from .ply import read_ply_head
from .sog import META, PICTURE, read_sog
from .splat_file import read_splat
from .spz import read_spz
from .torch_checkpoint import read_checkpoint
from .usd_splats import read_usd


class HeadReader(Protocol):
    """Reads a file, or a folder where the importer has one.

    axes: those of the file, one of AXES; empty: as it says, or as its program writes them. A format that prescribes its
    axes leaves them out. Raises UserError.
    """

    def __call__(self, path: Path, axes: str, /) -> Imported: ...


@dataclass(frozen=True)
class Importer:
    """One kind of file that a head can be made of."""

    label: str  # in what is said of a folder that is none
    suffixes: tuple[str, ...]  # of its files, with their dots, lower case
    read: HeadReader
    folder: tuple[str, ...] = ()  # the files that a folder of it has; none: it is no folder
    needs_usd: bool = False  # Pixar's library, which Blender has


# Which file a head comes from -> its importer.
IMPORTERS: dict[str, Importer] = {
    "ply": Importer("3DGS PLY", (".ply",), read_ply_head),
    "spz": Importer("SPZ", (".spz",), read_spz),
    "splat": Importer(".splat", (".splat",), read_splat),
    "ksplat": Importer(".ksplat", (".ksplat",), read_ksplat),
    "sog": Importer("SOG", (".sog",), read_sog, (META, PICTURE)),
    "usd": Importer("USD", (".usd", ".usda", ".usdc", ".usdz"), read_usd, needs_usd=True),
    "lam": Importer("LAM avatar", (".zip",), read_lam_avatar, (SPLATS, MESH)),
    "checkpoint": Importer("TalkingGaussian checkpoint", (".pth",), read_checkpoint),
    "gaussian_talker": Importer("GaussianTalker folder", (), read_gaussian_talker, (TALKER_SPLATS, NETWORKS)),
}


def importer_of(path: Path) -> Importer:
    """By the name of a file, or by what is in a folder. Raises UserError for neither."""
    if path.is_dir():
        for importer in IMPORTERS.values():
            if importer.folder and all((path / name).is_file() for name in importer.folder):
                return importer
        known = "; ".join(f"{row.label}: {' and '.join(row.folder)}" for row in IMPORTERS.values() if row.folder)
        raise UserError(f"{path}: holds no head that talksplat knows ({known}); choose a file.")
    for importer in IMPORTERS.values():
        if path.suffix.lower() in importer.suffixes:
            return importer
    known = ", ".join(suffix for row in IMPORTERS.values() for suffix in row.suffixes)
    raise UserError(f"{path}: is none of the files that a head can be made of ({known}); export one of them.")

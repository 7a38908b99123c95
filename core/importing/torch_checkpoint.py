# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint (`.pth`) of another program's training; its layout says of which program."""

from pathlib import Path

from ..formats import UserError
from .gaussian_talker import is_gaussian_talker, read_gaussian_talker
from .imported import Imported
from .talking_gaussian import is_talking_gaussian, read_talking_gaussian
from .torch_archive import open_torch_archive


def read_checkpoint(path: Path, _axes: str = "") -> Imported:
    """Raises UserError; nothing in the file is executed (plain_pickle.py)."""
    with open_torch_archive(path) as archive:
        if is_talking_gaussian(archive.values):
            return read_talking_gaussian(archive, path)
        if is_gaussian_talker(archive.values):
            return read_gaussian_talker(path)
    raise UserError(f"{path}: is no checkpoint of TalkingGaussian or GaussianTalker; export its Gaussians as 3DGS PLY.")

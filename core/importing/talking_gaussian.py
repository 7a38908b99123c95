# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of TalkingGaussian (ECCV 2024) and of InsTaG, which descends from it: the head at rest, face and inside
of the mouth each a branch.

Layout, from the authors' papers and from what torch.save makes of it; their code, which is for research only, is not
ours: `chkpnt_fuse_latest.pth` holds (face, face's networks, mouth, mouth's networks), `chkpnt_face_latest.pth` (face,
its networks, optimiser, step). Face and mouth are tuples: SH degree, positions [N,3], f_dc [N,1,3], f_rest [N,K,3],
identity [N,1], scales [N,3], quaternions w,x,y,z [N,4], opacities [N,1], then what training alone needs. Scales become
sigma by a softplus, not by exp as in 3DGS. Space: the face model's, Y up, looking along +Z, metres.

The networks stay behind: what they hear are features of DeepSpeech, HuBERT or AVE, which talksplat does not compute.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ..formats import RUB_TO_BLENDER, Gaussians, UserError, rotate_gaussians
from .imported import NO_NETWORKS, Imported, nonzero_scales
from .torch_archive import TorchArchive

POSITIONS, F_DC, F_REST, SCALES, QUATS, OPACITIES = 1, 2, 3, 5, 6, 7
CAPTURE = 13  # entries of a branch's tuple
OUTPUTS = "sigma_net.net."  # of a motion network, whose last layer says of which branch it is
MOUTH_OUTPUTS = (3, 7)  # numbers that a mouth's network gives (TalkingGaussian's, InsTaG's); a face's gives 11


def is_talking_gaussian(values: Any) -> bool:
    """Whether a checkpoint's values are laid out so."""
    return isinstance(values, tuple) and len(values) == 4 and _is_branch(values[0]) and isinstance(values[1], dict)


def read_talking_gaussian(archive: TorchArchive, path: Path) -> Imported:
    """Raises UserError, or ValueError for tensors that do not fit."""
    face, face_networks, mouth, _ = archive.values
    if _is_of_mouth(face_networks):
        raise UserError(f"{path}: holds the inside of the mouth alone; choose chkpnt_fuse_latest.pth beside it.")
    whole = _is_branch(mouth)
    left_out = [f"{path.name}: {NO_NETWORKS}"]
    if not whole:
        left_out.append(f"{path.name}: holds the face alone; chkpnt_fuse_latest.pth has the inside of the mouth, too.")
    return Imported(
        _branch(archive, face, path),
        "TalkingGaussian checkpoint",
        mouth=_branch(archive, mouth, path) if whole else None,
        left_out=tuple(left_out),
    )


def _is_branch(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == CAPTURE


def _is_of_mouth(networks: dict) -> bool:
    layers = [key for key in networks if isinstance(key, str) and key.startswith(OUTPUTS)]
    size = getattr(networks[max(layers)], "size", ()) if layers else ()
    return size[:1] in [(n,) for n in MOUTH_OUTPUTS]


def _branch(archive: TorchArchive, capture: tuple, path: Path) -> Gaussians:
    def column(index: int, *shape: int) -> np.ndarray:
        values = archive.numbers(capture[index])
        return values.astype(np.float64).reshape(len(values), *shape)

    gaussians = Gaussians.checked(
        str(path),
        means=column(POSITIONS, 3),
        quats=column(QUATS, 4),
        scales=nonzero_scales(np.logaddexp(0, column(SCALES, 3)).astype(np.float32)),
        opacities=1 / (1 + np.exp(-np.clip(column(OPACITIES), -700, 700))),
        sh0=column(F_DC, 3),
        shN=archive.numbers(capture[F_REST]),
    )
    return rotate_gaussians(gaussians, RUB_TO_BLENDER)

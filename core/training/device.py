# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device a job's word means: `cpu`, `cuda`, or `auto`, which is the GPU where gsplat works and else the CPU."""

import torch

from ..formats import UserError
from ..raster import gpu_unavailable_reason

DEVICES = ("auto", "cpu", "cuda")


def choose_device(word: str) -> torch.device:
    """Raises UserError for an unknown word, and for `cuda` where gsplat does not work, which says why.

    The first call on a machine with CUDA may take minutes: gsplat compiles itself.
    """
    if word not in DEVICES:
        raise UserError(f"device {word!r} is unknown; choose {', '.join(DEVICES)}.")
    reason = None if word == "cpu" else gpu_unavailable_reason()
    if word == "cuda" and reason is not None:
        raise UserError(
            f"device cuda is asked for but {reason}; install the CUDA build of torch, the CUDA toolkit and "
            "`talksplat[gpu]` (docs/gpu.md), or take --device cpu."
        )
    return torch.device("cpu" if word == "cpu" or reason is not None else "cuda")

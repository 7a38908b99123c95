# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device a training runs on: `cpu`, `cuda`, or `auto`, which is the GPU where gsplat works and else the CPU."""

import torch

from ..formats import UserError
from ..jobs import DEVICES
from ..raster import gpu_unavailable_reason


def choose_device(name: str) -> torch.device:
    """The torch device of a name in DEVICES. Raises UserError for another name, and for `cuda` where gsplat does not
    work, which says why.

    The first call on a machine with CUDA may take minutes: gsplat compiles itself.
    """
    if name not in DEVICES:
        raise UserError(f"device {name!r} is unknown; choose {', '.join(DEVICES)}.")
    reason = None if name == "cpu" else gpu_unavailable_reason()
    if name == "cuda" and reason is not None:
        raise UserError(
            f"--device cuda does not work here: {reason}; install the CUDA build of torch, the CUDA toolkit and "
            "`talksplat[gpu]` (docs/gpu.md), or use --device cpu."
        )
    return torch.device("cpu" if name == "cpu" or reason is not None else "cuda")

# SPDX-License-Identifier: GPL-3.0-or-later
"""As many threads from the first step to the last.

numba's OpenMP layer, at its first kernel, sets the number of threads that torch's convolutions then use too, and with
the number of threads the last bit of their sums changes. A run that continues after a kill meets that moment elsewhere
than an unbroken one, so it is brought about before anything is computed.
"""

import torch

from ..raster import compile_kernels


def fix_thread_count() -> None:
    """Let numba start its threads, then give torch the number back that it had."""
    count = torch.get_num_threads()
    compile_kernels()
    torch.set_num_threads(count)

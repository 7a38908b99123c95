# SPDX-License-Identifier: GPL-3.0-or-later
"""The core: everything that runs without Blender. Layers and packages: ARCHITECTURE.md.

Importing it asks OpenBLAS, numpy's arithmetic, for threads that sleep when they have nothing to do. Its default is to
spin for another 2^26 clock ticks after each matrix product, some 30 ms, in which the thread that draws the frame shares
its core with them (docs/research/held_camera.md). Read when numpy loads; a value that is already set counts.
"""

import os

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 clock ticks, the least it takes

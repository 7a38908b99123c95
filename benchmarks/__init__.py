# SPDX-License-Identifier: GPL-3.0-or-later
"""What is claimed to be fast, measured: `python -m benchmarks.NAME`."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as core/dispatch.py does
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # before numpy loads, as core/__init__.py has it

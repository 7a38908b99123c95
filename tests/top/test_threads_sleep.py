# SPDX-License-Identifier: GPL-3.0-or-later
"""A matrix product's threads sleep when it is done, so that the frame that is drawn next has all cores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PARENT = Path(__file__).absolute().parents[3]  # of the package
SCRIPT = """
import time
import talksplat.core
import numpy as np
square = np.ones((600, 600), np.float32)
spent = 0.0
for _ in range(20):
    square @ square
    start = time.process_time()
    time.sleep(0.01)
    spent += time.process_time() - start
print(spent)
"""


def seconds_of_processor(threads: int) -> float:
    """Processor time of 20 rests of 10 ms, each after a matrix product, in a fresh process."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS", "OMP"))}
    variables |= {"OPENBLAS_NUM_THREADS": str(threads), "PYTHONPATH": str(PARENT)}
    command = [sys.executable, "-c", SCRIPT]
    return float(subprocess.run(command, env=variables, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="numpy's arithmetic is not OpenBLAS with POSIX threads")
def test_after_a_matrix_product_no_thread_takes_a_core():
    assert seconds_of_processor(threads=2) < 0.05  # 0.2 where they spin

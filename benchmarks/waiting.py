# SPDX-License-Identifier: GPL-3.0-or-later
"""Training steps a second with threads that sleep while they wait and with threads that spin, on a machine at rest and
on one whose every core is busy with something else, as beside Blender.

Run: python -m benchmarks.waiting. Each figure is of a process of its own, because the policy is read once; ratios hold
within one run only.
"""

import os
import subprocess
import sys
from contextlib import contextmanager

POLICIES = {"sleeping": "passive", "spinning": "active", "by default": None}
ROUNDS = 2
MEASURED = """
import numpy as np
from benchmarks.training import head, picture_loss, rate
from talksplat.core.formats.camera import Camera
print(rate(head(10_000), Camera.looking_at(np.array([0, -0.8, 0]), np.zeros(3), 256, 256, 0.33), picture_loss))
"""


def steps(policy: str | None) -> float:
    """Training steps a second, 10k Gaussians at 256x256, of a process with this waiting policy."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", MEASURED]
    if policy is None:  # the package sets it otherwise
        command[2] = "import torch\n" + MEASURED
    else:
        environment["OMP_WAIT_POLICY"] = policy
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@contextmanager
def busy(count: int):
    """So many processes that compute all the time."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def main() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for where, count in (("at rest", 0), (f"beside {cores} busy processes", cores)):
        with busy(count):
            found = {name: [steps(policy) for _ in range(ROUNDS)] for name, policy in POLICIES.items()}
        for name, of in found.items():
            print(f"{where}, {name}: {', '.join(f'{one:.1f}' for one in of)} steps a second", flush=True)
        best = {name: max(of) for name, of in found.items()}
        print(
            f"{where}: sleeping is {best['sleeping'] / best['spinning']:.2f} times as fast as spinning, "
            f"{best['sleeping'] / best['by default']:.2f} times as fast as the default",
            flush=True,
        )


if __name__ == "__main__":
    main()

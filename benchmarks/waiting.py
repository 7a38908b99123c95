# SPDX-License-Identifier: GPL-3.0-or-later
"""Training steps per second with threads that sleep while they wait and with threads that spin, on a machine at rest
and on one whose every core is busy with something else, as next to Blender.

Run: python -m benchmarks.waiting. Each figure is of a process of its own, because the policy is read once; ratios hold
within one run only.
"""

import os
import subprocess
import sys
from contextlib import contextmanager

POLICIES = {"sleeping": "passive", "spinning": "active", "by default": None}
ROUNDS = 2
SCRIPT = """
import numpy as np
from benchmarks.training import picture_loss, random_head, steps_per_second
from talksplat.core.formats import Camera
camera = Camera.looking_at(np.array([0, -0.8, 0]), np.zeros(3), 256, 256, 0.33)
print(steps_per_second(random_head(10_000), camera, picture_loss))
"""


def steps_per_second(policy: str | None) -> float:
    """Training steps per second, 10k Gaussians at 256x256, of a process with this waiting policy."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", SCRIPT]
    if policy is None:  # the package sets it otherwise
        command[2] = "import torch\n" + SCRIPT
    else:
        environment["OMP_WAIT_POLICY"] = policy
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@contextmanager
def busy_processes(count: int):
    """`count` processes that compute all the time."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for where, count in (("at rest", 0), (f"next to {cores} busy processes", cores)):
        with busy_processes(count):
            rates = {name: [steps_per_second(policy) for _ in range(ROUNDS)] for name, policy in POLICIES.items()}
        for name, rounds in rates.items():
            print(f"{where}, {name}: {', '.join(f'{rate:.1f}' for rate in rounds)} steps per second", flush=True)
        best = {name: max(rounds) for name, rounds in rates.items()}
        print(
            f"{where}: sleeping is {best['sleeping'] / best['spinning']:.2f} times as fast as spinning, "
            f"{best['sleeping'] / best['by default']:.2f} times as fast as the default",
            flush=True,
        )


if __name__ == "__main__":
    main()

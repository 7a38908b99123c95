# SPDX-License-Identifier: GPL-3.0-or-later
"""`talksplat shots FOLDER --engine ray` on two nodes of this machine, while processes die by SIGKILL at so many
moments: Ray's workers, a whole node, the driver. FOLDER MOMENTS; says what it survived."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster

FOLDER, MOMENTS = Path(sys.argv[1]), int(sys.argv[2])
KINDS = ("worker", "worker", "driver", "worker", "node")
LONGEST = 60.0  # seconds for something to die
PACKAGE = str(Path(__file__).parents[3])  # where `talksplat` is imported from


def start_driver(address: str) -> subprocess.Popen:
    options = ["--engine", "ray", "--address", address, "--cores", "1", "--chunk", "1", "--patience", "1"]
    program = "from talksplat.core.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", program, "shots", str(FOLDER), *options, "--json"]
    path = os.pathsep.join(filter(None, [PACKAGE, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True)


def is_finished() -> bool:
    return len(list(FOLDER.glob("*/*.work/finished"))) == len(list(FOLDER.glob("*.job.json")))


def workers_at_work() -> list[int]:
    """The processes in which Ray runs a task now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::_run"):
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


def begin_anew() -> None:
    """What is done is done: the next shots are the same ones, undone, so that there is always something to kill."""
    for folder in FOLDER.glob("*/*.work"):
        (folder / "finished").unlink(missing_ok=True)


def kill(kind: str, driver: subprocess.Popen, cluster: Cluster) -> bool:
    """Whether there was something of the kind."""
    if kind == "driver":
        driver.kill()
        driver.wait()
        return True
    if kind == "node":
        cluster.remove_node(sorted(cluster.worker_nodes, key=id)[0], allow_graceful=False)
        cluster.add_node(num_cpus=1, include_dashboard=False)
        return True
    there = workers_at_work()
    if there:
        os.kill(there[0], signal.SIGKILL)
    return bool(there)


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1, include_dashboard=False)
    driver, survived = start_driver(cluster.address), 0
    until = time.monotonic() + LONGEST * MOMENTS
    while survived < MOMENTS and time.monotonic() < until:
        time.sleep(0.05 + 0.07 * (survived % 7))
        if driver.poll() is not None:
            if is_finished():
                begin_anew()
            driver = start_driver(cluster.address)
        if workers_at_work():
            survived += kill(KINDS[survived % len(KINDS)], driver, cluster)
    driver.wait(LONGEST)
    if driver.returncode != 0 or not is_finished():
        driver = start_driver(cluster.address)
        assert driver.wait(4 * LONGEST) == 0, "the run after all deaths"
    assert is_finished()
    cluster.shutdown()
    print(f"survived {survived}")


if __name__ == "__main__":
    main()

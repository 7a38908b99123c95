# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a shot whose camera stands still: only what has changed is drawn again, against whole drawings.

Run: python -m benchmarks.held [HEAD] [--size 512] [--before FOLDER] [--one-thread]. Without a file: the sample head;
with --one-thread processor time, which other work on the machine hardly changes. Each side is
measured in processes of its own that take turns, because how threads wait is read once; within a process the ways
take turns frame by frame. The limits: a whole frame through a held camera in at most 1 / 1.8 of the time before, one
through a moving camera in no more. FOLDER holds another version of the package, `talksplat`, for the side before;
without it that is this version with whole drawings and threads that spin. A head with a rig is moved by its networks
before, and by both now: scrubbing goes by the rig.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

SAMPLE = Path(__file__).parents[1] / "samples" / "sample.head"
FRAMES, WARM, ROUNDS = 60, 4, 3
SPINNING = {"OPENBLAS_THREAD_TIMEOUT": "26"}  # OpenBLAS's default, 2^26 clock ticks
WAYS = ("still", "moving")  # what the camera does


def measure(head_file: str, size: int, hold: bool, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Milliseconds of each frame: "replay" with its condition, "rig" the same by the rig of a head that has one, and
    the picture by each of WAYS. "bytes": kept at the end for the next frame."""
    from benchmarks.frame import random_performance
    from benchmarks.orbit import orbit
    from talksplat.core import formats, raster
    from talksplat.core.performance import Controls, Replay

    head = formats.read_head(head_file)
    replay, performance = Replay(head), random_performance(head)
    posed = rig_replay(head, replay) if hold else None
    frame, g = replay.frame(), replay.canonical
    assert head.card.camera is not None, "the head has no view of its own"
    cameras = orbit(head.card.camera, np.median(g.means, axis=0), size)
    options = {way: {"held": raster.HeldCamera()} if hold else {} for way in WAYS}
    times: dict[str, list[float]] = {name: [] for name in ("replay", "rig", *WAYS)}
    for n in range(FRAMES):
        views = {"still": cameras[0], "moving": cameras[n % len(cameras)]}
        for way in sorted(WAYS, reverse=bool(n % 2)):
            start = clock()
            if posed is not None:
                posed.at(performance.at(Fraction(n, 24), Controls()), out=frame)
                times["rig"].append(1000 * (clock() - start))
            start = clock()
            replay.at(performance.at(Fraction(n, 24), Controls()), out=frame)
            between = clock()
            raster.rasterize(*frame, g.opacities, g.sh0, g.shN, views[way], **options[way])
            times["replay"].append(1000 * (between - start))
            times[way].append(1000 * (clock() - between))
    times = {name: values[WARM * len(values) // FRAMES :] for name, values in times.items()}
    return times | {"bytes": [float(options["still"]["held"].nbytes)] if hold else [0.0]}


def rig_replay(head, replay):
    """None for a head without a rig."""
    from talksplat.core.formats import rig_of
    from talksplat.core.performance import RigReplay

    rig = rig_of(head)
    return None if rig is None else RigReplay(head, replay, rig)


def in_a_process(arguments: argparse.Namespace, before: bool) -> dict[str, list[float]]:
    """`measure` of one side."""
    environment = dict(os.environ) | (SPINNING if before else {"OPENBLAS_THREAD_TIMEOUT": "4"})
    if arguments.one_thread:
        environment |= {"NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    package = Path(__file__).absolute().parents[1]
    if before and arguments.before:
        package = arguments.before.absolute() / "talksplat"
    environment["PYTHONPATH"] = os.pathsep.join([str(package.parent), str(package)])  # its benchmarks are there
    command = [sys.executable, __file__, arguments.head, "--size", str(arguments.size)]
    command += ["--side", "before" if before else "now", *["--one-thread"][: arguments.one_thread]]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def report(sides: dict[str, dict[str, list[float]]]) -> None:
    """Medians, 95th percentiles and ratios."""
    for part in ("replay", *WAYS):
        title = part if part == "replay" else f"picture, {part} camera"
        columns = [
            f"{side} {np.median(times[part]):6.2f} ms (95 %: {np.percentile(times[part], 95):6.2f})"
            for side, times in sides.items()
        ]
        medians = [np.median(times[part]) for times in sides.values()]
        print(f"{title:24s} {'   '.join(columns)}   {medians[0] / medians[1]:.2f} x as fast")
    for way in WAYS:
        whole = [np.median(times["replay"]) + np.median(times[way]) for times in sides.values()]
        rates = "   ".join(f"{side} {1000 / ms:5.1f} frames/s" for side, ms in zip(sides, whole))
        print(f"{'whole frame, ' + way + ' camera':28s} {rates}   {whole[0] / whole[1]:.2f} x as fast")
        if sides["now"]["rig"]:
            by_rig = np.median(sides["now"]["rig"]) + np.median(sides["now"][way])
            print(f"{'  by the rig':28s} {1000 / by_rig:35.1f} frames/s   {whole[0] / by_rig:.2f} x as fast")
    print(f"kept from frame to frame: {sides['now']['bytes'][0] / 2**20:.1f} MiB")


def main() -> None:
    """Measure both sides in turns, or one side as a child of this."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("head", nargs="?", default=str(SAMPLE))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    parser.add_argument("--side", choices=("before", "now"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        clock = process_time if arguments.one_thread else perf_counter
        print(json.dumps(measure(arguments.head, arguments.size, arguments.side == "now", clock)))
        return
    sides: dict[str, dict[str, list[float]]] = {"before": {}, "now": {}}
    for _ in range(ROUNDS):
        for side, times in sides.items():
            for part, values in in_a_process(arguments, side == "before").items():
                times.setdefault(part, []).extend(values)
    report(sides)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the CPU rasterizer is, as ratios in one run.

    python -m benchmarks.raster            the table, then the limits (exit code 1 where one is missed)
    python -m benchmarks.raster --quick    the limits alone

Every time is compared with three others:
    arithmetic   a plain loop with as many pixel evaluations and as many multiply-adds an evaluation, on 16 lanes in
                 the first-level cache, on all threads: nobody computes these pictures faster in float32
    C++          the same pipeline written by hand for 16 lanes with OpenMP (raster_bound.cpp), where g++ is there; like
                 the numba back end it starts from numba's projection
    torch        the dense way, every pixel against every Gaussian in torch (small sizes only)
Times are the minimum of interleaved repeats, so that a busy machine disturbs all sides alike.
"""

import argparse
import sys
import time

import numba
import numpy as np

from benchmarks.raster_bound import Bound
from benchmarks.raster_scene import head_camera, head_like
from talksplat.core.raster import numba_pipeline as pipeline
from talksplat.core.raster.constants import TILE_WIDE
from talksplat.core.raster.numba_runtime import kernel
from talksplat.core.raster.raster_input import RasterInput

F, U = np.float32, np.uintp
HALF = F(0.5)
FORWARD_STEPS, BACKWARD_STEPS = 28, 60  # vector instructions of one evaluation in blend and blend_backward, counted
LIMITS = {"forward": 1.3, "backward": 1.5}  # times the C++ version at 50k, 512^2
SIZES = [(n, size) for n in (10_000, 50_000, 100_000) for size in (256, 512, 1024)]


@kernel(parallel=True, cache=False)
def multiply_adds(evaluations, steps, workers):
    """`steps` fused multiply-adds for each of `evaluations` float32, 256 at a time in the first-level cache."""
    out = np.zeros(workers, np.float32)
    for w in numba.prange(workers):
        s = np.full(256, F(0.5))
        for _ in range(evaluations // 256 // workers):
            for _ in range(steps // 4):
                for i in range(U(0), U(256)):
                    x = s[i]
                    x = x * x - HALF  # quadratic, so that fastmath cannot fold four steps into one
                    x = x * x - HALF
                    x = x * x - HALF
                    s[i] = x * x - HALF
        out[w] = s[0]
    return out


def interleaved(repeats: int, **works) -> dict[str, float]:
    """Milliseconds of each work, the minimum over rounds that run all of them."""
    best = dict.fromkeys(works, float("inf"))
    clock = time.process_time if numba.get_num_threads() == 1 else time.perf_counter
    for _ in range(repeats + 1):
        for name, work in works.items():
            start = clock()
            work()
            best[name] = min(best[name], 1e3 * (clock() - start))
    return best


def evaluations(trace: pipeline.Trace) -> int:
    """Pixel evaluations of one pass: rows of the pairs up to the one after which a tile is left."""
    rows = trace.pairs[: trace.starts[-1], 2]
    return int(((rows >> 8) - (rows & 255)).sum()) * TILE_WIDE


def measure(n: int, size: int, repeats: int, bound: Bound | None) -> dict[str, float]:
    """All times of one scene in milliseconds."""
    table, camera, workers = head_like(n), head_camera(size), numba.get_num_threads()
    arrays = *table.values(), np.zeros((n, 0), np.float32), np.zeros(3, np.float32)
    scene = RasterInput(*arrays, camera=camera, depth=False, degree=0)

    def forward():
        return pipeline.forward(scene)

    trace = forward()
    rng, shape = np.random.default_rng(1), (size, size)
    upstream = [rng.standard_normal((*shape, k)).astype(np.float32) for k in (3, 1, 0)]
    upstream[1] = upstream[1][..., 0]
    count = evaluations(trace)
    works = {
        "forward": forward,
        "backward": lambda: pipeline.backward(trace, *upstream),
        "arithmetic forward": lambda: multiply_adds(count, FORWARD_STEPS, workers),
        "arithmetic backward": lambda: multiply_adds(count, BACKWARD_STEPS, workers),
    }
    if bound:
        works |= bound.works(table, camera, trace, upstream)
    return interleaved(repeats, **works)


def dense_ratio(n: int = 1000, size: int = 64) -> tuple[float, float]:
    """Times of the dense torch way over numba's, both by `rasterize`: forward without gradient, and a full step."""
    import torch

    from talksplat.core.raster import rasterize

    columns = {name: torch.from_numpy(values) for name, values in head_like(n).items()}
    leaves = {name: values.clone().requires_grad_() for name, values in columns.items()}
    camera = head_camera(size)

    def step(backend):
        rasterize(**leaves, camera=camera, backend=backend).color.square().sum().backward()

    best = interleaved(
        3,
        dense=lambda: rasterize(**columns, camera=camera, backend="dense"),
        numba=lambda: rasterize(**columns, camera=camera, backend="numba"),
        dense_step=lambda: step("dense"),
        numba_step=lambda: step("numba"),
    )
    return best["dense"] / best["numba"], best["dense_step"] / best["numba_step"]


def main() -> int:
    """Print the table and the verdict; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only 50k at 512^2")
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument(
        "--threads",
        type=int,
        default=numba.config.NUMBA_NUM_THREADS,
        help="1 measures processor time, which holds still on a busy machine",
    )
    options = parser.parse_args()
    numba.set_num_threads(options.threads)
    bound = Bound.build()
    print(f"{numba.get_num_threads()} threads; milliseconds, then how many times the bound")
    print(f"{'N':>7} {'size':>5} | {'fwd':>7} {'arith.':>7} {'C++':>6} | {'bwd':>7} {'arith.':>7} {'C++':>6}")
    missed = []
    for n, size in [(50_000, 512)] if options.quick else SIZES:
        best = measure(n, size, options.repeats, bound)
        line = f"{n:>7} {size:>5} |"
        for way in ("forward", "backward"):
            over = best[way] / best[f"C++ {way}"] if bound else float("nan")
            line += f" {best[way]:7.1f} {best[way] / best[f'arithmetic {way}']:6.2f}x {over:5.2f}x |"
            if bound and (n, size) == (50_000, 512):
                missed += [way] if over > LIMITS[way] else []
                verdict = "MISSED" if over > LIMITS[way] else "held"
                line += f" limit {LIMITS[way]}x {verdict} |"
        print(line, flush=True)
    if not options.quick:
        forward, step = dense_ratio()
        print(f"dense torch over numba, 1k at 64^2: {forward:.0f}x forward, {step:.0f}x forward and backward")
    if not bound:
        print("no g++ here: the limits, which are against C++, were not checked")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

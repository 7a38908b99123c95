# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering an image sequence from 512 pixels to 8K: time a frame and memory, beside the raster alone.

Run: python -m benchmarks.size [BAKE] [CORES ...]. Without a bake: the sample head speaks its sample voice. Every case
is a process of its own, which renders a run of frames with the default passes; the first frame is not counted.
`raster` draws the same frames by the same code, held camera and depth included, and writes nothing. Times depend on the
machine; the ratios hold within one run. Limits: 1080p with PNG and EXR at most 2 x the raster, 4K 3 x; 512 with EXR 24
frames a second; 4K in 1 GiB, 8K in 2.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from talksplat.core.baking.bake import bake
from talksplat.core.baking.frame_renderer import FrameRenderer
from talksplat.core.baking.render import plan_frames, render
from talksplat.core.baking.render_device import RenderDevice
from talksplat.core.formats import BakeReader
from talksplat.core.jobs import Bake, Progress, Render

SAMPLES = Path(__file__).parent.parent / "samples"
FRAMES = 72  # of the bake
SIZES = {"512": (512, 512, 48), "1080p": (1920, 1080, 16), "4K": (3840, 2160, 8), "8K": (7680, 4320, 4)}  # and frames
FILES = {"raster": (), "png": ("png",), "exr": ("exr",), "both": ("png", "exr")}


def job_of(path: str, size: str, files: str, folder: Path) -> Render:
    width, height, frames = SIZES[size]
    with BakeReader.open(path) as reader:
        assert reader.card.camera is not None
        camera = reader.card.camera.resized(width, height)
    wanted = {kind: kind in FILES[files] for kind in ("png", "exr")}
    job = Render(path, str(folder), cameras=(camera,), first=1, last=frames, movie=False, supersampling="off")
    return job if files == "raster" else Render(**{**vars(job), **wanted})


def stamps_of_raster(job: Render) -> list[float]:
    """When each frame was there."""
    stamps = []
    with BakeReader.open(job.bake) as reader:
        device = RenderDevice("cpu", reader.card.blend)
        renderer = FrameRenderer([reader], job, device)
        for frame in plan_frames(job, reader):
            for _ in renderer.draw(frame):
                pass
            stamps.append(time.perf_counter())
    return stamps


def stamps_of_render(job: Render) -> list[float]:
    """When each frame was there; the last also when all files were written."""
    stamps = [time.perf_counter() for event in render(job) if isinstance(event, Progress)]
    return [*stamps[1:-1], time.perf_counter()]


def measure(path: str, size: str, files: str, cores: int) -> None:
    """In a process of its own: prints milliseconds a frame and the peak memory, JSON."""
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory() as folder:
        job = job_of(path, size, files, Path(folder))
        stamps = stamps_of_raster(job) if files == "raster" else stamps_of_render(job)
    spent = (stamps[-1] - stamps[0]) / (len(stamps) - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": 1000 * spent, "MiB": peak}))


def measured(*arguments: str) -> dict[str, float]:
    environment = os.environ | {"NUMBA_NUM_THREADS": arguments[-1]}
    command = [sys.executable, "-m", "benchmarks.size", "--case", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def baked_sample(folder: str) -> str:
    path = f"{folder}/sample.bake"
    for _ in bake(Bake(str(SAMPLES / "sample.head"), str(SAMPLES / "voice.wav"), path, frame_count=FRAMES)):
        pass
    return path


def main(path: str, cores: list[str]) -> None:
    measured(path, "512", "both", "1")  # compiles what is not kept yet
    print(f"{'':7s}{'cores':>6s}  " + "".join(f"{files:>30s}" for files in FILES))
    for size in SIZES:
        for count in cores:
            rows = {files: measured(path, size, files, count) for files in FILES}
            raster = rows["raster"]["ms"]
            cells = (f"{row['ms']:8.1f} ms {row['ms'] / raster:5.2f} x {row['MiB']:6.0f} MiB" for row in rows.values())
            print(f"{size:7s}{count:>6s}  " + "".join(f"{cell:>30s}" for cell in cells), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        measure(*sys.argv[2:5], int(sys.argv[5]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(sys.argv[1] if len(sys.argv) > 1 else baked_sample(folder), sys.argv[2:] or ["1", "2"])

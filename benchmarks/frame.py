# SPDX-License-Identifier: GPL-3.0-or-later
"""A full frame: condition + replay + picture, and what a bake and its render add; as multiples of real time at 24.

Run: python -m benchmarks.frame [HEAD] [SIZE]. Without a file: 50k Gaussians in the shape of a head, random weights,
all of them inside the bounds (the most expensive case). The limit: condition + replay + picture at 512 takes at most
half of a frame's time at 24 frames a second.
Multiples of real time depend on the machine; the shares hold within one run. Parts are measured in turns, so that
other work on the machine meets all of them.
"""

import sys
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.raster_scene import head_like
from benchmarks.replay import random_head
from talksplat.core.baking.exr_layers import exr_layers
from talksplat.core.baking.pass_picture import PassPicture
from talksplat.core.baking.passes import select_passes
from talksplat.core.baking.render_cameras import portrait
from talksplat.core.formats import BakeCard, BakeReader, BakeWriter, HeadFile, read_head
from talksplat.core.interchange import FrameMetadata, MovieWriter, display_codes, write_exr, write_png
from talksplat.core.jobs import DEFAULT_PASSES
from talksplat.core.performance import Controls, Performance, Replay
from talksplat.core.raster import HeldCamera, Rendering, rasterize

COUNT, TURNS, RATE = 50_000, 24, Fraction(24)
SCALE = 0.14  # the raster scene's metres to a head's: its shoulders end inside the bounds
FULL_FRAME = ("condition", "replay", "picture")


def random_head_shape(count: int) -> HeadFile:
    """A head of random weights whose Gaussians are placed like a head's."""
    head, scene = random_head("gated", count), head_like(count)
    tensors, first = dict(head.tensors), 0
    for branch in ("face", "mouth"):
        n = len(tensors[f"{branch}.gaussians.means"])
        for name, column in scene.items():
            if name != "shN":
                part = column[first : first + n] * (SCALE if name in ("means", "scales") else 1)
                tensors[f"{branch}.gaussians.{name}"] = part.astype(np.float32)
        first += n
    return replace(head, tensors=tensors)


def random_performance(head: HeadFile, seconds: float = 4.0) -> Performance:
    """A random walk of codes, as smooth as speech."""
    rng, samples, names = np.random.default_rng(0), round(seconds * 100), head.card.expression
    audio = {
        branch: np.cumsum(rng.normal(size=(samples, width)), axis=0).astype(np.float32) * 0.1
        for branch, width in head.card.audio_code.items()
    }
    rest = {branch: np.zeros(codes.shape[1], np.float32) for branch, codes in audio.items()}
    return Performance(
        audio,
        rest,
        np.zeros((samples, len(names)), np.float32),
        names,
        np.zeros(samples, np.float32),
        head.card.content_hash,
        "0" * 64,
        duration=seconds,
    )


class Stopwatch:
    """Seconds of each part, turn by turn."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def __call__(self, part: str, work, *arguments, **options):
        start = time.perf_counter()
        result = work(*arguments, **options)
        self.times.setdefault(part, []).append(time.perf_counter() - start)
        return result

    def milliseconds(self, part: str) -> float:
        return 1000 * median(self.times[part][2:])  # the first turns also compile


def measure(head: HeadFile, size: int, folder: Path) -> Stopwatch:
    """All parts, TURNS times."""
    watch, performance = Stopwatch(), random_performance(head)
    replay = watch("load", Replay, head)
    g = replay.canonical
    camera = (head.card.camera or portrait(g.means)).resized(size, size)
    card = BakeCard("frames", RATE, 0, TURNS, g.sh_degree, head.card.content_hash, "0" * 64)
    frame, held = replay.frame(), HeldCamera()
    with (
        BakeWriter.open(folder / "a.bake", card, g, replay.branch) as bake,
        MovieWriter(folder / "a.mp4", RATE, size, size) as movie,
        BakeReader.open(folder / "a.bake") as reader,
    ):
        for n in range(TURNS):
            condition = watch("condition", performance.at, n / RATE, Controls())
            watch("replay", replay.at, condition, out=frame)
            columns = (*frame, g.opacities, g.sh0, g.shN, camera)
            rendering = watch("picture", rasterize, *columns)
            watch("picture, held camera", rasterize, *columns, held=held)
            watch("store", bake.append, n, *frame)
            reader.refresh()
            watch("read back", reader.frame, n)
            with_depth = watch("picture, depth", rasterize, *columns, depth=True)
            watch("png", write_picture, folder / "a.png", with_depth)
            watch("exr", write_passes, folder / "a.exr", with_depth, FrameMetadata(RATE, n, camera))
            watch("movie", add_over_grey, movie, rendering)
    return watch


def write_picture(path: Path, rendering: Rendering) -> None:
    write_png(path, display_codes(rendering.color, rendering.alpha))


def write_passes(path: Path, rendering: Rendering, metadata: FrameMetadata) -> None:
    picture = PassPicture(rendering, metadata.camera)
    write_exr(path, exr_layers(select_passes(DEFAULT_PASSES).values(), picture, "blender"), metadata)


def add_over_grey(movie: MovieWriter, rendering: Rendering) -> None:
    movie.add(display_codes(rendering.color + 0.5 * (1 - rendering.alpha[..., None])))


def main() -> None:
    head = read_head(sys.argv[1]) if len(sys.argv) > 1 else random_head_shape(COUNT)
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    with tempfile.TemporaryDirectory() as folder:
        watch = measure(head, size, Path(folder))
    ms = {part: watch.milliseconds(part) for part in watch.times if part != "load"}
    full_frame = sum(ms[part] for part in FULL_FRAME)
    count = sum(len(head.gaussians(branch)) for branch in head.card.branches)
    print(f"{count} Gaussians, {size} x {size}; head ready after {watch.times['load'][0]:.2f} s")
    for part, value in ms.items():
        print(f"{part:21s} {value:8.2f} ms   {value / full_frame:5.2f} of the full frame")
    for name, parts in (
        ("full frame", FULL_FRAME),
        ("the same, held camera", (*FULL_FRAME[:2], "picture, held camera")),
        ("bake", ("condition", "replay", "store")),
        ("render, one thread", ("read back", "picture, depth", "png", "exr", "movie")),
    ):
        total = sum(ms[part] for part in parts)
        print(f"{name:22s} {1000 / total:7.1f} frames/s = {1000 / total / 24:5.2f} x real time at 24")


if __name__ == "__main__":
    main()

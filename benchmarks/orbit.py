# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinholes and sparkles of an opaque head in a slow orbit, and what the rule that ends a pixel costs.

    git archive e841861^ | tar -x -C BEFORE              the version before "Blend, then stop"
    python -m benchmarks.orbit --before BEFORE [HEAD]    both in one run, frame by frame in turns

With NUMBA_NUM_THREADS=1 times are processor time, which holds still on a busy machine.

BEFORE keeps gsplat's rule (gsplat 1.5.3, rasterize_to_pixels: a Gaussian that would take the transmittance to 1e-4 or
below is not drawn), so its column is also what gsplat's pictures differ by.

Pinhole: a pixel inside the body whose alpha is lower by more than 0.01 than the median of its 3x3 neighbourhood.
Sparkle: a pixel inside the body, over white, that is brighter by more than 4 of 255 than itself in both neighbour
frames and than the median of its 3x3 neighbourhood.

Letters: H x W pixels, F frames.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
from scipy.ndimage import binary_closing, binary_erosion, median_filter

from talksplat.core import raster
from talksplat.core.formats import Camera, read_head
from talksplat.core.performance import Replay

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "sample.head"
STEPS, SWING = 48, 24.0  # pictures of the orbit; degrees from its first to its last
TURNS = 4  # of every frame and version; the least time counts, for the machine does other things too
BRIGHTER = 4 / 255
DEEPER = 0.01
EDGE = 5  # pixels of the body's outline that are left out: hair is no surface


def raster_of(folder: Path) -> ModuleType:
    """core/raster of another version of the package; all imports of the package are relative."""
    spec = importlib.util.spec_from_file_location(
        "talksplat_before", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        sys.exit(f"{folder}: is no talksplat package; give the folder of another version.")
    sys.modules[spec.name] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return importlib.import_module("talksplat_before.core.raster")


def orbit(camera: Camera, centre: np.ndarray, size: int, steps: int = STEPS, swing: float = SWING) -> list[Camera]:
    """`steps` cameras on an arc of `swing` degrees around the head's vertical axis."""
    camera = camera.resized(size, size)
    cameras = []
    for angle in np.radians(np.linspace(-swing / 2, swing / 2, steps)):
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turn[:3, 3] = centre - turn[:3, :3] @ centre
        viewmat = tuple(map(tuple, (camera.matrix @ turn).tolist()))
        cameras.append(Camera(**{**vars(camera), "viewmat": viewmat}))
    return cameras


def bodies(alphas: np.ndarray) -> np.ndarray:
    """[F,H,W] bool: inside of the outline, pinholes included."""
    solid = [binary_closing(alpha > 0.5, iterations=3) for alpha in alphas]
    return np.array([binary_erosion(mask, iterations=EDGE) for mask in solid])


def count_sparkles(luma: np.ndarray, inside: np.ndarray) -> float:
    """Sparkles a frame of [F,H,W] pictures 0..1."""
    middle = luma[1:-1]
    in_time = middle - np.maximum(luma[:-2], luma[2:]) > BRIGHTER
    in_space = middle - median_filter(middle, size=(1, 3, 3)) > BRIGHTER
    return float((in_time & in_space & inside[1:-1]).sum() / len(middle))


def measure(name: str, colors: np.ndarray, alphas: np.ndarray, inside: np.ndarray) -> None:
    """Print one version's line. colors: [F,H,W,3] premultiplied; alphas: [F,H,W]."""
    luma = (colors + (1 - alphas[..., None])) @ np.array([0.2126, 0.7152, 0.0722])
    depth = (median_filter(alphas, size=(1, 3, 3)) - alphas)[inside]
    holes = (depth > DEEPER).sum() / len(alphas)
    sparkles = count_sparkles(luma, inside)
    print(f"{name:<7}{holes:7.0f} pinholes a frame, the deepest {depth.max():.3f}; {sparkles:6.1f} sparkles a frame")


def main() -> None:
    """Print pinholes, sparkles, the difference and the ratio of the times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("head", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--before", type=Path, required=True, help="folder of the other version")
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    head = read_head(options.head)
    g = Replay(head).canonical
    columns = (g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN)
    versions = {"before": raster_of(options.before.resolve()), "now": raster}
    assert head.card.camera is not None, "the head has no view of its own"
    cameras = orbit(head.card.camera, np.median(g.means, axis=0), options.size)
    for module in versions.values():
        module.rasterize(*columns, cameras[0])  # compiled
    pictures, times = {name: [] for name in versions}, {name: [] for name in versions}
    clock = time.process_time if numba.get_num_threads() == 1 else time.perf_counter
    for turn in range(TURNS):
        for k, camera in enumerate(cameras):
            for name in sorted(versions, reverse=bool((k + turn) % 2)):
                start = clock()
                picture = versions[name].rasterize(*columns, camera)
                times[name].append(clock() - start)
                if not turn:
                    pictures[name].append(picture)
    colors, alphas = (
        {name: np.array([getattr(p, field) for p in made], np.float32) for name, made in pictures.items()}
        for field in ("color", "alpha")
    )
    inside = bodies(alphas["now"])
    print(f"{len(g)} Gaussians, {options.size}x{options.size}, {STEPS} frames over {SWING:g} degrees")
    for name in versions:
        measure(name, colors[name], alphas[name], inside)
    difference = np.abs(colors["now"] - colors["before"]).max(axis=-1)
    changed = difference > 0.5 / 255
    print(
        f"between the two: {changed.sum() / STEPS:.0f} pixels a frame differ by half a code or more, "
        f"by {255 * difference[changed].mean():.1f} codes in the mean, {255 * difference.max():.0f} at most"
    )
    now, before = (np.reshape(times[name], (TURNS, STEPS)).min(axis=0) for name in ("now", "before"))
    ratio = now / before
    quartiles = ", ".join(f"{value:.3f}" for value in np.percentile(ratio, [25, 50, 75]))
    print(f"time now / before, in turns, {numba.get_num_threads()} threads: {quartiles} (quartiles over the frames)")


if __name__ == "__main__":
    main()

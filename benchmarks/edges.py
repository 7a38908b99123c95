# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that is small in the picture: its area, its likeness to the large picture averaged, and pixels that pop.

    python -m benchmarks.edges [HEAD] [--orbit PIXELS] [--sheet PICTURE.png]

"before" is one sample a pixel, "filter" that with the compensated low-pass, "now" what a render takes by itself
(supersampling auto). Heights are those of a square picture in the head's own view, of which the sample fills 93 %.
The large picture is LARGE pixels high, drawn with one sample a pixel; area and PSNR are of its box average, over
middle grey, in display codes, over the whole picture. An orbit turns by SWING degrees in FRAMES frames.

A pixel pops in a frame when it differs by more than POP from the mean of the frames before and after, which are the
same to POP. True edges: where the averaged large picture pops as well, or differs by EDGE within 3 x 3 pixels.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from benchmarks.orbit import orbit
from talksplat.core.baking.render_sampling import AUTOMATIC
from talksplat.core.formats import Camera, HeadFile, linear_to_srgb, read_head
from talksplat.core.performance import Replay
from talksplat.core.raster import EPS2D, Sampling, Supersampler, rasterize

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "sample.head"
HEIGHTS = (20, 40, 80, 160, 320, 640)
LARGE = 1280
GREY = 0.2140  # light of the code 0.5
FRAMES, SWING = 60, 24.0
POP, EDGE = 4 / 255, 40 / 255
WAYS = ("before", "filter", "now")


class Subject:
    """A head at rest, to be drawn."""

    def __init__(self, head: HeadFile) -> None:
        g = Replay(head).canonical
        assert head.card.camera is not None, "the head has no view of its own"
        self.columns, self.view, self.blend = (
            (g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN),
            head.card.camera,
            head.card.blend,
        )

    def large(self, camera: Camera, times: int) -> np.ndarray:
        """[H,W,4] premultiplied: the box average of a picture `times` as large."""
        many = camera.resized(camera.width * times, camera.height * times)
        picture = rasterize(*self.columns, many, blend=self.blend)
        pixels = np.concatenate([picture.color, picture.alpha[..., None]], -1)
        return pixels.reshape(camera.height, times, camera.width, times, 4).mean((1, 3))

    def drawn(self, camera: Camera, way: str) -> np.ndarray:
        """[H,W,4] premultiplied, by one of WAYS: "filter" is the compensated low-pass without further samples."""
        scale = camera.height / self.view.height
        n = next((n for n in AUTOMATIC if n * scale >= 1), AUTOMATIC[-1]) if way == "now" else 1
        low_pass = EPS2D if way == "before" or scale >= 1 else EPS2D * (n * scale) ** 2
        options = {"depth": False, "blend": self.blend, "backend": "numba"}
        picture = Supersampler().draw(self.columns, camera, Sampling(n, low_pass), **options)
        return np.concatenate([picture.color, picture.alpha[..., None]], -1)

    def codes(self, pixels: np.ndarray) -> np.ndarray:
        """Premultiplied [...,4] -> codes [...,3] over middle grey."""
        over = pixels[..., :3] + (1 - pixels[..., 3:]) * (GREY if self.blend == "linear" else 0.5)
        return np.clip(linear_to_srgb(over) if self.blend == "linear" else over, 0, 1)


def compare_heights(subject: Subject) -> None:
    """A line for each height: area and PSNR of each way."""
    print("| height | " + " | ".join(f"{way}: area | PSNR" for way in WAYS) + " |")
    for height in HEIGHTS:
        camera = subject.view.resized(height, height)
        expected = subject.large(camera, LARGE // height)
        cells = []
        for way in WAYS:
            mine = subject.drawn(camera, way)
            error = np.square(subject.codes(mine) - subject.codes(expected)).mean()
            area = mine[..., 3].sum() / expected[..., 3].sum() - 1
            cells.append(f"{100 * area:+.1f} % | {10 * np.log10(1 / error):.1f} dB")
        print(f"| {height} px | " + " | ".join(cells) + " |", flush=True)


def pops(frames: np.ndarray) -> np.ndarray:
    """[F-2,H,W] bool: pixels of frames [F,H,W,3] that are what neither neighbour frame is."""
    before, now, after = frames[:-2], frames[1:-1], frames[2:]
    apart = np.abs(now - (before + after) / 2).max(-1) > POP
    return apart & (np.abs(before - after).max(-1) <= POP)


def contrast(frames: np.ndarray) -> np.ndarray:
    """[F,H,W]: the greatest difference of a channel within 3 x 3 pixels."""
    size = (1, 3, 3, 1)
    return (maximum_filter(frames, size) - minimum_filter(frames, size)).max(-1)


def count_pops(subject: Subject, size: int) -> None:
    """A line for each way: pixels that pop, all and but at true edges, in the whole orbit."""
    centre = np.median(subject.columns[0], axis=0)
    cameras = orbit(subject.view, centre, size, FRAMES, SWING)
    expected = np.array([subject.codes(subject.large(camera, max(LARGE // size, 1))) for camera in cameras])
    is_edge = (contrast(expected)[1:-1] > EDGE) | pops(expected)
    for way in WAYS:
        frames = np.array([subject.codes(subject.drawn(camera, way)) for camera in cameras])
        found = pops(frames)
        flicker = np.abs(frames[1:-1] - (frames[:-2] + frames[2:]) / 2).mean() * 255
        off_edges = (found & ~is_edge).sum()
        print(f"{size} px, {way:6}: {found.sum():6d} pixels pop, {off_edges:6d} off edges; mean {flicker:.3f} codes")
    print(f"{size} px, the large picture averaged: {pops(expected).sum()} pop", flush=True)


def save_sheet(subject: Subject, path: str) -> None:
    """Each way and the averaged large picture side by side, 40 and 80 pixels high, enlarged to 320."""
    rows = []
    for height in (40, 80):
        camera = subject.view.resized(height, height)
        pictures = [*(subject.drawn(camera, way) for way in WAYS), subject.large(camera, LARGE // height)]
        codes = [np.repeat(np.repeat(subject.codes(p), 320 // height, 0), 320 // height, 1) for p in pictures]
        rows.append(np.concatenate(codes, 1))
    Image.fromarray((np.concatenate(rows) * 255 + 0.5).astype(np.uint8)).save(path)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("head", nargs="?", default=str(SAMPLE))
    parser.add_argument("--orbit", type=int, nargs="*", default=[40, 160], help="sizes of the orbits' pictures")
    parser.add_argument("--sheet", help="write a picture of both heights here")
    arguments = parser.parse_args()
    subject = Subject(read_head(arguments.head))
    compare_heights(subject)
    for size in arguments.orbit:
        count_pops(subject, size)
    if arguments.sheet:
        save_sheet(subject, arguments.sheet)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of docs/compositing.md that shows two heads in one picture, a holdout and motion blur, from the samples:
python docs_build/compositing_shot.py. About a minute."""

import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT.parent))

from talksplat.core.baking.bake import bake  # noqa: E402
from talksplat.core.baking.render import render  # noqa: E402
from talksplat.core.formats import BakeReader, Camera  # noqa: E402
from talksplat.core.interchange import ExrLayer, FrameMetadata, write_exr  # noqa: E402
from talksplat.core.jobs import Bake, Render  # noqa: E402

PAGE = ROOT / "docs" / "compositing_shot.jpg"
SIDE, FRAME, GREY = 480, 20, (96, 96, 96)
PLACES = ("-0.1,0,0,22", "0.1,0.03,0,-22")
PAN = 26  # pixels from one end of the shutter's time to the other, either way


def drawn(job: Render, folder: Path, **changes) -> Image.Image:
    """The PNG of the frame."""
    job = replace(job, out=str(folder / f"{len(list(folder.iterdir()))}"), **changes)
    *_, last = render(job)
    return Image.open(f"{job.out}/{last.result['first_png']}")


def camera_of_first(world: Camera, place: str) -> Camera:
    """The world's camera as the head sees it that stands at this place."""
    x, y, z, turn = (float(part) for part in place.split(","))
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    to_world = np.array([[cos, -sin, 0, x], [sin, cos, 0, y], [0, 0, 1, z], [0, 0, 0, 1]])
    return replace(world, viewmat=tuple(map(tuple, (world.matrix @ to_world).tolist())))


def write_disc(path: Path, rate) -> None:
    """The depth of a disc before the mouth, at twice the picture's size."""
    y, x = np.mgrid[: 2 * SIDE, : 2 * SIDE]
    depth = np.where((y - 1.36 * SIDE) ** 2 + (x - 1.2 * SIDE) ** 2 < (0.36 * SIDE) ** 2, 0.2, 1e10)
    write_exr(path, [ExrLayer("depth", {"Z": depth.astype(np.float32)})], FrameMetadata(rate, FRAME))


def main() -> None:
    """Draw it."""
    samples = ROOT / "samples"
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), f"{name}/a.bake"
        list(bake(Bake(str(samples / "sample.head"), str(samples / "voice.wav"), path, frame_count=FRAME + 3)))
        with BakeReader.open(path) as reader:
            own, rate = reader.card.camera.resized(SIDE, SIDE), reader.card.fps
        job = Render(path, "", cameras=(own,), exr=False, movie=False, frames=str(FRAME))
        wide = Camera.looking_at(own.centre * [1, 1.5, 1], [0, 0, own.centre[2]], int(1.4 * SIDE), SIDE, 0.42)
        first = camera_of_first(wide, PLACES[0])
        pan = [replace(own, cx=own.cx + step) for step in (-PAN, 0, PAN)]
        write_disc(folder / f"cg.{FRAME:04d}.exr", rate)
        pictures = [
            drawn(job, folder, cameras=(first,), more_bakes=(path,), places=PLACES),
            drawn(job, folder, holdout=str(folder / "cg.####.exr")),
            drawn(job, folder, motion_blur=True, shutter_cameras=(tuple(pan),)),
        ]
        page, left = Image.new("RGB", (sum(each.width for each in pictures), SIDE), GREY), 0
        for each in pictures:
            page.paste(each, (left, 0), each)
            left += each.width
        page.save(PAGE, quality=88)


if __name__ == "__main__":
    main()

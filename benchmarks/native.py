# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads in Blender's own renders (5.3) beside our own pictures and the truth, and what the rest of the difference is.

    python -m benchmarks.native FOOTAGE HEAD [HEAD] --blender PYTHON --out FOLDER [--moments 4] [--samples 128]

PYTHON is a Python with bpy 5.3 (it needs numpy alone; `native_blender.py` is what it runs). Moments are held-back
pictures from closed lips to the widest, evenly chosen; crops are the mouth and the eyes. Two tables: each head in each
look against our own picture of it and against the footage; and how near our rasterizer comes to Blender when one after
the other of its ways is taken over (`native_rays.py`).

Everything is compared over mid grey, as 8-bit screens show it. Where Cycles has two seeds, the product of their two
differences is averaged in place of a square, so that its noise does not count (it has no mean and the two are
independent).
"""

import argparse
import json
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from talksplat.core.evaluation.evaluator import GREY, Evaluator
from talksplat.core.footage import Footage
from talksplat.core.formats import Camera, Gaussians, linear_to_srgb, read_head, srgb_to_linear
from talksplat.core.metrics import lip_gap, mouth_box

from .native_rays import Way, draw, filter_taps
from .native_sheet import write_sheet

ROOT = Path(__file__).resolve().parents[1]
EYES, EYES_MARGIN = slice(36, 48), 8  # landmarks, pixels
SHOWN = {  # look -> its second seed; of Cycles alone, EEVEE has none
    "solid": "solid",
    "eevee": "eevee",
    "eevee exact": "eevee exact",
    "cycles": "cycles again",
    "cycles exact": "cycles exact again",
}
# Blender's own ways, taken over one after the other; the last of each list is the engine's whole way
CYCLES_FILTER = filter_taps(3.0, "blackman", 10)  # "Width 1.5" in Cycles reaches 1.5 pixels to each side
EEVEE_FILTER = filter_taps(1.5, "gaussian", 10)
WAYS = {
    "cycles": {
        "codes are blended": Way(),
        "+ light is blended": Way(light=True),
        "+ no low-pass": Way(light=True, low_pass=0),
        "+ pixel filter": Way(light=True, low_pass=0, taps=CYCLES_FILTER),
        "+ order along the ray": Way(light=True, low_pass=0, taps=CYCLES_FILTER, order="ray"),
        "+ greatest along the ray": Way(light=True, low_pass=0, taps=CYCLES_FILTER, order="ray", response="ray"),
    },
    "eevee": {
        "codes are blended": Way(),
        "+ light is blended": Way(light=True),
        "+ low-pass of 0.1": Way(light=True, low_pass=0.1),
        "+ pixel filter": Way(light=True, low_pass=0.1, taps=EEVEE_FILTER),
    },
}


@dataclass(frozen=True)
class Moment:
    """A head at a held-back picture of its footage."""

    name: str
    gaussians: Gaussians
    camera: Camera
    own: np.ndarray  # [H,W,3] sRGB codes over grey, as the head was trained
    truth: np.ndarray  # the same
    boxes: dict[str, list[int]]  # left, top, right, bottom
    blend: str

    @property
    def looks(self) -> list[str]:
        """Those that mean something: Exact Colour is for heads whose codes are blended."""
        return [look for look in SHOWN if self.blend == "display" or "exact" not in look]


def chosen_pictures(footage: Footage, evaluator: Evaluator, count: int) -> list[int]:
    """Held-back pictures that show the mouth, by quantiles of the lip gap."""
    rows = np.concatenate([footage.frames("test"), footage.frames("camera")])
    rows = np.array([i for i in rows if evaluator.sees_mouth(footage.camera(i))])
    by_gap = rows[np.argsort(lip_gap(footage.landmarks2d[rows]))]
    return [int(by_gap[k]) for k in np.linspace(0, len(by_gap) - 1, count).astype(int)]


def moment_of(name: str, evaluator: Evaluator, i: int) -> Moment:
    footage, g = evaluator.footage, evaluator.replay.canonical
    frame, camera, landmarks = evaluator.replay.at(evaluator.condition(i)), footage.camera(i), footage.landmarks2d[i]
    rows, columns = mouth_box(landmarks, footage.width, footage.height)
    low, high = landmarks[EYES].min(axis=0) - EYES_MARGIN, landmarks[EYES].max(axis=0) + EYES_MARGIN
    boxes = {
        "mouth": [int(side) for side in (columns.start, rows.start, columns.stop, rows.stop)],
        "eyes": [*map(int, np.floor(low)), *map(int, np.ceil(high))],
    }
    moved = replace(g, means=frame.means.copy(), quats=frame.quats.copy(), scales=frame.scales.copy())
    return Moment(
        f"{name}_{i:06d}",
        moved,
        camera,
        evaluator.draw(frame, camera),
        evaluator.truth(i),
        boxes,
        evaluator.head.card.blend,
    )


def render_in_blender(moments: list[Moment], python: str, out: Path, samples: int) -> None:
    """Let Blender draw what is not in `out` yet."""
    out.mkdir(parents=True, exist_ok=True)
    notes = []
    for moment in moments:
        np.savez(out / f"{moment.name}.npz", **{k: v for k, v in vars(moment.gaussians).items() if v is not None})
        camera = vars(moment.camera) | {"viewmat": moment.camera.matrix.tolist()}
        looks = list(dict.fromkeys(seed for look in moment.looks for seed in (look, SHOWN[look])))
        notes.append({"name": moment.name, "camera": camera, "boxes": moment.boxes, "looks": looks})
    (out / "moments.json").write_text(json.dumps({"samples": samples, "moments": notes}))
    command = [python, "-m", "talksplat.benchmarks.native_blender", str(out)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT.parent)}, cwd=out)


def over_grey(picture: np.ndarray, is_light: bool) -> np.ndarray:  # [H,W,4] premultiplied -> [H,W,3] sRGB codes
    grey = srgb_to_linear(np.float64(GREY)) if is_light else GREY
    over = picture[..., :3].astype(float) + (1 - picture[..., 3:]) * grey
    return np.clip(linear_to_srgb(np.maximum(over, 0)) if is_light else over, 0, 1)


def cropped(picture: np.ndarray, box: list[int]) -> np.ndarray:
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


def blenders(out: Path, moment: Moment, box: str, look: str) -> tuple[np.ndarray, np.ndarray]:
    """Blender's crop by both seeds."""
    paths = (out / f"{seed}_{moment.name}_{box}.npy" for seed in (look, SHOWN[look]))
    first, second = (over_grey(cropped(np.load(path), moment.boxes[box]), True) for path in paths)
    return first, second


def decibels(reference: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    return float(-10 * np.log10(max(((first - reference) * (second - reference)).mean(), 1e-9)))


def print_looks(name: str, moments: list[Moment], out: Path) -> None:
    """Each look of one head: dB against our own picture and against the footage, means over the moments."""
    for box in ("mouth", "eyes"):
        own = [decibels(cropped(m.truth, m.boxes[box]), *2 * [cropped(m.own, m.boxes[box])]) for m in moments]
        print(f"| {name}, {box} | our own | | {np.mean(own):.2f} |")
        for look in moments[0].looks:
            pairs = [(m, blenders(out, m, box, look)) for m in moments]
            rows = [
                [decibels(cropped(against, m.boxes[box]), *pair) for against in (m.own, m.truth)] for m, pair in pairs
            ]
            to_own, to_truth = np.mean(rows, axis=0)
            print(f"| {name}, {box} | {look} | {to_own:.2f} | {to_truth:.2f} |", flush=True)


def print_ways(name: str, moments: list[Moment], out: Path) -> None:
    """How near each way of drawing comes to the engine's picture, dB, means over the moments."""
    for engine, ways in WAYS.items():
        for title, way in ways.items():
            if not way.light and moments[0].blend == "linear":
                continue
            row = []
            for box in ("mouth", "eyes"):
                drawn = [over_grey(draw(m.gaussians, m.camera, m.boxes[box], way), way.light) for m in moments]
                values = [decibels(d, *blenders(out, m, box, engine)) for d, m in zip(drawn, moments)]
                row.append(f"{np.mean(values):.2f}")
            print(f"| {name}, {engine} | {title} | {' | '.join(row)} |", flush=True)


def sheet_rows(name: str, moment: Moment, out: Path) -> dict[str, list[tuple[str, np.ndarray]]]:
    """A row of the contact sheet for each crop of a head's moment: the truth, our own picture, Blender's."""
    rows = {}
    for box in ("mouth", "eyes"):
        ours = [("footage", moment.truth), ("our own", moment.own)]
        row = [(title, cropped(picture, moment.boxes[box])) for title, picture in ours]
        row += [(look, np.mean(blenders(out, moment, box, look), axis=0)) for look in moment.looks]
        rows[f"{name}: {box}"] = row
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("heads", nargs="+", type=Path)
    parser.add_argument("--blender", required=True, help="a Python with bpy 5.3")
    parser.add_argument("--out", type=Path, required=True, help="keeps Blender's pictures")
    parser.add_argument("--moments", type=int, default=4)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--sheet", type=Path, default=None, help="a picture of the moment with the widest lips")
    options = parser.parse_args()
    footage, heads = Footage.open(options.footage), {}
    for path in options.heads:
        evaluator = Evaluator(read_head(path), footage)
        heads[path.stem] = [
            moment_of(path.stem, evaluator, i) for i in chosen_pictures(footage, evaluator, options.moments)
        ]
    render_in_blender([m for moments in heads.values() for m in moments], options.blender, options.out, options.samples)
    print("| head, crop | drawn by | PSNR against our own picture | against the footage |\n|---|---|---|---|")
    for name, moments in heads.items():
        print_looks(name, moments, options.out)
    if options.sheet:
        rows = [sheet_rows(name, moments[-1], options.out) for name, moments in heads.items()]
        write_sheet(options.sheet, {title: row for part in rows for title, row in part.items()})
    print("\n| head, engine | our picture, with | mouth | eyes |\n|---|---|---|---|")
    for name, moments in heads.items():
        print_ways(name, moments, options.out)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig by its number of channels: how far position, rotation and scale err, and the mouth in the picture.

Run: python -m benchmarks.rig [HEAD] [--voice SOUND ...] [--moments 40]. Without a file: the sample head; without
voices: the two of the package that no rig is made from. For each number K the best projection onto K components a
region, found as `talksplat rig` finds them, on speech that they were not found from. RMS over the Gaussians that a
condition can move, weighted alike; the rotation's is of angles, the scale's of ln(scale ratio); the picture is the
head's own view at its mouth (PSNR of the mean square error of all moments).
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talksplat.core.audio import load_sound
from talksplat.core.formats import HeadFile, read_head
from talksplat.core.listening import AudioCodes, compute_performance
from talksplat.core.metrics import mouth_box
from talksplat.core.performance import (
    Condition,
    Controls,
    Frame,
    LandmarkCarrier,
    Performance,
    Replay,
    difference_from_rest,
)
from talksplat.core.raster import rasterize
from talksplat.core.rigging.basis import BasisFit, RegionBasis
from talksplat.core.rigging.conditions import sample_conditions
from talksplat.core.rigging.make_rig import MADE_FROM
from talksplat.core.rigging.rig import HELD_BACK, VOICES
from talksplat.core.rigging.snapshots import blocks

SAMPLE = Path(__file__).parents[1] / "samples" / "sample.head"
COUNTS = (0, 4, 8, 12, 16, 24, 32)


def listen(head: HeadFile, path: Path) -> Performance:
    """The head's performance of a sound."""
    steps = compute_performance(head, load_sound(path), str(path))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def fit_regions(head: HeadFile, replay: Replay, rest: Condition) -> list[RegionBasis]:
    """The components that `talksplat rig` would choose from."""
    voices = [listen(head, path) for path in sorted(VOICES.glob("*.opus")) if HELD_BACK not in path.name]
    samples = sample_conditions(voices, MADE_FROM, 0)
    fit = BasisFit([sample.kind for sample in samples], np.zeros(len(samples), bool))
    for step in (fit.measure, fit.add):
        for block in blocks(head, replay, rest, [sample.condition for sample in samples]):
            step(block)
    return list(fit.regions.values())


class Projection:
    """A region's components as one table, its Gaussians in the order of the basis."""

    def __init__(self, basis: RegionBasis) -> None:
        branches = list(basis.rows)
        self.rows = np.concatenate([rows for branch in branches for rows in basis.rows[branch]])
        self.weights = np.concatenate([w for branch in branches for w in basis.weights[branch]], axis=1)  # [9,M]
        moves = np.concatenate([m for branch in branches for m in basis.moves[branch]], axis=2)
        self.moves = moves.reshape(len(moves), -1)  # [K, 9M] orthonormal

    def of(self, difference: np.ndarray, k: int) -> np.ndarray:
        """[9,M] of this region's Gaussians -> its best approximation by k components."""
        moves = self.moves[:k]
        return ((moves @ (difference * self.weights).reshape(-1)) @ moves).reshape(9, -1) / self.weights


def posed(rest: Frame, difference: np.ndarray) -> Frame:
    """The inverse of `difference_from_rest`."""
    x, y, z = difference[3:6]
    w, i, j, k = rest.quats.T
    q = np.stack(
        [w - x * i - y * j - z * k, i + w * x + j * z - k * y, j + w * y + k * x - i * z, k + w * z + i * y - j * x],
        axis=1,
    )
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    means = rest.means + difference[:3].T / 1000
    scales = rest.scales * np.exp(difference[6:].T)
    return Frame(*(np.ascontiguousarray(column, np.float32) for column in (means, q, scales)))


def errors(exact: Frame, shown: Frame, rows: np.ndarray) -> np.ndarray:
    """[3] mean squares over `rows`: mm, degrees, ln of the scales' ratio."""
    position = 1000 * np.linalg.norm(exact.means[rows] - shown.means[rows], axis=1)
    # From the sine: the cosine of a small angle is 1 in float32.
    chord = np.minimum(*(np.linalg.norm(exact.quats[rows] + s * shown.quats[rows], axis=1) for s in (-1, 1)))
    angle = np.degrees(4 * np.arcsin(np.minimum(chord / 2, 1)))
    scale = np.log(exact.scales[rows] / shown.scales[rows])
    return np.array([np.square(values).mean(dtype=np.float64) for values in (position, angle, scale)])


class MouthPicture:
    """The head's own view, at the mouth of the head at rest."""

    def __init__(self, head: HeadFile, replay: Replay, rest: Condition) -> None:
        camera = head.card.camera
        assert camera is not None, "the head has no view of its own"
        self.camera, self.canonical = camera, replay.canonical
        seen = LandmarkCarrier(head).at(rest) @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
        pixels = seen[:, :2] / (seen[:, 2:] if camera.kind == "perspective" else 1) * [camera.fx, camera.fy]
        self.box = mouth_box(pixels + np.array([camera.cx, camera.cy]), camera.width, camera.height)

    def of(self, frame: Frame) -> np.ndarray:
        """RGB, display-referred, 0..1."""
        g = self.canonical
        return np.clip(rasterize(*frame, g.opacities, g.sh0, g.shN, self.camera).color[self.box], 0, 1)


def table(head: HeadFile, sounds: list[Path], moments: int) -> Iterator[tuple[int, np.ndarray]]:
    """(K, [4]: RMS in mm, degrees, ln of scale; PSNR in dB) of each of COUNTS."""
    replay = Replay(head)
    rest = Condition(AudioCodes(head).rest(), np.zeros(len(head.card.expression), np.float32))
    regions = [Projection(basis) for basis in fit_regions(head, replay, rest)]
    base, picture = replay.at(rest), MouthPicture(head, replay, rest)
    rows = np.concatenate(list(replay.moving.values()))
    voices = [listen(head, sound) for sound in sounds]
    times = [(voice, t) for voice in voices for t in np.linspace(0, voice.duration, math.ceil(moments / len(voices)))]
    sums = {k: np.zeros(4) for k in COUNTS}
    for voice, t in times:
        exact = replay.at(voice.at(t, Controls(blinks=0)))
        difference, truth = difference_from_rest(exact, base), picture.of(exact)
        for k, total in sums.items():
            kept = np.zeros_like(difference)
            for region in regions:
                kept[:, region.rows] = region.of(difference[:, region.rows], k)
            shown = posed(base, kept)
            total[:3] += errors(exact, shown, rows) / len(times)
            total[3] += np.square(truth - picture.of(shown)).mean(dtype=np.float64) / len(times)
    for k, total in sums.items():
        yield k, np.append(np.sqrt(total[:3]), -10 * np.log10(total[3]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--voice", nargs="+", type=Path, default=sorted(VOICES.glob(f"*{HELD_BACK}*.opus")))
    parser.add_argument("--moments", type=int, default=40)
    arguments = parser.parse_args()
    print(f"{arguments.head.name}, {', '.join(path.name for path in arguments.voice)}, {arguments.moments} moments")
    print("channels a region | position mm | rotation degrees | scale % | mouth PSNR dB")
    for k, (position, rotation, scale, psnr) in table(read_head(arguments.head), arguments.voice, arguments.moments):
        print(f"{k} | {position:.3f} | {rotation:.2f} | {100 * scale:.2f} | {psnr:.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

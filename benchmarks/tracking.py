# SPDX-License-Identifier: GPL-3.0-or-later
"""How accurate tracking is, where the truth is known: the sample actor's renders, each as a picture of unknown pose.

    python -m benchmarks.tracking ../footage/actor [--out tracking.json] [--most 300]

Landmarks are detected, one identity is fitted to all pictures that show a face, then pose and expression of each
picture by itself (no smoothing in time: neighbours in the folder are no neighbours in time). Of the truth only the
intrinsics are given; a second row of figures uses a guessed focal length (fit.FOCAL picture heights).

* turn: angle between the fitted and the true rotation. A head's canonical frame is a convention, so one constant
  rotation over all frontal pictures is removed; `turn_raw` is without that.
* landmarks: distance of the 68 fitted from the true landmarks in the picture, per cent of the face's width (3D distance
  of landmarks 0 and 16 at the head's depth, so a turned face counts as wide as a frontal one). Nothing is removed.
* lip gap: inner lips (62-66) in 3D, correlation and slope against the truth, frontal range.

The points of MediaPipe's landmarks on the rig were measured on other synthetic faces in the same studio, with the same
skin, brows and cap: this proves no figures for photographs of people.
Letters: N pictures.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from talksplat.core.tracking.fit import FaceTrack, fit_clip, fit_identity, intrinsics_matrix
from talksplat.core.tracking.pose import mean_rotation, rotation_vectors
from talksplat.core.tracking.rig import load_rig

FRONTAL = 35.5  # degrees of yaw: the range in which the limits apply
BANDS = ((0.0, 10.0), (10.0, 20.0), (20.0, FRONTAL), (FRONTAL, 60.0), (60.0, 180.0), (0.0, FRONTAL))
LIMITS = {"landmarks": 1.0, "turn": 1.5}  # per cent of the face's width, degrees; medians over the frontal range
BACKDROP = (112, 128, 136)


@dataclass(frozen=True)
class Truth:
    viewmat: np.ndarray  # [N, 4, 4]
    K: np.ndarray  # [3, 3]
    landmarks2d: np.ndarray  # [N, 68, 2] pixels
    landmarks: np.ndarray  # [N, 68, 3] metres, head space

    def at(self, rows: np.ndarray) -> "Truth":
        return Truth(self.viewmat[rows], self.K, self.landmarks2d[rows], self.landmarks[rows])

    @property
    def yaw(self) -> np.ndarray:
        """[N] degrees: where the camera is, 0 in front of the face, positive to its own left."""
        direction = self.viewmat[:, 2, :3]
        return np.degrees(np.arctan2(-direction[:, 0], direction[:, 1]))

    @property
    def face_width(self) -> np.ndarray:
        """[N] pixels."""
        metres = np.linalg.norm(self.landmarks[:, 0] - self.landmarks[:, 16], axis=-1)
        return metres * self.K[0, 0] / self.viewmat[:, 2, 3]


def read_truth(folder: Path) -> Truth:
    """Of a footage folder that samples.actor.render wrote."""
    names = [clip["name"] for clip in json.loads((folder / "footage.json").read_text())["clips"]]
    with np.load(folder / "frames.npz", allow_pickle=False) as stored:
        clip, moment = stored["clip"], stored["time"]
        viewmat, K, landmarks2d = stored["viewmat"], stored["K"][0], stored["landmarks2d"]
    tracks = {}
    for number in np.unique(clip):
        with np.load(folder / "tracks" / f"{names[number]}.npz", allow_pickle=False) as stored:
            tracks[number] = stored["time"], stored["landmarks"]
    landmarks = [tracks[c][1][np.argmin(np.abs(tracks[c][0] - t))] for c, t in zip(clip, moment)]
    return Truth(viewmat, K, landmarks2d, np.array(landmarks, np.float64))


def pictures(folder: Path, count: int) -> Iterator[np.ndarray]:
    """[H, W, 3] uint8 in order, on a plain backdrop."""
    for number in range(count):
        picture = Image.open(folder / "image" / f"{number:06d}.png").convert("RGBA")
        on_backdrop = Image.new("RGBA", picture.size, (*BACKDROP, 255))
        on_backdrop.alpha_composite(picture)
        yield np.asarray(on_backdrop.convert("RGB"))


def detect_landmarks(images: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """([N, 478, 2] pixels, [N] bool: a face was found)."""
    from talksplat.core.tracking.landmarker import Landmarker

    points, seen = [], []
    with Landmarker() as landmarker:
        for image in images:
            detection = landmarker.detect(image)
            seen.append(detection is not None)
            points.append(detection.points[:, :2] if detection else np.zeros((478, 2)))
    return np.array(points), np.array(seen)


def angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[N] degrees between rotations [N, 3, 3]."""
    return np.degrees(np.linalg.norm(rotation_vectors(first @ second.swapaxes(-1, -2)), axis=-1))


def lip_distance(landmarks: np.ndarray) -> np.ndarray:
    """[N, 68, 3] -> [N] metres."""
    return np.linalg.norm(landmarks[:, 62] - landmarks[:, 66], axis=-1)


def compare(track: FaceTrack, truth: Truth) -> dict:
    """The table of figures, a row per band of yaw, and the rotation that was removed."""
    found, true = track.viewmat[:, :3, :3], truth.viewmat[:, :3, :3]
    frontal = np.abs(truth.yaw) <= FRONTAL
    constant = mean_rotation((found.swapaxes(-1, -2) @ true)[frontal])
    turn, turn_raw = angles(found @ constant, true), angles(found, true)
    errors = np.linalg.norm(track.landmarks2d - truth.landmarks2d, axis=-1) / truth.face_width[:, None] * 100
    rows = [band_row(band, np.abs(truth.yaw), turn, turn_raw, errors) for band in BANDS]
    gap, true_gap = (lip_distance(x[frontal]) for x in (track.landmarks, truth.landmarks))
    return {
        "bands": [row for row in rows if row],
        "frontal": rows[-1],
        "constant_degrees": np.degrees(rotation_vectors(constant)).tolist(),
        "lip_gap": {
            "correlation": float(np.corrcoef(gap, true_gap)[0, 1]),
            "slope": float(np.polyfit(true_gap, gap, 1)[0]),
        },
    }


def band_row(
    band: tuple[float, float], yaw: np.ndarray, turn: np.ndarray, turn_raw: np.ndarray, errors: np.ndarray
) -> dict:
    """Medians and percentiles of a band of yaw; {} without a picture."""
    here = (yaw >= band[0]) & (yaw <= band[1])
    if not here.any():
        return {}
    return {
        "yaw": list(band),
        "pictures": int(here.sum()),
        "turn": float(np.median(turn[here])),
        "turn_p95": float(np.percentile(turn[here], 95)),
        "turn_raw": float(np.median(turn_raw[here])),
        "landmarks": float(np.median(errors[here])),
        "landmarks_p95": float(np.percentile(errors[here], 95)),
        "inner": float(np.median(errors[here, 17:])),
        "mouth": float(np.median(errors[here, 48:])),
    }


def fit_and_compare(points: np.ndarray, seen: np.ndarray, truth: Truth, K: np.ndarray) -> dict:
    """Fit the pictures that show a face, with the intrinsics K, and compare. Returns figures and seconds."""
    rig, started = load_rig(), time.perf_counter()
    identity = fit_identity(points[seen], K, rig)
    identified = time.perf_counter()
    track = fit_clip(points[seen], np.ones(seen.sum(), bool), K, rig, identity, smooth=False)
    seconds = {"identity": identified - started, "frames": time.perf_counter() - identified}
    return {"found": int(seen.sum()), "of": len(seen), **compare(track, truth.at(seen)), "seconds": seconds}


def print_table(title: str, figures: dict) -> None:
    print(f"{title}: {figures['found']} of {figures['of']} pictures show a face")
    columns = ("turn", "turn_p95", "turn_raw", "landmarks", "landmarks_p95", "inner", "mouth")
    print(f"  {'|yaw|':>8s} {'n':>5s} " + " ".join(f"{name:>13s}" for name in columns))
    for row in figures["bands"]:
        low, high = row["yaw"]
        print(f"  {low:3.0f}..{high:3.0f} {row['pictures']:5d} " + " ".join(f"{row[name]:13.2f}" for name in columns))
    gap, removed = figures["lip_gap"], np.round(figures["constant_degrees"], 2)
    print(
        f"  (degrees; % of the face's width) lip gap: correlation {gap['correlation']:.3f}, slope {gap['slope']:.2f};"
        f" constant rotation removed {removed} degrees",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--out", type=Path, default=None, help="write the figures as JSON")
    parser.add_argument("--most", type=int, default=None, help="only the first pictures")
    arguments = parser.parse_args()
    truth = read_truth(arguments.footage)
    truth = truth.at(np.arange(len(truth.viewmat))[: arguments.most])
    with Image.open(arguments.footage / "image" / "000000.png") as first:
        size = first.size
    points, seen = detect_landmarks(pictures(arguments.footage, len(truth.viewmat)))
    figures = {
        "lens_known": fit_and_compare(points, seen, truth, truth.K),
        "lens_guessed": fit_and_compare(points, seen, truth, intrinsics_matrix(*size)),
    }
    for title, row in figures.items():
        print_table(title.replace("_", " "), row)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1))
    frontal = figures["lens_known"]["frontal"]
    missed = [name for name, limit in LIMITS.items() if not frontal[name] < limit]
    print(f"limits {LIMITS} (frontal medians): " + (f"MISSED: {', '.join(missed)}" if missed else "held"))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()

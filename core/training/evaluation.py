# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is on what was held back from it: pictures of unheard clips, an unseen camera, unheard speech.

Everything goes through the numpy replay and the raster, as in Blender. Beside each number stands the static mean
head: the same head in the mean condition of its training clips, never moving.

    talksplat evaluate HEAD FOOTAGE [--out OUT.json]

Letters: F pictures, T moments of a clip, P landmarks, A audio code. Pictures are compared over mid grey.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ..audio.decode import load_sound
from ..audio.encoders import ENCODERS
from ..audio.features import Features
from ..audio.windows import window_at
from ..footage import Footage
from ..formats.atomic import written_beside
from ..formats.camera import Camera
from ..formats.gaussians import Gaussians
from ..formats.head import HeadFile, read_head
from ..formats.refusal import Refusal
from ..head import HeadModel
from ..jobs.events import Event, Finished, Progress, Started
from ..jobs.pace import Pace
from ..metrics import correlation, jitter, lip_gap, mouth_box, rated
from ..performance.condition import Condition
from ..performance.replay import Frame, Replay
from ..raster.door import rasterize
from .speech import listen

GREY = 0.5
MEAN_CLIPS = 32  # train clips that the mean condition is taken from
CARRIERS = 8  # face Gaussians that carry a landmark along
FACING = 0.35  # cosine between the camera's direction and the face's front: a mouth is looked at from there
SPLITS = {"unheard clips": "test", "unseen camera": "camera"}


class Judge:
    """A head, its footage, and what both sound like."""

    def __init__(self, head: HeadFile, footage: Footage) -> None:
        if len(footage.expression_names) != len(head.card.expression):
            raise Refusal(f"{footage.folder} has {len(footage.expression_names)} expression channels, {head.source} "
                          f"{len(head.card.expression)}; take the footage the head was trained on.")
        self.head, self.footage = head, footage
        self.model, self.replay = HeadModel.from_file(head), Replay(head)
        self._features: dict[int, Features] = {}  # clip -> what the encoder hears
        self.mean = self._mean()

    def codes(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        with torch.no_grad():
            return {name: code.numpy() for name, code in self.model.codes(torch.from_numpy(windows)).items()}

    def _mean(self) -> Condition:
        """The mean of what training clips say and do."""
        speech = listen(self.footage, "train", self.head.card.audio_encoder, MEAN_CLIPS)
        rows = np.arange(len(speech.moments))[:: max(len(speech.moments) // 1500, 1)]
        codes = self.codes(speech.batch(rows))
        return Condition({name: code.mean(axis=0) for name, code in codes.items()},
                         speech.stacked("expression", rows).mean(axis=0))

    def features(self, clip: int) -> Features:
        if clip not in self._features:
            encoder = ENCODERS[self.head.card.audio_encoder]
            self._features[clip] = encoder.encode(load_sound(self.footage.clips[clip].audio))
        return self._features[clip]

    def condition(self, i: int) -> Condition:
        """What drives picture i: its sound, and its own upper face."""
        codes = self.codes(window_at(self.features(int(self.footage.clip[i])), self.footage.time[i : i + 1]))
        return Condition({name: code[0] for name, code in codes.items()}, self.footage.expression[i])

    def draw(self, frame: Frame, camera: Camera) -> np.ndarray:
        """[H,W,3] over grey."""
        c: Gaussians = self.replay.canonical
        background = np.full(3, GREY, np.float32)
        return np.clip(rasterize(frame.means, frame.quats, frame.scales, c.opacities, c.sh0, c.shN, camera,
                                 background=background).color, 0, 1)

    def picture(self, i: int) -> dict[str, float]:
        """Every metric of one picture, of the moving head and of the mean head."""
        view, camera = self.footage.picture(i), self.footage.camera(i)
        truth = view.rgb + (1 - view.alpha)[..., None] * np.float32(GREY)
        drawn = {"head": self.draw(self.replay.at(self.condition(i)), camera),
                 "mean": self.draw(self.replay.at(self.mean), camera)}
        parts = {"whole": np.s_[:, :]}
        if self.sees_mouth(i):
            parts["mouth"] = mouth_box(self.footage.landmarks2d[i], self.footage.width, self.footage.height)
        return {f"{who} {part} {name}": value for who, picture in drawn.items() for part, box in parts.items()
                for name, value in rated(rendered=picture[box], truth=truth[box]).items()}

    def sees_mouth(self, i: int) -> bool:
        towards = self.footage.camera(i).centre - self.places().mean(axis=0)
        return bool(-towards[1] / np.linalg.norm(towards) > FACING)

    # lips

    def places(self) -> np.ndarray:
        """[68,3] canonical landmarks, from the head's card."""
        return canonical_landmarks(self.head)

    def lips(self, clip: int) -> dict:
        """Lip gap of a clip spoken from its sound alone (expression zero), against its track."""
        track = self.footage.track(clip)
        codes = self.codes(window_at(self.features(clip), track.time))
        still = np.zeros(len(self.head.card.expression), np.float32)
        carried = carry(self.replay, self.places(), [
            Condition({name: code[t] for name, code in codes.items()}, still) for t in range(len(track.time))])
        told, true = lip_gap(carried), lip_gap(track.landmarks)
        return {"clip": self.footage.clips[clip].name, "r": correlation(told, true), "told": told, "true": true,
                "jitter_mm": 1e3 * jitter(carried[:, 48:]), "true_jitter_mm": 1e3 * jitter(track.landmarks[:, 48:])}


def canonical_landmarks(head: HeadFile) -> np.ndarray:
    """[68,3] metres. Raises Refusal for a head trained elsewhere."""
    places = np.asarray(head.card.training.get("landmarks", ()), dtype=np.float64)
    if places.shape != (68, 3):
        raise Refusal(f"{head.source}: its card holds no landmarks, so its lips cannot be followed; train it again.")
    return places


def carry(replay: Replay, places: np.ndarray, conditions: list[Condition]) -> np.ndarray:
    """Landmarks ride on the face Gaussians nearest to them at rest: [T,68,3] metres. No network is asked for a
    landmark: what moves is what is drawn."""
    rest = replay.canonical.means
    rows = np.flatnonzero((replay.branch == 0) & (replay.canonical.opacities > 0.3))
    away = np.linalg.norm(rest[rows][None] - places[:, None], axis=2)
    near = rows[np.argsort(away, axis=1)[:, :CARRIERS]]  # [68,8]
    out, frame = np.empty((len(conditions), *places.shape)), replay.frame()
    for t, condition in enumerate(conditions):
        moved = replay.at(condition, frame).means
        out[t] = places + (moved[near] - rest[near]).mean(axis=1)
    return out


def measured(judge: Judge) -> Iterator[Progress]:
    """Every held-back picture and clip. A generator that gives the result back; {} where nothing was held back."""
    frames = {name: judge.footage.frames(split) for name, split in SPLITS.items()}
    clips = judge.footage.clips_of("test")
    pace, done, result = Pace(sum(map(len, frames.values())) + len(clips)), 0, {}
    for name, rows in frames.items():
        rated = []
        for i in rows:
            rated.append(judge.picture(int(i)))
            done += 1
            yield pace.at(done, f"measuring pictures: {name}")
        if rated:
            result.setdefault("pictures", {})[name] = _means(rated)
    spoken = []
    for clip in clips:
        spoken.append(judge.lips(clip))
        done += 1
        yield pace.at(done, "measuring lips of unheard clips")
    if spoken:
        result["lips"] = _lips(spoken)
    return result


def evaluate(head: str | Path, footage: str | Path, out: str | Path | None = None) -> Iterator[Event]:
    """Measure; the result is Finished's. `out`: also written there as JSON, and beside it as a markdown table."""
    yield Started(f"Measuring {Path(head).name} on {Path(footage).name}", 0)
    result = yield from measured(Judge(read_head(head), Footage.open(footage)))
    if out is not None:
        with written_beside(out) as beside:
            beside.write_text(json.dumps(result, indent=1), encoding="utf-8")
        with written_beside(Path(out).with_suffix(".md")) as beside:
            beside.write_text(table(result), encoding="utf-8")
    yield Finished(result)


def _means(measured: list[dict[str, float]]) -> dict[str, float]:
    keys = sorted({key for row in measured for key in row})
    means = {key: round(float(np.mean([row[key] for row in measured if key in row])), 4) for key in keys}
    return {"count": len(measured), "with mouth": sum("head mouth psnr" in row for row in measured), **means}


def _lips(spoken: list[dict]) -> dict:
    told, true = (np.concatenate([clip[k] for clip in spoken]) for k in ("told", "true"))
    return {
        "clips": len(spoken), "r all moments": round(correlation(told, true), 4),
        "r mean of clips": round(float(np.mean([clip["r"] for clip in spoken])), 4),
        "r of each clip": {clip["clip"]: round(clip["r"], 4) for clip in spoken},
        "mean error mm": round(float(1e3 * np.abs(told - true).mean()), 3),
        "spread told over true": round(float(told.std() / max(true.std(), 1e-12)), 3),
        "jitter mm": round(float(np.mean([clip["jitter_mm"] for clip in spoken])), 4),
        "true jitter mm": round(float(np.mean([clip["true_jitter_mm"] for clip in spoken])), 4)}


def table(result: dict) -> str:
    """The result as a markdown table."""
    lines = ["| held back | pictures | part | head PSNR | static mean PSNR | head SSIM | static mean SSIM |",
             "|---|---|---|---|---|---|---|"]
    for name, row in result.get("pictures", {}).items():
        for part, count in (("whole", row["count"]), ("mouth", row["with mouth"])):
            if f"head {part} psnr" in row:
                lines.append(f"| {name} | {count} | {part} | {row[f'head {part} psnr']:.2f} | "
                             f"{row[f'mean {part} psnr']:.2f} | {row[f'head {part} ssim']:.4f} | "
                             f"{row[f'mean {part} ssim']:.4f} |")
    lips = result.get("lips", {})
    lines += ["", "| lips of unheard clips, from sound alone | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in lips.items() if not isinstance(value, dict)]
    return "\n".join(lines) + "\n"

# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip's pictures as the footage has them: cropped, in the light that all clips share, cut out, labelled, with depth.

Letters: P pictures of the clip, S their side in pixels, M sample frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..footage.footage_write import picture_files, write_picture, write_track
from ..matting import Backdrop, alpha_by_mask, clean, labels
from ..tracking.rig import FaceRig, load_rig
from ..tracking.selfie import Segmenter
from ..tracking.surface import extended, surface
from .clips import Clip, pictures
from .fitting import Fit, fitted
from .look import looked
from .person import Facts, known
from .settings import VERSION, Settings
from .store import Key, Store, fingerprint
from .thumbnail import thumbnail

STAGE = "paint"
WANTED = {"drift": (), "left": (), "covered": ("P",), "thumbnail": (None, None, 3)}
SAMPLES = 8  # frames from which a clip's light is known
TOLD = 5  # frames between two words
CHIN = 8  # iBUG landmark
# Metres below the chin at rest where the body begins to fade and is gone; and behind the chin, where a neck is.
FADES, GONE, BEHIND = 0.015, 0.065, 0.04


@dataclass(frozen=True)
class Picked:
    """Which frames of a clip become pictures."""

    first: int  # number of the first picture
    frames: tuple[int, ...]  # P


@dataclass(frozen=True)
class Painted:
    """What is to be told of a clip's pictures."""

    drift: float  # grey levels that the backdrop was away from the common one
    left: float  # grey levels afterwards
    covered: np.ndarray  # [P] share of the picture that is person
    thumbnail: np.ndarray  # [h,w,3] uint8


def plan(clips: Sequence[Clip], fits: dict[str, Fit], settings: Settings) -> dict[str, Picked]:
    """Every `every`th good frame, at most `most` of a clip, numbered on from clip to clip."""
    out, first = {}, 0
    for clip in clips:
        good = np.flatnonzero(fits[clip.name].good)
        good = good[good % settings.every == 0] if (good % settings.every == 0).any() else good[:1]
        if settings.most and len(good) > settings.most:
            good = good[np.linspace(0, len(good) - 1, settings.most).round().astype(int)]
        out[clip.name] = Picked(first, tuple(int(k) for k in good))
        first += len(good)
    return out


def key_of(fit_key: Key, settings: Settings, picked: Picked) -> Key:
    return fingerprint(VERSION, STAGE, fit_key, settings.torso, picked)


def painted(store: Store, out: Path, name: str, key: Key, picked: Picked) -> Painted | None:
    """What an earlier run made, if every picture still lies there."""
    found = store.get(STAGE, name, key, WANTED)
    last = range(picked.first, picked.first + len(picked.frames))
    if found is None or not (out / "tracks" / f"{name}.npz").is_file() or not all(
            path.is_file() for i in last for path in picture_files(out, i).values()):
        return None
    return Painted(float(found["drift"]), float(found["left"]), found["covered"], found["thumbnail"])


def paint(clip: Clip, picked: Picked, look_key: Key, person_key: Key, fit_key: Key, key: Key, settings: Settings,
          work: Path, out: Path, tell: Callable[[int], None]) -> None:
    """Write image, label and depth of every picked frame, and the clip's track."""
    store = Store(work)
    seen, facts, fit = looked(store, clip, look_key), known(store, person_key), fitted(store, clip.name, fit_key)
    if seen is None or facts is None or fit is None:
        raise RuntimeError(f"{clip.name} is to be painted, but what it needs is not stored")
    points = facts.placed(seen.points)[..., :2]
    points[~seen.seen] = np.nan
    light = _light(facts, pictures(clip, facts.wide_size, facts.wide_box), points, picked)
    place = {k: picked.first + n for n, k in enumerate(picked.frames)}
    covered, shown = [], None
    for k, rgb in pictures(clip, facts.wide_size, facts.wide_box):
        if k in place:
            rgba, label, depth = _cut_out(rgb, points[k], facts, light, fit, k, settings)
            write_picture(out, place[k], rgba, label, depth)
            covered.append(rgba[..., 3].mean() / 255)
            if k <= picked.frames[len(picked.frames) // 2] or shown is None:
                shown = thumbnail(rgb[facts.inner], rgba, label, facts.placed(fit.landmarks2d[k]))
        if (k + 1) % TOLD == 0:
            tell(TOLD)
    tell(clip.span.count % TOLD)
    write_track(out, clip.name, np.arange(clip.span.count) / float(clip.rate), fit.landmarks, fit.channels,
                weights=fit.weights, viewmat=fit.viewmat)
    store.put(STAGE, clip.name, key, {"drift": np.array(light.drift), "left": np.array(light.left),
                                      "covered": np.array(covered), "thumbnail": shown})


def _light(facts: Facts, frames: Iterator[tuple[int, np.ndarray]], points: np.ndarray, picked: Picked) -> Backdrop:
    """The backdrop with what brings this clip to it."""
    if not facts.backdrop.plain:
        return facts.backdrop
    spread = np.unique(np.linspace(0, len(picked.frames) - 1, min(SAMPLES, len(picked.frames))).astype(int))
    wanted = {picked.frames[n] for n in spread}
    several = [(k, rgb) for k, rgb in frames if k in wanted]
    return facts.backdrop.of_clip(np.stack([rgb for _, rgb in several]),
                                  points[[k for k, _ in several]] + facts.margin[:2])


def _cut_out(rgb: np.ndarray, points: np.ndarray, facts: Facts, light: Backdrop, fit: Fit, k: int, settings: Settings
             ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(RGBA [S,S,4] uint8 straight, label [S,S] uint8, depth [S,S] metres) of frame k; rgb has its margin, points
    [478,2] are of the picture without it."""
    outer = points + np.array(facts.margin[:2], np.float32)
    even = light.evened(rgb, outer)
    if light.plain:
        alpha, field = light.alpha(even, outer), light.field
    else:
        alpha, field = alpha_by_mask(even, _segmenter().person(rgb), outer), None
    straight = clean(even, alpha, field)[facts.inner]
    alpha = alpha[facts.inner]
    if settings.torso == "fade":
        alpha = alpha * above_neck(load_rig(), facts, fit.viewmat[k])
    label = labels(alpha.shape, alpha, points)
    rig = surface(load_rig(), facts.identity.coefficients, fit.weights[k], fit.viewmat[k], facts.camera, alpha.shape)
    rgba = np.dstack([straight, np.rint(alpha * 255).astype(np.uint8)])
    return rgba, label, extended(rig, alpha, facts.camera[0, 0]).depth


def above_neck(rig: FaceRig, facts: Facts, viewmat: np.ndarray) -> np.ndarray:
    """[S,S] float32 1 for the head, 0 for the body, soft between.

    A ramp in head space, not in the picture: it hangs on the skull, so that a jaw that opens does not move it and
    training finds the same end of the neck in every picture. Each pixel is met on the plane BEHIND the chin.
    """
    chin = rig.landmarks.at(facts.identity.coefficients, np.zeros(len(rig.expression_names)))[CHIN]
    y, x = np.mgrid[: facts.side, : facts.side] + 0.5
    rays = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(facts.camera).T @ viewmat[:3, :3]
    centre = -viewmat[:3, :3].T @ viewmat[:3, 3]
    reach = (chin[1] + BEHIND - centre[1]) / rays[..., 1]
    height = centre[2] + reach * rays[..., 2]
    t = np.clip((height - (chin[2] - GONE)) / (GONE - FADES), 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)


@cache
def _segmenter() -> Segmenter:
    """One a process."""
    return Segmenter()


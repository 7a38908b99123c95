# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip's pictures as the footage has them: cropped, in the light that all clips share, cut out, labelled, with depth.

Letters: P pictures of the clip, S their side in pixels, M sample frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from ..footage import picture_paths, write_clip_track, write_footage_picture
from ..formats import is_nonempty_file
from ..matting import Backdrop, alpha_from_mask, despill, label_pixels
from ..metrics import lip_gap
from ..tracking import FaceRig, PersonSegmenter, estimate_person_depth, load_rig, render_surface
from .clips import SourceClip, pictures
from .detect import detected
from .fit_clips import Fit, fitted
from .identity import PersonIdentity, known
from .prepare_settings import VERSION, PrepareSettings
from .stage_cache import Key, StageCache, fingerprint
from .thumbnail import thumbnail

STAGE = "paint"
WANTED = {"drift": (), "left": ()}
SHOWN = {"thumbnail": (None, None, 3)}
DEPTHS = 3000  # pictures with depth are enough: training lifts its first points from sixty of them
SAMPLES = 8  # frames from which a clip's light is known
TOLD = 5  # frames between two words
CHIN = 8  # iBUG landmark
# Metres below the chin at rest where the body begins to fade and is gone; and behind the chin, where a neck is.
FADES, GONE, BEHIND = 0.015, 0.065, 0.04


@dataclass(frozen=True)
class FrameSelection:
    """Which frames of a clip become pictures."""

    first: int  # number of the first picture
    frames: tuple[int, ...]  # P
    shown: int  # the frame of the clip's thumbnail
    depth_every: int  # of the footage's pictures, by number, have depth

    @property
    def files(self) -> Iterator[tuple[int, bool]]:
        """Number of each picture, and whether it has depth."""
        for number in range(self.first, self.first + len(self.frames)):
            yield number, number % self.depth_every == 0


@dataclass(frozen=True)
class ExtractedClip:
    """What is to be told of a clip's pictures."""

    drift: float  # grey levels that the backdrop was away from the common one
    left: float  # grey levels afterwards


def plan(
    clips: Sequence[SourceClip], track: Callable[[str], Fit], odd: set[str], settings: PrepareSettings
) -> dict[str, FrameSelection]:
    """Every `every`th good frame, at most `most` of a clip, numbered on from clip to clip; the widest open mouth shown.

    `odd` clips give none: another light, and often other clothes, would have to be learnt with the same Gaussians.
    """
    chosen, widest, out, first = {}, {}, {}, 0
    for clip in clips:
        fit = track(clip.name)
        good = np.flatnonzero(fit.good)
        widest[clip.name] = int(good[np.argmax(lip_gap(fit.landmarks)[good])])
        good = good[good % settings.every == 0] if (good % settings.every == 0).any() else good[:1]
        if settings.most and len(good) > settings.most:
            good = good[np.linspace(0, len(good) - 1, settings.most).round().astype(int)]
        chosen[clip.name] = tuple(int(k) for k in good)
    every = max(1, sum(len(good) for good in chosen.values()) // DEPTHS)
    for name, good in chosen.items():
        frames = () if name in odd else good
        out[name] = FrameSelection(first, frames, widest[name], every)
        first += len(frames)
    return out


def key_of(fit_key: Key, settings: PrepareSettings, picked: FrameSelection) -> Key:
    return fingerprint(VERSION, STAGE, fit_key, settings.torso, picked)


def extracted(store: StageCache, out: Path, name: str, key: Key, picked: FrameSelection) -> ExtractedClip | None:
    """What an earlier run made, if every picture still lies there."""
    found = store.get(STAGE, name, key, WANTED)
    if found is None or not is_nonempty_file(out / "tracks" / f"{name}.npz"):
        return None
    for number, deep in picked.files:
        files = picture_paths(out, number)
        if not all(is_nonempty_file(path) for kind, path in files.items() if deep or kind != "depth"):
            return None
    return ExtractedClip(float(found["drift"]), float(found["left"]))


def shown(store: StageCache, name: str, key: Key) -> np.ndarray:
    """[h,w,3] uint8: the clip's thumbnail."""
    found = store.get(STAGE, name, key, SHOWN)
    if found is None:
        raise RuntimeError(f"{name} was painted, but nothing is stored")
    return found["thumbnail"]


def extract(
    clip: SourceClip,
    picked: FrameSelection,
    look_key: Key,
    person_key: Key,
    fit_key: Key,
    key: Key,
    settings: PrepareSettings,
    work: Path,
    out: Path,
    tell: Callable[[int], None],
) -> None:
    """Write image, label and depth of every picked frame, and the clip's track."""
    store = StageCache(work)
    seen, facts, fit = detected(store, clip, look_key), known(store, person_key), fitted(store, clip.name, fit_key)
    if seen is None or facts is None or fit is None:
        raise RuntimeError(f"{clip.name} is to be painted, but what it needs is not stored")
    points = facts.placed(seen.points)[..., :2]
    points[~seen.seen] = np.nan
    light = _light(facts, pictures(clip, facts.wide_size, facts.wide_box), points, picked)
    place = dict(zip(picked.frames, picked.files))
    small = None
    for k, rgb, _ in pictures(clip, facts.wide_size, facts.wide_box):
        if k in place:
            number, deep = place[k]
            rgba, label = _cut_out(rgb, points[k], facts, light, fit.viewmat[k], settings)
            write_footage_picture(out, number, rgba, label, _depth(facts, fit, k, rgba[..., 3] / 255) if deep else None)
        if k == picked.shown:
            rgba, label = _cut_out(rgb, points[k], facts, light, fit.viewmat[k], settings)
            small = thumbnail(rgb[facts.inner], rgba, label, facts.placed(fit.landmarks2d[k]))
        if (k + 1) % TOLD == 0:
            tell(TOLD)
    tell(clip.span.count % TOLD)
    write_clip_track(
        out,
        clip.name,
        np.arange(clip.span.count) / float(clip.rate),
        fit.landmarks,
        fit.channels,
        weights=fit.weights,
        viewmat=fit.viewmat,
    )
    store.put(
        STAGE,
        clip.name,
        key,
        {"drift": np.array(light.drift), "left": np.array(light.residual_drift), "thumbnail": small},
    )


def _light(
    facts: PersonIdentity, frames: Iterator[tuple[int, np.ndarray, bool]], points: np.ndarray, picked: FrameSelection
) -> Backdrop:
    """The backdrop with what brings this clip to it."""
    if not facts.backdrop.plain:
        return facts.backdrop
    choice = picked.frames or (picked.shown,)
    wanted = {choice[n] for n in np.linspace(0, len(choice) - 1, SAMPLES).astype(int)}
    several = [(k, rgb) for k, rgb, _ in frames if k in wanted]
    return facts.backdrop.for_clip(
        np.stack([rgb for _, rgb in several]), points[[k for k, _ in several]] + facts.margin[:2]
    )


def _cut_out(
    rgb: np.ndarray,
    points: np.ndarray,
    facts: PersonIdentity,
    light: Backdrop,
    viewmat: np.ndarray,
    settings: PrepareSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """(RGBA [S,S,4] uint8 straight, label [S,S] uint8); rgb has its margin, points [478,2] are of the picture without
    it."""
    if light.plain:
        outer = points + np.array(facts.margin[:2], np.float32)
        even = light.match_colour(rgb, outer)
        alpha = light.alpha(even, outer)
        straight, alpha = despill(even, alpha, light.field)[facts.inner], alpha[facts.inner]
    else:  # without its margin: the network's few pixels are better spent on the person
        rgb = np.ascontiguousarray(rgb[facts.inner])
        alpha = alpha_from_mask(rgb, _segmenter().segment(rgb), points)
        straight = despill(rgb, alpha)
    if settings.torso == "fade":
        alpha = alpha * above_neck(facts, viewmat)
    rgba = np.dstack([straight, np.rint(alpha * 255).astype(np.uint8)])
    return rgba, label_pixels(alpha.shape, alpha, points)


def _depth(facts: PersonIdentity, fit: Fit, k: int, alpha: np.ndarray) -> np.ndarray:
    """[S,S] metres along z of frame k: the rig's, and a guess for the rest of the person."""
    found = render_surface(_own_rig(facts), np.zeros(0), fit.weights[k], fit.viewmat[k], facts.camera, alpha.shape)
    return estimate_person_depth(found, alpha, facts.camera[0, 0])


_RIGS: dict[Key, FaceRig] = {}


def _own_rig(facts: PersonIdentity) -> FaceRig:
    """The rig with this person's shape as its neutral one, and no other."""
    if facts.key not in _RIGS:
        _RIGS.clear()
        rig = load_rig()
        shape = rig.neutral_shape(facts.identity.coefficients)
        _RIGS[facts.key] = replace(rig, neutral=shape, identities=rig.identities[:0])
    return _RIGS[facts.key]


def above_neck(facts: PersonIdentity, viewmat: np.ndarray) -> np.ndarray:
    """[S,S] float32 1 for the head, 0 for the body, soft between.

    A ramp in head space, not in the picture: it hangs on the skull, so that a jaw that opens does not move it and
    training finds the same end of the neck in every picture. Each pixel is met on the plane BEHIND the chin.
    """
    rig = _own_rig(facts)
    chin = rig.neutral[rig.landmark_vertices[CHIN]]
    y, x = np.mgrid[: facts.side, : facts.side] + 0.5
    rays = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(facts.camera).T @ viewmat[:3, :3]
    centre = -viewmat[:3, :3].T @ viewmat[:3, 3]
    reach = (chin[1] + BEHIND - centre[1]) / rays[..., 1]
    height = centre[2] + reach * rays[..., 2]
    t = np.clip((height - (chin[2] - GONE)) / (GONE - FADES), 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)


@cache
def _segmenter() -> PersonSegmenter:
    """One a process."""
    return PersonSegmenter()

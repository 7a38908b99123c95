# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `extract`: a clip's pictures as the footage has them, and its track.

Letters: T frames of the clip, M of them sampled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..footage import picture_paths, write_clip_track, write_footage_picture
from ..formats import is_nonempty_file
from ..matting import leak_share
from .alpha_method import ALPHA_METHODS, KEY, MASK
from .cut_out import CutOut, cut_out, neck_fade, picture_depth
from .detect import load_detection
from .fit_clips import ClipFit, load_fit
from .frame_selection import FrameSelection
from .identity import PersonIdentity, load_identity
from .prepare_settings import VERSION, PrepareSettings
from .source_clip import SourceClip, read_clip
from .stage_cache import Key, StageCache, fingerprint
from .thumbnail import make_thumbnail

STAGE = "extract"
MATTING = "key and person mask"  # what a clip's pictures were cut out by; changed when the result changes
CLIP_SHAPES = {"drift": (), "residual_drift": (), "method": (), "kept": (), "denied": ()}
THUMBNAIL_SHAPES = {"thumbnail": (None, None, 3)}
BACKDROP_FRAMES = 8  # from which a clip's light is measured, and how it can be cut out
REPORT_EVERY = 5  # frames


@dataclass(frozen=True)
class ExtractedClip:
    """What the report says of a clip's pictures."""

    drift: float  # grey levels by which the clip's backdrop differed from the common one
    residual_drift: float  # grey levels, after the colour match
    method: str  # of ALPHA_METHODS: what its pictures are cut out by, where the person mask agrees
    kept: int  # pixels of all pictures
    denied: int  # of the kept pixels, those that the person mask denies

    @property
    def leak(self) -> float:
        """Share 0..1 of the kept pixels that the person mask denies."""
        return leak_share(self.kept, self.denied)


@dataclass(frozen=True)
class StageKeys:
    """The cache keys of what a clip's pictures are made from, and of the result."""

    detect: Key
    identity: Key
    fit: Key
    extract: Key


def cache_key(fit_key: Key, settings: PrepareSettings, selection: FrameSelection) -> Key:
    """The fingerprint of a clip's pictures."""
    return fingerprint(VERSION, STAGE, MATTING, fit_key, settings.torso, selection)


def load_extracted(
    cache: StageCache, out: Path, name: str, key: Key, selection: FrameSelection
) -> ExtractedClip | None:
    """A clip's, from the cache; None where that or any of its files is missing."""
    arrays = cache.get(STAGE, name, key, CLIP_SHAPES)
    if arrays is None or not is_nonempty_file(out / "tracks" / f"{name}.npz"):
        return None
    for number, has_depth in selection.pictures:
        paths = picture_paths(out, number)
        if not all(is_nonempty_file(path) for kind, path in paths.items() if has_depth or kind != "depth"):
            return None
    return ExtractedClip(
        float(arrays["drift"]),
        float(arrays["residual_drift"]),
        ALPHA_METHODS[int(arrays["method"])],
        int(arrays["kept"]),
        int(arrays["denied"]),
    )


def load_thumbnail(cache: StageCache, name: str, key: Key) -> np.ndarray:
    """[h,3w,3] uint8 of a clip. Raises RuntimeError where it is missing: our own mistake."""
    arrays = cache.get(STAGE, name, key, THUMBNAIL_SHAPES)
    if arrays is None:
        raise RuntimeError(f"the thumbnail of {name} is needed, but is not in the cache")
    return arrays["thumbnail"]


def extract(
    clip: SourceClip,
    selection: FrameSelection,
    keys: StageKeys,
    settings: PrepareSettings,
    work: Path,
    out: Path,
    report_steps: Callable[[int], None],
) -> None:
    """Write image, label and depth of every selected frame, and the clip's track."""
    cache = StageCache(work)
    identity, fit = load_identity(cache, keys.identity), load_fit(cache, clip.name, keys.fit)
    cutter = ClipCutter(identity, fit, _crop_points(cache, clip, keys.detect, identity), settings.torso == "fade")
    if identity.backdrop.plain:
        cutter.measure(_read_samples(clip, selection, identity))
    numbers = dict(zip(selection.frames, selection.pictures))
    kept, thumbnail = np.zeros(2, np.int64), np.zeros((0, 0, 3), np.uint8)
    for k, rgb, _ in read_clip(clip, identity.crop.padded_size, identity.crop.padded_box):
        if k in numbers or k == selection.thumbnail_frame:
            picture = cutter.cut(k, rgb)
            if k in numbers:
                number, has_depth = numbers[k]
                depth = picture_depth(identity, fit, k, picture.rgba[..., 3] / 255) if has_depth else None
                write_footage_picture(out, number, picture.rgba, picture.label, depth)
                kept += (picture.person.kept, picture.person.denied)
            if k == selection.thumbnail_frame:
                landmarks = identity.crop.to_crop_pixels(fit.landmarks2d[k])
                thumbnail = make_thumbnail(rgb[identity.crop.inner], picture.rgba, picture.label, landmarks)
        if (k + 1) % REPORT_EVERY == 0:
            report_steps(REPORT_EVERY)
    report_steps(clip.span.count % REPORT_EVERY)
    _write_track(out, clip, fit)
    values = (cutter.backdrop.drift, cutter.backdrop.residual_drift, ALPHA_METHODS.index(cutter.method), *kept)
    arrays = {name: np.array(value) for name, value in zip(CLIP_SHAPES, values)}
    cache.put(STAGE, clip.name, keys.extract, {**arrays, "thumbnail": thumbnail})


class ClipCutter:
    """Cuts the person out of a clip's pictures, as its backdrop allows."""

    def __init__(self, identity: PersonIdentity, fit: ClipFit, points: np.ndarray, fades: bool) -> None:
        self.identity, self.fit, self.points, self.fades = identity, fit, points, fades  # points: [T,478,2] of the crop
        self.backdrop, self.method = identity.backdrop, KEY if identity.backdrop.plain else MASK

    def measure(self, samples: Mapping[int, np.ndarray]) -> None:
        """Take the backdrop as the clip shows it, and the method that suits all its samples, [H,W,3] uint8 by frame:
        one for the whole clip, so that an edge does not change from picture to picture."""
        marks = self.points[list(samples)] + self.identity.crop.padding[:2]
        self.backdrop = self.backdrop.for_clip(np.stack(list(samples.values())), marks)
        for k, rgb in samples.items():
            self.method = self.cut(k, rgb).person.method

    def cut(self, k: int, rgb: np.ndarray) -> CutOut:
        """Of frame k, [H,W,3] uint8: by the clip's method, or by a later one where the person mask denies that."""
        fade = neck_fade(self.identity, self.fit.viewmat[k]) if self.fades else None
        return cut_out(rgb, self.points[k], self.identity, self.backdrop, fade, self.method)


def _crop_points(cache: StageCache, clip: SourceClip, detect_key: Key, identity: PersonIdentity) -> np.ndarray:
    """[T,478,2] landmarks in pixels of the crop, NaN without a face."""
    detection = load_detection(cache, clip, detect_key)
    points = identity.crop.to_crop_pixels(detection.points)[..., :2]
    points[~detection.seen] = np.nan
    return points


def _read_samples(clip: SourceClip, selection: FrameSelection, identity: PersonIdentity) -> dict[int, np.ndarray]:
    """M of the clip's pictures with their padding, [H,W,3] uint8, by frame."""
    frames = selection.frames or (selection.thumbnail_frame,)
    sampled = {frames[n] for n in np.linspace(0, len(frames) - 1, BACKDROP_FRAMES).astype(int)}
    pictures = read_clip(clip, identity.crop.padded_size, identity.crop.padded_box)
    return {k: rgb for k, rgb, _ in pictures if k in sampled}


def _write_track(out: Path, clip: SourceClip, fit: ClipFit) -> None:
    time = np.arange(clip.span.count) / float(clip.rate)
    write_clip_track(out, clip.name, time, fit.landmarks, fit.channels, weights=fit.weights, viewmat=fit.viewmat)

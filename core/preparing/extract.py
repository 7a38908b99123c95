# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `extract`: a clip's pictures as the footage has them, and its track.

Letters: T frames of the clip, M of them sampled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..footage import picture_paths, write_clip_track, write_footage_picture
from ..formats import is_nonempty_file
from ..matting import Backdrop
from .cut_out import cut_out, neck_fade, picture_depth
from .detect import load_detection
from .fit_clips import ClipFit, load_fit
from .frame_selection import FrameSelection
from .identity import PersonIdentity, load_identity
from .prepare_settings import VERSION, PrepareSettings
from .source_clip import SourceClip, read_clip
from .stage_cache import Key, StageCache, fingerprint
from .thumbnail import make_thumbnail

STAGE = "extract"
DRIFT_SHAPES = {"drift": (), "residual_drift": ()}
THUMBNAIL_SHAPES = {"thumbnail": (None, None, 3)}
BACKDROP_FRAMES = 8  # from which a clip's light is measured
REPORT_EVERY = 5  # frames


@dataclass(frozen=True)
class ExtractedClip:
    """What the report says of a clip's pictures."""

    drift: float  # grey levels by which the clip's backdrop differed from the common one
    residual_drift: float  # grey levels, after the colour match


@dataclass(frozen=True)
class StageKeys:
    """The cache keys of what a clip's pictures are made from, and of the result."""

    detect: Key
    identity: Key
    fit: Key
    extract: Key


def cache_key(fit_key: Key, settings: PrepareSettings, selection: FrameSelection) -> Key:
    """The fingerprint of a clip's pictures."""
    return fingerprint(VERSION, STAGE, fit_key, settings.torso, selection)


def load_extracted(
    cache: StageCache, out: Path, name: str, key: Key, selection: FrameSelection
) -> ExtractedClip | None:
    """A clip's, from the cache; None where that or any of its files is missing."""
    arrays = cache.get(STAGE, name, key, DRIFT_SHAPES)
    if arrays is None or not is_nonempty_file(out / "tracks" / f"{name}.npz"):
        return None
    for number, has_depth in selection.pictures:
        paths = picture_paths(out, number)
        if not all(is_nonempty_file(path) for kind, path in paths.items() if has_depth or kind != "depth"):
            return None
    return ExtractedClip(float(arrays["drift"]), float(arrays["residual_drift"]))


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
    points = _crop_points(cache, clip, keys.detect, identity)
    backdrop = _match_backdrop(clip, selection, points, identity)
    numbers = dict(zip(selection.frames, selection.pictures))
    thumbnail = np.zeros((0, 0, 3), np.uint8)
    for k, rgb, _ in read_clip(clip, identity.crop.padded_size, identity.crop.padded_box):
        if k in numbers or k == selection.thumbnail_frame:
            fade = neck_fade(identity, fit.viewmat[k]) if settings.torso == "fade" else None
            rgba, label = cut_out(rgb, points[k], identity, backdrop, fade)
            if k in numbers:
                number, has_depth = numbers[k]
                depth = picture_depth(identity, fit, k, rgba[..., 3] / 255) if has_depth else None
                write_footage_picture(out, number, rgba, label, depth)
            if k == selection.thumbnail_frame:
                landmarks = identity.crop.to_crop_pixels(fit.landmarks2d[k])
                thumbnail = make_thumbnail(rgb[identity.crop.inner], rgba, label, landmarks)
        if (k + 1) % REPORT_EVERY == 0:
            report_steps(REPORT_EVERY)
    report_steps(clip.span.count % REPORT_EVERY)
    _write_track(out, clip, fit)
    drift = {"drift": np.array(backdrop.drift), "residual_drift": np.array(backdrop.residual_drift)}
    cache.put(STAGE, clip.name, keys.extract, {**drift, "thumbnail": thumbnail})


def _crop_points(cache: StageCache, clip: SourceClip, detect_key: Key, identity: PersonIdentity) -> np.ndarray:
    """[T,478,2] landmarks in pixels of the crop, NaN without a face."""
    detection = load_detection(cache, clip, detect_key)
    points = identity.crop.to_crop_pixels(detection.points)[..., :2]
    points[~detection.seen] = np.nan
    return points


def _match_backdrop(
    clip: SourceClip, selection: FrameSelection, points: np.ndarray, identity: PersonIdentity
) -> Backdrop:
    """The backdrop as the clip shows it, measured on M frames."""
    if not identity.backdrop.plain:
        return identity.backdrop
    frames = selection.frames or (selection.thumbnail_frame,)
    sampled = {frames[n] for n in np.linspace(0, len(frames) - 1, BACKDROP_FRAMES).astype(int)}
    pictures = read_clip(clip, identity.crop.padded_size, identity.crop.padded_box)
    indices, samples = zip(*((k, rgb) for k, rgb, _ in pictures if k in sampled))
    return identity.backdrop.for_clip(np.stack(samples), points[list(indices)] + identity.crop.padding[:2])


def _write_track(out: Path, clip: SourceClip, fit: ClipFit) -> None:
    time = np.arange(clip.span.count) / float(clip.rate)
    write_clip_track(out, clip.name, time, fit.landmarks, fit.channels, weights=fit.weights, viewmat=fit.viewmat)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `identity`, once over all clips: the shape of the person's face and its levels at rest, the camera and the
crop that all clips share, and the backdrop.

Letters: H W a picture with its padding, I identity modes.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import from_json, to_json
from ..matting import Backdrop
from ..tracking import (
    RIG_FILE,
    FaceIdentity,
    RestLevels,
    estimate_rest_levels,
    fit_identity,
    intrinsics_matrix,
    load_rig,
    select_diverse_frames,
)
from .crop_box import CropBox, choose_crop
from .detect import Detection, load_detection, sample_frame
from .prepare_settings import VERSION, PrepareSettings
from .source_clip import SourceClip
from .stage_cache import Key, StageCache, fingerprint, model_fingerprint

STAGE, NAME = "identity", "identity"
SHAPES = {
    "K": (3, 3),
    "crop": (4,),
    "padding": (4,),
    "coefficients": ("I",),
    "residual": (),
    "field": ("H", "W", 3),
    "noise": (),
    "skin": (3,),
    "json": (None,),
}
FRAMES_OF_A_CLIP = 6  # at most, that the face's shape may be fitted from
FRAMES_IN_ALL = 2000  # the same over all clips
BACKDROP_SAMPLES = 48  # sample pictures that the backdrop is estimated from

ClipAndKey = tuple[SourceClip, Key]  # and the key of its detection


@dataclass(frozen=True)
class PersonIdentity:
    """What all clips share."""

    key: Key
    K: np.ndarray  # [3,3] intrinsics, square pixels of the video
    crop: CropBox
    face: FaceIdentity
    backdrop: Backdrop  # of a padded picture
    rest_levels: RestLevels
    other_light: dict[str, float]  # clips filmed in another light -> grey levels by which their backdrop differs

    @property
    def camera(self) -> np.ndarray:
        """[3,3] intrinsics of the footage's pictures."""
        return self.crop.to_crop_intrinsics(self.K)


def cache_key(detect_keys: list[str], settings: PrepareSettings) -> Key:
    """The fingerprint of what all clips share. detect_keys: of the clips, in hexadecimal."""
    return fingerprint(VERSION, STAGE, model_fingerprint(RIG_FILE), detect_keys, settings.size, settings.focal)


def has_identity(cache: StageCache, key: Key) -> bool:
    """Whether it is in the cache, undamaged."""
    return cache.get(STAGE, NAME, key, SHAPES) is not None


def load_identity(cache: StageCache, key: Key) -> PersonIdentity:
    """From the cache. Raises RuntimeError where it is missing: our own mistake."""
    arrays = cache.get(STAGE, NAME, key, SHAPES)
    if arrays is None:
        raise RuntimeError("the person's identity is needed, but is not in the cache")
    texts = from_json(arrays["json"].tobytes(), str(cache.path(STAGE, NAME)))
    left, top, video_side, side = arrays["crop"].tolist()
    before, above, after, below = arrays["padding"].tolist()
    skin = arrays["skin"].astype(np.float32)
    return PersonIdentity(
        key,
        arrays["K"],
        CropBox(left, top, video_side, side, (before, above, after, below)),
        FaceIdentity(arrays["coefficients"], float(arrays["residual"])),
        Backdrop(texts["plain"], texts["why"], arrays["field"], float(arrays["noise"]), skin if skin.any() else None),
        RestLevels(texts["levels"], tuple(texts["gaze"])),
        texts["other_light"],
    )


def estimate_identity(
    clips: list[ClipAndKey], settings: PrepareSettings, key: Key, work: Path, _report_steps: Callable[[int], None]
) -> None:
    """Raises UserError when the head leaves no room for a crop."""
    cache = StageCache(work)
    share = max(1, min(FRAMES_OF_A_CLIP, FRAMES_IN_ALL // len(clips))) if len(clips) > 1 else FRAMES_IN_ALL
    boxes, points, blendshapes = zip(*(_face_samples(load_detection(cache, *clip), share) for clip in clips))
    first = clips[0][0]
    K = intrinsics_matrix(*first.size, settings.focal or None)
    crop = choose_crop(np.concatenate(boxes), first.size, settings.size, first.path)
    face = fit_identity(np.concatenate(points), K, load_rig())
    rest = estimate_rest_levels(np.concatenate(blendshapes))
    backdrop, other_light = _estimate_backdrops(cache, clips, crop)
    texts = {"plain": backdrop.plain, "why": backdrop.why, "levels": rest.levels, "gaze": rest.gaze}
    texts["other_light"] = other_light
    cache.put(
        STAGE,
        NAME,
        key,
        {
            "K": K,
            "crop": np.array(astuple(crop)[:4]),
            "padding": np.array(crop.padding),
            "coefficients": face.coefficients,
            "residual": np.array(face.residual),
            "field": backdrop.field,
            "noise": np.array(backdrop.noise),
            "skin": np.zeros(3, np.float32) if backdrop.skin is None else backdrop.skin,
            "json": np.frombuffer(to_json(texts).encode(), np.uint8),
        },
    )


def _face_samples(detection: Detection, share: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a clip's frames with a face: the landmarks' box [frames,4], landmarks of `share` diverse frames
    [share,478,3], blendshapes [frames,52]."""
    points = detection.points[detection.seen]
    boxes = np.concatenate([points[..., :2].min(axis=1), points[..., :2].max(axis=1)], axis=1)
    diverse = points[select_diverse_frames(points, min(share, len(points)))]
    return boxes, diverse, detection.blendshapes[detection.seen]


def _estimate_backdrops(
    cache: StageCache, clips: Sequence[ClipAndKey], crop: CropBox
) -> tuple[Backdrop, dict[str, float]]:
    """The backdrop that all clips share, and the clips that were filmed in another light -> their drift."""
    sampled = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), BACKDROP_SAMPLES)).astype(int))
    pictures, points = zip(*(_sample_picture(cache, clips[k], crop) for k in sampled))
    backdrop = Backdrop.estimate(np.stack(pictures), np.stack(points))
    other_light = {}
    for clip, key in clips:
        picture, marks = _sample_picture(cache, (clip, key), crop)
        matched = backdrop.for_clip(picture[None], marks[None])
        if matched.odd:
            other_light[clip.name] = matched.drift
    return backdrop, other_light


def _sample_picture(cache: StageCache, clip_and_key: ClipAndKey, crop: CropBox) -> tuple[np.ndarray, np.ndarray]:
    """A clip's sample picture with its padding [H,W,3] uint8, and its landmarks [478,2] there, NaN without a face."""
    clip, key = clip_and_key
    detection, frame = load_detection(cache, clip, key), sample_frame(clip)
    left, top, width, height = crop.padded_box
    scale = detection.sample.shape[1] / clip.size[0]
    box = (scale * left, scale * top, scale * (left + width), scale * (top + height))
    picture = np.asarray(Image.fromarray(detection.sample).resize(crop.padded_size, Image.Resampling.BICUBIC, box=box))
    if not detection.seen[frame]:
        return picture, np.full((detection.points.shape[1], 2), np.nan)
    return picture, (detection.points[frame, :, :2] - (left, top)) * crop.scale

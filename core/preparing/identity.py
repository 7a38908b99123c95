# SPDX-License-Identifier: GPL-3.0-or-later
"""Once over all clips: who the person is, which camera and crop they share, what is behind them, their face at rest.

The camera stands still, so one square crop holds everything the head does in all clips, and one backdrop lies behind
it. A backdrop is told from what surely lies behind the head, and a picture of the footage holds little of that: so
pictures are cut out with a margin round them. Letters: N sightings, H W a picture with its margin, I identity modes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import UserError, from_json, to_json
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
from .clips import SourceClip
from .detect import detected, sample_index
from .prepare_settings import VERSION, PrepareSettings
from .stage_cache import Key, StageCache, fingerprint, model_print

STAGE, NAME = "person", "person"
WANTED = {
    "K": (3, 3),
    "crop": (3,),
    "identity": ("I",),
    "identity_off": (),
    "margin": (4,),
    "field": ("H", "W", 3),
    "noise": (),
    "skin": (3,),
    "drift": ("N",),
    "odd": ("N",),
    "words": ("L",),
}
OF_A_CLIP = 6  # frames of a clip that the identity may be fitted from
SIGHTINGS = 2000  # at most, of all clips
BACKDROPS = 48  # sample pictures
# Room round the face's landmarks, in face widths and heights: hair, ears, the neck to where it fades.
BESIDE, ABOVE, BELOW = 0.42, 0.5, 0.45
MARGIN = 0.6  # of a side, beside and above the crop, as far as the video goes
FAR = (0.2, 99.8)  # percentiles of where the face is: one wild frame does not widen the crop
AS_FILMED = (0.85, 1.2)  # a wanted side is taken without resampling when the head's room is so many times as large


@dataclass(frozen=True)
class PersonIdentity:
    """What all clips share. Pixels of `K` are the video's, square; of `camera` the footage's."""

    key: Key
    K: np.ndarray  # [3,3]
    crop: tuple[int, int, int]  # left, top, side in the video's pixels
    margin: tuple[int, int, int, int]  # pixels of the footage's scale left, above, right, below a picture
    identity: FaceIdentity
    backdrop: Backdrop  # of a picture with its margin
    rest: RestLevels
    drift: np.ndarray  # [N] grey levels that a clip's backdrop is away from the common one, in the clips' order
    odd: np.ndarray  # [N] bool: clips filmed in another light altogether

    @property
    def side(self) -> int:
        """Pixels of a picture's side."""
        return self.backdrop.field.shape[0] - self.margin[1] - self.margin[3]

    @property
    def inner(self) -> tuple[slice, slice]:
        """The picture within its margin."""
        left, above = self.margin[:2]
        return slice(above, above + self.side), slice(left, left + self.side)

    @property
    def wide_size(self) -> tuple[int, int]:
        """Width and height of a picture with its margin."""
        height, width = self.backdrop.field.shape[:2]
        return width, height

    @property
    def wide_box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height of that in the video's pixels."""
        return box_of(self.crop, self.margin, self.side)

    @property
    def scale(self) -> float:
        return self.side / self.crop[2]

    @property
    def camera(self) -> np.ndarray:
        """[3,3] intrinsics of the cropped picture."""
        K = self.K * self.scale
        K[:2, 2] = (self.K[:2, 2] - self.crop[:2]) * self.scale
        K[2] = (0, 0, 1)
        return K

    def placed(self, points: np.ndarray) -> np.ndarray:  # [..., 2 or 3]
        """Pixels of the video -> of the cropped picture (depth in pixels is scaled alike)."""
        out = np.asarray(points, np.float32) * np.float32(self.scale)
        out[..., :2] -= np.array(self.crop[:2], np.float32) * np.float32(self.scale)
        return out


def box_of(
    crop: tuple[int, int, int], margin: tuple[int, int, int, int], side: int
) -> tuple[float, float, float, float]:
    """Left, top, width, height, in the video's pixels, of a crop with a margin in pixels of its picture."""
    each = crop[2] / side
    left, above, right, below = (each * m for m in margin)
    return crop[0] - left, crop[1] - above, crop[2] + left + right, crop[2] + above + below


def margin_of(crop: tuple[int, int, int], size: tuple[int, int], side: int) -> tuple[int, int, int, int]:
    """As much of MARGIN as the video has on each side."""
    room = (crop[0], crop[1], size[0] - crop[0] - crop[2], size[1] - crop[1] - crop[2])
    left, above, right, below = (int(min(MARGIN * side, pixels * side / crop[2])) for pixels in room)
    return left, above, right, below


def key_of(looks: list[str], settings: PrepareSettings) -> Key:
    return fingerprint(VERSION, STAGE, model_print(RIG_FILE), looks, settings.size, settings.focal)


def known(store: StageCache, key: Key) -> PersonIdentity | None:
    found = store.get(STAGE, NAME, key, WANTED)
    if found is None:
        return None
    skin, words = found["skin"].astype(np.float32), from_json(found["words"].tobytes(), store.path(STAGE, NAME))
    backdrop = Backdrop(
        words["plain"], words["why"], found["field"], float(found["noise"]), skin if skin.any() else None
    )
    crop = tuple(int(value) for value in found["crop"])
    margin = tuple(int(value) for value in found["margin"])
    return PersonIdentity(
        key,
        found["K"],
        crop,
        margin,
        FaceIdentity(found["identity"], float(found["identity_off"])),
        backdrop,
        RestLevels(words["levels"], tuple(words["gaze"])),
        found["drift"],
        found["odd"].astype(bool),
    )


def estimate_identity(
    clips: list[tuple[SourceClip, Key]], settings: PrepareSettings, key: Key, work: Path, tell: Callable[[int], None]
) -> None:
    """Raises UserError when the head leaves no room for a crop."""
    store = StageCache(work)
    boxes, sightings, shapes = [], [], []
    share = max(1, min(OF_A_CLIP, SIGHTINGS // len(clips))) if len(clips) > 1 else SIGHTINGS
    for clip, look_key in clips:
        seen = detected(store, clip, look_key)
        if seen is None:
            raise RuntimeError(f"{clip.name} was looked at, but nothing is stored")
        points = seen.points[seen.seen]
        boxes.append(np.concatenate([points[..., :2].min(axis=1), points[..., :2].max(axis=1)], axis=1))
        sightings.append(points[select_diverse_frames(points, min(share, len(points)))])
        shapes.append(seen.blendshapes[seen.seen])
    size = clips[0][0].size
    K = intrinsics_matrix(*size, settings.focal or None)
    crop = crop_of(np.concatenate(boxes), size, settings.size, clips[0][0].path)
    side = settings.size or crop[2]
    identity = fit_identity(np.concatenate(sightings), K, load_rig())
    margin = margin_of(crop, size, side)
    place = (crop, margin, side)
    some = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), BACKDROPS)).astype(int))
    frames, marks = zip(*(sample(store, *clips[k], *place) for k in some))
    backdrop = Backdrop.estimate(np.stack(frames), np.stack(marks))
    lights = [backdrop.for_clip(*(part[None] for part in sample(store, *clip, *place))) for clip in clips]
    rest = estimate_rest_levels(np.concatenate(shapes))
    words = {"plain": backdrop.plain, "why": backdrop.why, "levels": rest.levels, "gaze": rest.gaze}
    store.put(
        STAGE,
        NAME,
        key,
        {
            "K": K,
            "crop": np.array(crop),
            "margin": np.array(margin),
            "identity": identity.coefficients,
            "identity_off": np.array(identity.residual),
            "field": backdrop.field,
            "noise": np.array(backdrop.noise),
            "drift": np.array([light.drift for light in lights]),
            "odd": np.array([light.odd for light in lights]),
            "skin": np.zeros(3, np.float32) if backdrop.skin is None else backdrop.skin,
            "words": np.frombuffer(to_json(words).encode(), np.uint8),
        },
    )


def crop_of(
    boxes: np.ndarray,  # [N,4] left, top, right, bottom of the landmarks
    size: tuple[int, int],  # of the video
    wanted: int,  # pixels of a side; 0: as filmed
    path: Path,  # of a video that is so large, for the UserError
) -> tuple[int, int, int]:
    """Left, top and side of the square round everything the head does, inside the picture. Raises UserError where that
    leaves the face no room."""
    wide, high = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    low, high_end = np.percentile(boxes[:, :2], FAR[0], axis=0), np.percentile(boxes[:, 2:], FAR[1], axis=0)
    low = low - np.array((BESIDE * wide, ABOVE * high))
    high_end = high_end + np.array((BESIDE * wide, BELOW * high))
    need, limit = float((high_end - low).max()), min(size)
    side = wanted if wanted and AS_FILMED[0] <= wanted / need <= AS_FILMED[1] else round(need)
    side = min(side, limit)
    if side < 2 * wide / 1.5:
        raise UserError(
            f"{path}: its picture of {size[0]}x{size[1]} pixels leaves no room round a face {wide:.0f} "
            "pixels wide; film from further away."
        )
    middle = (low + high_end) / 2
    corner = [int(np.clip(round(middle[a] - side / 2), 0, size[a] - side)) for a in (0, 1)]
    return corner[0], corner[1], side


def sample(
    store: StageCache,
    clip: SourceClip,
    look_key: Key,
    crop: tuple[int, int, int],
    margin: tuple[int, int, int, int],
    side: int,
) -> tuple[np.ndarray, np.ndarray]:
    """A clip's sample picture with its margin [H,W,3] uint8, and its landmarks [478,2] there, NaN without a face."""
    seen, there = detected(store, clip, look_key), sample_index(clip)
    if seen is None:
        raise RuntimeError(f"{clip.name} was looked at, but nothing is stored")
    left, top, width, height = box_of(crop, margin, side)
    wide = (side + margin[0] + margin[2], side + margin[1] + margin[3])
    shrink = seen.sample.shape[1] / clip.size[0]
    box = tuple(shrink * value for value in (left, top, left + width, top + height))
    picture = np.asarray(Image.fromarray(seen.sample).resize(wide, Image.Resampling.BICUBIC, box=box))
    if not seen.seen[there]:
        return picture, np.full((seen.points.shape[1], 2), np.nan)
    return picture, (seen.points[there, :, :2] - (left, top)) * (side / crop[2])

# SPDX-License-Identifier: GPL-3.0-or-later
"""The backdrop that all clips share: whether it is plain, its colour at every pixel, and how far each clip and frame
drifts from it.

The camera must not move; a backdrop that moves is not plain. Knows no files, no clips' names and no person masks.

Letters: N frames of all clips, M frames of one clip; rgb in grey levels 0..255, display-referred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field

import numpy as np

from .colour_field import accumulate_field, backdrop_mask, clip_noise, diffuse, fit_smooth_field
from .colour_match import LUMA, cheek_colour, colour_shift, fit_colour_matrix
from .kernels import apply_colour_matrix, compare_to_backdrop
from .key import alpha_from_key
from .regions import certain_backdrop_mask

MAX_FRAMES = 96  # of a sample; more add nothing to a colour field
# Not in a paper: chosen on GRID (chroma 55..88, 3.5 grey levels off, skin's share -0.6) with room on either side.
MIN_CHROMA = 18.0  # grey levels of (Cb, Cr) from which a hue can be keyed
MAX_ROUGHNESS = 7.0  # grey levels: median distance to a smooth field
MAX_SKIN_SHARE = 0.45  # of the backdrop's chroma in the face's own
GROWTH = 2  # rounds in which the smooth field is fitted again to what looks like it
MIN_VISIBLE = 0.01  # of the picture: a smaller piece of backdrop shows no drift
MAX_FRAME_SHIFT = 8.0  # grey levels that a frame may stray from its clip
ODD_DRIFT = 20.0  # grey levels: GRID's usual clips are under 10, those of another day at 50


@dataclass(frozen=True)
class Backdrop:
    """The backdrop and, after `for_clip`, the colour match of a clip to it.

    plain: a colour key will do; why: a phrase for the report. field: [H,W,3] float32 the backdrop's matched colours.
    noise: grey levels, standard deviation of a pixel about the field. skin: [3] median colour of the cheeks, or None.
    matrix [3,3], offset [3]: matched = rgb @ matrix + offset. drift: grey levels (rms over channels) by which the
    clip's backdrop differs from all clips'; residual_drift: the same after the match; odd: the clip was filmed in
    another light altogether.
    """

    plain: bool
    why: str
    field: np.ndarray
    noise: float
    skin: np.ndarray | None = None
    matrix: np.ndarray = dataclass_field(default_factory=lambda: np.eye(3, dtype=np.float32))
    offset: np.ndarray = dataclass_field(default_factory=lambda: np.zeros(3, np.float32))
    drift: float = 0.0
    residual_drift: float = 0.0

    @property
    def odd(self) -> bool:
        """Whether the clip's light is so different that the match cannot be trusted."""
        return self.drift > ODD_DRIFT

    @staticmethod
    def estimate(
        frames: np.ndarray,  # [N,H,W,3] uint8, sampled over all clips
        points: np.ndarray | None = None,  # [N,478,2|3] pixels, NaN where no face was seen
    ) -> "Backdrop":
        """Not in a paper: the field is the mean over frames of what is backdrop by its colour, each frame first
        shifted to the sample's median colour, and continued smoothly to where the person always is."""
        frames, faces = _sample(frames, points)
        certain = [certain_backdrop_mask(frames.shape[1:3], p) for p in faces]
        initial = fit_smooth_field(list(frames), certain)
        if initial is None:
            return Backdrop(
                False, "no part of the picture is surely backdrop", np.zeros_like(frames[0], np.float32), 0.0
            )
        shifted = _shift_to_median(frames, certain, initial)
        initial = _grow(shifted, faces, certain, initial)
        skin = cheek_colour(frames, faces)
        plain, why = check_plain(shifted, certain, initial, skin)
        if not plain:
            return Backdrop(False, why, initial, 0.0)
        field, noise = accumulate_field(shifted, initial)
        return Backdrop(True, why, field, noise, skin)

    def for_clip(
        self,
        frames: np.ndarray,  # [M,H,W,3] uint8, sampled over the clip (8 will do)
        points: np.ndarray | None = None,  # [M,478,2|3]
    ) -> "Backdrop":
        """This backdrop with the clip's matrix and offset, and with field and noise as the clip shows them."""
        if not self.plain:
            return self
        faces = _faces(len(frames), points)
        masks = self._clip_masks(frames, faces)
        if masks.mean() < MIN_VISIBLE:
            return self
        matrix, offset = fit_colour_matrix(frames, masks, self.field, cheek_colour(frames, faces), self.skin)
        matched = np.stack([apply_colour_matrix(f, matrix, offset) for f in frames])
        total = ((matched - self.field) * masks[..., None]).sum(0)
        residual = diffuse(total, masks.sum(0).astype(np.float32), 6)
        field = (self.field + residual).clip(0, 255).astype(np.float32)
        noise = clip_noise(1.4826 * float(np.median(np.abs((matched - field)[masks]))))
        drift, after = (rms((f - self.field)[masks].mean(0)) for f in (frames.astype(np.float32), matched))
        return replace(self, field=field, noise=noise, matrix=matrix, offset=offset, drift=drift, residual_drift=after)

    def _clip_masks(self, frames: np.ndarray, faces: Sequence[np.ndarray | None]) -> np.ndarray:
        """[M,H,W] bool: the backdrop in a clip's frames, found in the clip's own light."""
        certain = [certain_backdrop_mask(frames.shape[1:3], p) for p in faces]
        shifts = [colour_shift(self.field, f, s) for f, s in zip(frames, certain) if s.mean() > MIN_VISIBLE]
        shift = np.median(shifts or [np.zeros(3)], axis=0).astype(np.float32)
        masks = np.stack([backdrop_mask(f + shift, self.field, p) for f, p in zip(frames, faces)])
        return masks if masks.mean() >= MIN_VISIBLE else np.stack(certain)  # else: another light altogether

    def match_colour(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8 or float, a frame of the clip
        points: np.ndarray | None = None,  # [478,2|3]
    ) -> np.ndarray:
        """[H,W,3] float32 0..255: the frame as if filmed in the common light: the clip's matrix and offset, and the
        frame's own shift measured on its backdrop."""
        out = apply_colour_matrix(rgb, self.matrix, self.offset)
        if self.plain:
            small, field = out[::4, ::4], np.ascontiguousarray(self.field[::4, ::4])
            mask = backdrop_mask(small, field, None if points is None else points / 4)
            shift = colour_shift(field, small, mask, 1)
            out += np.clip(shift, -MAX_FRAME_SHIFT, MAX_FRAME_SHIFT).astype(np.float32)
            np.clip(out, 0.0, 255.0, out=out)
        return out

    def alpha(
        self,
        rgb: np.ndarray,  # [H,W,3] 0..255, colour-matched
        points: np.ndarray | None = None,  # [478,2|3]
    ) -> np.ndarray:
        """[H,W] float32 0..1 by colour key (key.alpha_from_key)."""
        return alpha_from_key(rgb, self.field, self.noise, points)


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(values**2)))


def _sample(frames: np.ndarray, points: np.ndarray | None) -> tuple[np.ndarray, list[np.ndarray | None]]:
    """Evenly chosen frames, MAX_FRAMES of them at most, and the landmarks of each."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MAX_FRAMES)).astype(int))
    return frames[chosen], _faces(len(chosen), None if points is None else points[chosen])


def _faces(count: int, points: np.ndarray | None) -> list[np.ndarray | None]:
    """The landmarks of each frame, None where they are unknown."""
    return [None] * count if points is None else list(points)


def _shift_to_median(frames: np.ndarray, masks: list[np.ndarray], field: np.ndarray) -> list[np.ndarray]:
    """N of [H,W,3] float32: the frames in the sample's median light."""
    shifts = np.array([colour_shift(field, f, m) for f, m in zip(frames, masks)])
    shifts -= np.median(shifts, axis=0)
    return [f + s for f, s in zip(frames, shifts.astype(np.float32))]


def _grow(
    frames: list[np.ndarray], faces: list[np.ndarray | None], certain: list[np.ndarray], field: np.ndarray
) -> np.ndarray:
    """The smooth field [H,W,3], fitted down beside the shoulders too, where nothing was certain."""
    for _ in range(GROWTH):
        grown = fit_smooth_field(frames, [backdrop_mask(f, field, p) | c for f, p, c in zip(frames, faces, certain)])
        field = field if grown is None else grown
    return field


def check_plain(
    frames: list[np.ndarray],  # N of [H,W,3]
    masks: list[np.ndarray],  # N of [H,W] bool: certainly backdrop
    field: np.ndarray,  # [H,W,3]
    skin: np.ndarray | None,  # [3]
) -> tuple[bool, str]:
    """Whether a colour key will do, and a phrase that says why."""
    errors = [np.abs(f[::4, ::4][m[::4, ::4]] - field[::4, ::4][m[::4, ::4]]).mean(1) for f, m in zip(frames, masks)]
    roughness = float(np.median(np.concatenate(errors)))
    colours = np.concatenate([field[m][::7] for m in masks[:: max(len(masks) // 8, 1)]])
    y = colours @ LUMA.astype(np.float32)
    chroma = float(np.median(np.hypot((colours[:, 2] - y) / 1.772, (colours[:, 0] - y) / 1.402)))
    if roughness > MAX_ROUGHNESS:
        return False, f"the backdrop is not plain: {roughness:.1f} grey levels off a smooth field"
    if chroma < MIN_CHROMA:
        return False, f"the backdrop has too little colour for a key: {chroma:.0f} grey levels"
    share = -1.0 if skin is None else _skin_share(skin, colours)
    if share > MAX_SKIN_SHARE:
        return False, f"the backdrop is too close to the skin: the skin has {share:.2f} of its chroma"
    return True, f"plain: chroma {chroma:.0f}, {roughness:.1f} grey levels off a smooth field"


def _skin_share(skin: np.ndarray, colours: np.ndarray) -> float:
    """The part of the backdrop's chroma that the skin has, median over the backdrop's colours [P,3]."""
    cheeks = np.ascontiguousarray(np.broadcast_to(skin, colours.shape), np.float32)
    return float(np.median(compare_to_backdrop(cheeks[None], np.ascontiguousarray(colours[None]))[0]))

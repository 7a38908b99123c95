# SPDX-License-Identifier: GPL-3.0-or-later
"""The backdrop that all clips share: whether it is plain, its colour at every pixel, and how far each clip and frame
drifts from it.

The camera must stand still; a backdrop that moves is not plain. Files, clips' names and person masks are unknown here.

Letters: N frames of all clips, M frames of one clip; rgb grey levels 0..255, display-referred; share is the part of the
backdrop's chroma that a pixel has (kernels.compare).
"""

from dataclasses import dataclass, replace
from dataclasses import field as default

import numpy as np

from .colour_match import LUMA, cheeks_of, fitted, shift_to
from .kernels import box_mean, brought, compare
from .key import alpha_from_key
from .regions import surely_behind, surely_face

MOST_FRAMES = 96  # of a sample; more tell nothing new about a colour field
# Not in a paper: chosen on GRID (chroma 55..88, 3.5 grey levels off, skin's share -0.6) with room to either side.
LEAST_CHROMA = 18.0  # grey levels of (Cb, Cr) from which a hue can be keyed
MOST_ROUGHNESS = 7.0  # grey levels: median distance to a smooth field
MOST_SKIN_SHARE = 0.45  # of the backdrop's chroma in the face's own
BEHIND_SHARE, BEHIND_ACROSS, BEHIND_LUMA = 0.8, 0.2, 0.25  # what counts as backdrop: share, hue, luma over its own
GROWTH = 2  # rounds in which the smooth field is fitted anew to what looks like it
LEAST_SEEN = 0.01  # of the picture: a smaller piece of backdrop tells no drift
STIFFNESS = 0.02
SEEN_OFTEN = 0.05  # of the sample's frames that must show the backdrop at a pixel for the field to take it from there
MOST_STEP = 8.0  # grey levels that a frame may stray from its clip
ODD_DRIFT = 20.0  # grey levels: GRID's usual clips lie under 10, those of another day at 50
NOISE = (1.0, 6.0)  # grey levels: what a measured noise is held to


@dataclass(frozen=True)
class Backdrop:
    """The backdrop and, seen `of_clip`, what brings a clip to it.

    plain: a colour key will do; why: a phrase for the report. field: [H,W,3] float32 the backdrop's evened colours.
    noise: grey levels, standard deviation of a pixel about the field. skin: [3] median colour of the cheeks, or None.
    matrix [3,3], offset [3]: evened = rgb @ matrix + offset. drift: grey levels (rms over channels) by which the clip's
    backdrop differs from all clips'; left: the same once evened; odd: the clip was filmed in another light altogether.
    """

    plain: bool
    why: str
    field: np.ndarray
    noise: float
    skin: np.ndarray | None = None
    matrix: np.ndarray = default(default_factory=lambda: np.eye(3, dtype=np.float32))
    offset: np.ndarray = default(default_factory=lambda: np.zeros(3, np.float32))
    drift: float = 0.0
    left: float = 0.0

    @property
    def odd(self) -> bool:
        return self.drift > ODD_DRIFT

    @staticmethod
    def of(
        frames: np.ndarray,  # [N,H,W,3] uint8, a spread over all clips
        points: np.ndarray | None = None,  # [N,478,2|3] pixels, NaN where no face was seen
    ) -> "Backdrop":
        """Not in a paper: the field is the mean over frames of what is backdrop by its colour, each frame first
        shifted to the sample's median colour, and carried on smoothly to where the person always is."""
        pick = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).astype(int))
        frames = frames[pick]
        points = [None] * len(frames) if points is None else list(points[pick])
        shape = frames.shape[1:3]
        sure = [surely_behind(shape, p) for p in points]
        start = smooth_field(frames, sure)
        if start is None:
            return Backdrop(False, "no part of the picture is surely backdrop", np.zeros((*shape, 3), np.float32), 0.0)
        shifts = np.array([shift_to(start, f, s) for f, s in zip(frames, sure)])
        shifts -= np.median(shifts, axis=0)
        shifted = [f + s for f, s in zip(frames, shifts.astype(np.float32))]
        for _ in range(GROWTH):  # down beside the shoulders, where nothing was sure
            grown = [behind(f, start, p) | s for f, p, s in zip(shifted, points, sure)]
            start = smooth_field(shifted, grown)
        plain, why = judged(shifted, sure, start, cheeks_of(frames, points))
        if not plain:
            return Backdrop(False, why, start, 0.0)
        field, noise = gathered(shifted, start)
        return Backdrop(True, why, field, noise, cheeks_of(frames, points))

    def of_clip(
        self,
        frames: np.ndarray,  # [M,H,W,3] uint8, a spread over the clip (8 will do)
        points: np.ndarray | None = None,  # [M,478,2|3]
    ) -> "Backdrop":
        """This backdrop with the clip's matrix and offset, and with field and noise as the clip shows them."""
        if not self.plain:
            return self
        points = [None] * len(frames) if points is None else list(points)
        sure = [surely_behind(frames.shape[1:3], p) for p in points]
        shifts = [shift_to(self.field, f, s) for f, s in zip(frames, sure) if s.mean() > LEAST_SEEN]
        shift = np.median(shifts or [np.zeros(3)], axis=0).astype(np.float32)
        masks = np.stack([behind(f + shift, self.field, p) for f, p in zip(frames, points)])
        if masks.mean() < LEAST_SEEN:  # another light altogether
            masks = np.stack(sure)
        if masks.mean() < LEAST_SEEN:
            return self
        matrix, offset = fitted(frames, masks, self.field, cheeks_of(frames, points), self.skin)
        evened = np.stack([brought(f, matrix, offset) for f in frames])
        weight = masks.sum(0).astype(np.float32)
        residual = spread(((evened - self.field) * masks[..., None]).sum(0), weight, 6)
        field = (self.field + residual).clip(0, 255).astype(np.float32)
        noise = float(np.clip(1.4826 * np.median(np.abs((evened - field)[masks])), *NOISE))
        drift, left = (rms((f - self.field)[masks].mean(0)) for f in (frames.astype(np.float32), evened))
        return replace(self, field=field, noise=noise, matrix=matrix, offset=offset, drift=drift, left=left)

    def evened(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8 or float, a frame of the clip
        points: np.ndarray | None = None,  # [478,2|3]
    ) -> np.ndarray:
        """[H,W,3] float32 0..255: the frame as if filmed in the common light: the clip's matrix and offset, and the
        frame's own shift measured on its backdrop."""
        out = brought(rgb, self.matrix, self.offset)
        if self.plain:
            part, field = out[::4, ::4], np.ascontiguousarray(self.field[::4, ::4])
            shift = shift_to(field, part, behind(part, field, None if points is None else points / 4), 1)
            out += np.clip(shift, -MOST_STEP, MOST_STEP).astype(np.float32)
            np.clip(out, 0.0, 255.0, out=out)
        return out

    def alpha(
        self,
        rgb: np.ndarray,  # [H,W,3] 0..255, evened
        points: np.ndarray | None = None,  # [478,2|3]
    ) -> np.ndarray:
        """[H,W] float32 0..1 by colour key (key.alpha_by_key)."""
        return alpha_from_key(rgb, self.field, self.noise, points)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def smooth_field(frames: list[np.ndarray], sure: list[np.ndarray]) -> np.ndarray | None:
    """[H,W,3] float32 polynomial through what is surely backdrop, refitted once without outliers; None without it."""
    height, width = sure[0].shape
    step = max(height // 72, 1)
    places, colours = [], []
    for frame, mask in zip(frames, sure):
        y, x = np.nonzero(mask[::step, ::step])
        places.append(np.stack([x * step / width, y * step / height], -1))
        colours.append(frame[::step, ::step][y, x])
    places, colours = np.concatenate(places), np.concatenate(colours).astype(np.float64)
    if len(places) < 100:
        return None
    design, middle = terms(*places.T), np.median(colours, axis=0)
    keep = np.ones(len(places), bool)
    # Held towards a constant by its order, or else it runs away where nothing is sure.
    hold = np.diag(STIFFNESS * np.array([0, 1, 1, 3, 3, 3, 10, 10, 10.0]) * np.sqrt(len(places)))
    for _ in range(2):
        rows, values = np.concatenate([design[keep], hold]), np.concatenate([colours[keep] - middle, np.zeros((9, 3))])
        weights = np.linalg.lstsq(rows, values, rcond=None)[0]
        weights[0] += middle
        error = np.abs(design @ weights - colours).max(1)
        keep = error < 3.0 * max(np.median(error), 1.0)
    y, x = np.mgrid[:height, :width]
    field = terms(x.ravel() / width, y.ravel() / height) @ weights
    return field.reshape(height, width, 3).clip(0, 255).astype(np.float32)


def terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[P,9] monomials of x and y in -1..1, up to third order in x and second in y: below the chin little is seen that
    would hold a cubic."""
    x, y = 2 * x - 1, 2 * y - 1
    return np.stack([x**0, x, y, x * y, x * x, y * y, x**3, x * x * y, x * y * y], -1)


def behind(rgb: np.ndarray, field: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """[H,W] bool: looks like the backdrop, and is not beside something that does not."""
    share, across, lighter = compare(np.ascontiguousarray(rgb, np.float32), field)
    luma = np.maximum(field @ LUMA.astype(np.float32), 40.0)
    looks = (share > BEHIND_SHARE) & (np.abs(across) < BEHIND_ACROSS) & (np.abs(lighter) < BEHIND_LUMA * luma)
    looks &= ~surely_face(looks.shape, points)
    return box_mean(looks[..., None].astype(np.float32), 2)[..., 0] > 0.99


def spread(total: np.ndarray, weight: np.ndarray, radius: int) -> np.ndarray:
    """[H,W,3] weighted mean over a window, over ever larger ones where the window is empty."""
    stack = np.concatenate([total, weight[..., None]], -1).astype(np.float32)
    out, reach, trust = box_mean(stack, radius), radius, 1.0
    while reach < max(weight.shape):
        reach, trust = reach * 3, trust * 1e-3
        out += np.float32(trust) * box_mean(stack, min(reach, min(weight.shape) - 1))
    return out[..., :3] / np.maximum(out[..., 3:], 1e-12)


def gathered(frames: list[np.ndarray], start: np.ndarray) -> tuple[np.ndarray, float]:
    """The field [H,W,3] from all that looks like `start`, fine where it was often seen and smooth elsewhere; and the
    noise of a pixel about it."""
    field, noise = start, 0.0
    for _ in range(2):
        total, weight, squares = np.zeros_like(start), np.zeros(start.shape[:2], np.float32), 0.0
        for rgb in frames:
            mask = behind(rgb, field, None)
            total[mask] += rgb[mask] - start[mask]
            weight += mask
            squares += float(((rgb - field)[mask] ** 2).sum())
        noise = np.sqrt(squares / max(3.0 * float(weight.sum()), 1.0))
        often = weight > SEEN_OFTEN * len(frames)
        total, weight = total * often[..., None], weight * often
        settled = (box_mean(often[..., None].astype(np.float32), 2) > 0.99).astype(np.float32)
        field = start + settled * spread(total, weight, 1) + (1.0 - settled) * spread(total, weight, 8)
        field = field.clip(0, 255).astype(np.float32)
    return field, float(np.clip(noise, *NOISE))


def judged(frames, sure, field, skin) -> tuple[bool, str]:
    """Whether a colour key will do, and a phrase that says why."""
    errors = [np.abs(f[::4, ::4][m[::4, ::4]] - field[::4, ::4][m[::4, ::4]]).mean(1) for f, m in zip(frames, sure)]
    roughness = float(np.median(np.concatenate(errors)))
    wall = np.concatenate([field[m][::7] for m in sure[:: max(len(sure) // 8, 1)]])
    y = wall @ LUMA.astype(np.float32)
    chroma = float(np.median(np.hypot((wall[:, 2] - y) / 1.772, (wall[:, 0] - y) / 1.402)))
    if roughness > MOST_ROUGHNESS:
        return False, f"the backdrop is not plain: {roughness:.1f} grey levels off a smooth field"
    if chroma < LEAST_CHROMA:
        return False, f"the backdrop has too little colour for a key: {chroma:.0f} grey levels"
    if skin is not None:
        cheeks = np.ascontiguousarray(np.broadcast_to(skin, wall.shape), np.float32)
        share = float(np.median(compare(cheeks[None], np.ascontiguousarray(wall[None]))[0]))
        if share > MOST_SKIN_SHARE:
            return False, f"the backdrop is too close to the skin: the skin has {share:.2f} of its chroma"
    return True, f"plain: chroma {chroma:.0f}, {roughness:.1f} grey levels off a smooth field"

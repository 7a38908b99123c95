# SPDX-License-Identifier: GPL-3.0-or-later
"""The backdrop that all clips share: whether it is plain, its colour at every pixel, and how far each clip and frame
drifts from it.

The camera must stand still; a backdrop that moves is not plain. Files, clips' names and person masks are not known here.

Letters: N frames of all clips, M frames of one clip; rgb grey levels 0..255, display-referred; share is the part of the
backdrop's chroma that a pixel has (kernels.compare).
"""

from dataclasses import dataclass, replace
from dataclasses import field as field_of

import numpy as np

from .kernels import box_mean, compare
from .regions import CHEEKS, filled, inner_face, seen, surely_behind

MOST_FRAMES = 96  # of a sample; more tell nothing new about a colour field
# Not in a paper: chosen on GRID (chroma 55..88, roughness 1.1, skin's share -0.6) with room to either side.
LEAST_CHROMA = 18.0  # grey levels of (Cb, Cr) from which a hue can be keyed
MOST_ROUGHNESS = 7.0  # grey levels: median distance to a smooth field
MOST_SKIN_SHARE = 0.45  # of the backdrop's chroma in the face's own
BEHIND_SHARE, BEHIND_ACROSS, BEHIND_LUMA = 0.8, 0.2, 0.25  # what counts as backdrop: share, hue, luma over its own
CLIPPED = (4.0, 250.0)  # codes beyond which a channel no longer tells a drift
MOST_STEP = 8.0  # grey levels that a frame may stray from its clip
GAIN_PRIOR = 0.1  # standard deviation of a clip's gain about 1
SKIN_NOISE, BEHIND_NOISE = 1.5, 1.0  # grey levels: how well a clip's mean of each is known


@dataclass(frozen=True)
class Backdrop:
    """The backdrop and, seen `of_clip`, what brings a clip to it.

    plain: a colour key will do; why: one phrase for the report. field: [H,W,3] float32 evened colours. noise: grey
    levels, standard deviation of a pixel about the field. skin: [3] median colour of the cheeks, or None.
    gain, offset: [3] evened = gain * rgb + offset. drift: grey levels (rms over channels) that the offset and gain
    move the backdrop; left: what remains of it afterwards.
    """

    plain: bool
    why: str
    field: np.ndarray
    noise: float
    skin: np.ndarray | None = None
    gain: np.ndarray = field_of(default_factory=lambda: np.ones(3, np.float32))
    offset: np.ndarray = field_of(default_factory=lambda: np.zeros(3, np.float32))
    drift: float = 0.0
    left: float = 0.0

    @staticmethod
    def of(
        frames: np.ndarray,  # [N,H,W,3] uint8, a spread over all clips
        points: np.ndarray | None = None,  # [N,478,2|3] pixels, NaN where no face was seen
    ) -> "Backdrop":
        """Not in a paper: the field is the mean over frames of what is surely or by colour backdrop, each frame first
        shifted to the sample's median colour, and carried on smoothly where the person always stands."""
        pick = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).astype(int))
        frames = frames[pick]
        points = [None] * len(frames) if points is None else list(points[pick])
        shape = frames.shape[1:3]
        sure = [surely_behind(shape, p) for p in points]
        start = smooth_field(frames, sure)
        if start is None:
            return Backdrop(False, "no part of the picture is surely backdrop", np.zeros((*shape, 3), np.float32), 0.0)
        middles = np.array([shift_to(start, f, s) for f, s in zip(frames, sure)])
        middles -= np.median(middles, axis=0)
        field, noise = gathered(frames, middles, start)
        skin = cheeks_of(frames + middles[:, None, None].astype(np.float32), points)
        plain, why = judged(frames, sure, start, middles, skin)
        return Backdrop(plain, why, field, noise, skin)

    def of_clip(
        self,
        frames: np.ndarray,  # [M,H,W,3] uint8, a spread over the clip (8 will do)
        points: np.ndarray | None = None,  # [M,478,2|3]
    ) -> "Backdrop":
        """This backdrop with the clip's gain and offset, and with the field as the clip shows it."""
        points = [None] * len(frames) if points is None else list(points)
        sure = [surely_behind(frames.shape[1:3], p) for p in points]
        shift = np.median([shift_to(self.field, f, s) for f, s in zip(frames, sure)], axis=0)
        shifted = frames + shift.astype(np.float32)
        masks = np.stack([behind(f, self.field, p) for f, p in zip(shifted, points)])
        if not masks.any():
            return self
        gain, offset = fitted(frames, masks, self.field, cheeks_of(frames, points), self.skin)
        evened = frames * gain + offset
        seen_here = masks.astype(np.float32)
        residual = ((evened - self.field) * seen_here[..., None]).sum(0)
        field = self.field + spread(residual, seen_here.sum(0), 12)
        there = masks.any(0)
        before = frames.astype(np.float32) - self.field
        drift = float(np.sqrt(np.mean(before[masks].mean(0) ** 2)))
        left = float(np.sqrt(np.mean((evened - self.field)[masks].mean(0) ** 2)))
        field = np.where(there[..., None] | (field > 0), field, self.field).astype(np.float32)
        return replace(self, field=field, gain=gain, offset=offset, drift=drift, left=left)

    def evened(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8 or float, a frame of the clip
        points: np.ndarray | None = None,  # [478,2|3]
    ) -> np.ndarray:
        """[H,W,3] float32 0..255: the frame as if filmed in the common light; the clip's gain and offset, and the
        frame's own offset measured on its backdrop."""
        out = rgb.astype(np.float32) * self.gain + self.offset
        if self.plain:
            mask = surely_behind(rgb.shape[:2], points)
            out += np.clip(shift_to(self.field, out, mask), -MOST_STEP, MOST_STEP).astype(np.float32)
        return np.clip(out, 0.0, 255.0, out=out)

    def alpha(self, rgb: np.ndarray, points: np.ndarray | None = None) -> np.ndarray:
        """[H,W] float32 0..1 by colour key; see key.alpha_by_key."""
        from .key import alpha_by_key

        return alpha_by_key(rgb, self.field, self.noise, points)


def smooth_field(frames: np.ndarray, sure: list[np.ndarray]) -> np.ndarray | None:
    """[H,W,3] float32 polynomial of third order through what is surely backdrop, refitted once without outliers."""
    height, width = frames.shape[1:3]
    places, colours = [], []
    for frame, mask in zip(frames, sure):
        y, x = np.nonzero(mask[::4, ::4])
        places.append(np.stack([x * 4, y * 4], -1))
        colours.append(frame[::4, ::4][y, x])
    places, colours = np.concatenate(places), np.concatenate(colours).astype(np.float64)
    if len(places) < 100:
        return None
    design = terms(places[:, 0] / width, places[:, 1] / height)
    keep = np.ones(len(places), bool)
    for _ in range(2):
        weights = np.linalg.lstsq(design[keep], colours[keep], rcond=None)[0]
        error = np.abs(design @ weights - colours).max(1)
        keep = error < 3.0 * max(np.median(error), 1.0)
    y, x = np.mgrid[:height, :width]
    return (terms(x.ravel() / width, y.ravel() / height) @ weights).reshape(height, width, 3).clip(0, 255).astype("f4")


def terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[P,9] monomials up to third order in x and second in y: below the chin little is seen to hold a cubic."""
    return np.stack([x**0, x, y, x * y, x * x, y * y, x**3, x * x * y, x * y * y], -1)


def unclipped(colours: np.ndarray) -> np.ndarray:
    return (colours > CLIPPED[0]) & (colours < CLIPPED[1])


def shift_to(field: np.ndarray, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """[3] what must be added to the frame so that the median of its masked, unclipped pixels is the field's."""
    here, there = frame[::2, ::2][mask[::2, ::2]], field[::2, ::2][mask[::2, ::2]]
    good = unclipped(here) & unclipped(there)
    return np.array([np.median(d[g]) if g.any() else 0.0 for d, g in zip((there - here).T, good.T)])


def behind(rgb: np.ndarray, field: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """[H,W] bool: looks like the backdrop, and is not beside something that does not."""
    share, across, lighter = compare(np.ascontiguousarray(rgb, np.float32), field)
    luma = np.maximum(field @ np.array([0.299, 0.587, 0.114], np.float32), 40.0)
    looks = (share > BEHIND_SHARE) & (np.abs(across) < BEHIND_ACROSS) & (np.abs(lighter) < BEHIND_LUMA * luma)
    if seen(points):
        looks &= ~filled(looks.shape, inner_face(points))
    return box_mean(looks[..., None].astype(np.float32), 2)[..., 0] > 0.99


def spread(total: np.ndarray, weight: np.ndarray, radius: int) -> np.ndarray:
    """[H,W,3] weighted mean over a window, over ever larger ones where the window is empty."""
    stack = np.concatenate([total, weight[..., None]], -1).astype(np.float32)
    near, reach = box_mean(stack, radius), radius
    while reach < max(weight.shape):
        reach *= 3
        near += 1e-3 * box_mean(stack, min(reach, min(weight.shape) - 1))
        stack = stack * np.float32(1e-3)
    return near[..., :3] / np.maximum(near[..., 3:], 1e-12)


def gathered(frames: np.ndarray, shifts: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """The field [H,W,3] from all that looks like `start`, and the noise of a pixel about it."""
    field = start
    for _ in range(2):
        total, weight = np.zeros_like(start), np.zeros(start.shape[:2], np.float32)
        squares = 0.0
        for frame, shift in zip(frames, shifts):
            rgb = frame + shift.astype(np.float32)
            mask = behind(rgb, field, None)
            total[mask] += rgb[mask] - start[mask]
            weight += mask
            squares += float(((rgb - field)[mask] ** 2).sum())
        noise = np.sqrt(squares / max(3.0 * float(weight.sum()), 1.0))
        enough = np.where(weight > 0.05 * len(frames), weight, 0.0).astype(np.float32)
        far = spread(total * (enough > 0)[..., None], enough, 8)
        own = total / np.maximum(weight, 1.0)[..., None]
        near = spread(total * (enough > 0)[..., None], enough, 1)
        settled = (box_mean((enough > 0)[..., None].astype(np.float32), 2) > 0.99).astype(np.float32)
        del own
        field = (start + settled * near + (1 - settled) * far).clip(0, 255)
    return field, float(noise)


def cheeks_of(frames: np.ndarray, points: list) -> np.ndarray | None:
    """[3] median colour of the cheeks over the frames with a face; None without any."""
    height, width = frames.shape[1:3]
    colours = []
    for frame, p in zip(frames, points):
        if seen(p):
            reach = max(int(0.04 * np.ptp(inner_face(p)[:, 0])), 1)
            for x, y in p[CHEEKS, :2].astype(int):
                if reach <= x < width - reach and reach <= y < height - reach:
                    patch = frame[y - reach : y + reach + 1, x - reach : x + reach + 1]
                    colours.append(patch.reshape(-1, 3).mean(0))
    return np.median(colours, axis=0).astype(np.float32) if colours else None


def fitted(frames, masks, field, cheeks, skin) -> tuple[np.ndarray, np.ndarray]:
    """[3] gain and [3] offset of a clip: ridge regression over the means of the backdrop's darker and lighter parts
    and over the hue of the cheeks.

    Not in a paper: the backdrop alone spans too few codes to carry a gain to skin, so the cheeks' colour anchors the
    other end; only its hue, since its lightness follows the turn of the head.
    """
    colours, wanted = frames[masks].astype(np.float64), np.broadcast_to(field, frames.shape)[masks].astype(np.float64)
    good = unclipped(colours) & unclipped(wanted)
    gain, offset = np.ones(3), np.zeros(3)
    shift = np.array([np.median((wanted - colours)[g, c]) if (g := good[:, c]).any() else 0.0 for c in range(3)])
    if cheeks is not None and skin is not None:
        lightness = np.array([0.299, 0.587, 0.114])
        target = skin.astype(np.float64) * ((cheeks + 0.5 * shift) @ lightness) / (skin @ lightness)
    for c in range(3):
        if not good[:, c].any():
            continue
        here, there = colours[good[:, c], c], wanted[good[:, c], c]
        middle = np.median(here)
        rows, values, sigmas = [], [], []
        for part in (here < middle, here >= middle):
            if part.any():
                rows.append([here[part].mean() / 100.0, 1.0])
                values.append(np.mean((there - here)[part]))
                sigmas.append(BEHIND_NOISE)
        if cheeks is not None and skin is not None:
            rows.append([cheeks[c] / 100.0, 1.0])
            values.append(target[c] - cheeks[c])
            sigmas.append(SKIN_NOISE)
        rows.append([1.0, 0.0])
        values.append(0.0)
        sigmas.append(GAIN_PRIOR * 100.0)
        weigh = 1.0 / np.array(sigmas)
        slope, offset[c] = np.linalg.lstsq(np.array(rows) * weigh[:, None], np.array(values) * weigh, rcond=None)[0]
        gain[c] = 1.0 + slope / 100.0
    return gain.astype(np.float32), offset.astype(np.float32)


def judged(frames, sure, field, shifts, skin) -> tuple[bool, str]:
    """Whether a colour key will do, and a phrase that says why."""
    errors = []
    for frame, mask, shift in zip(frames, sure, shifts):
        places = mask[::4, ::4]
        errors.append(np.abs(frame[::4, ::4][places] + shift - field[::4, ::4][places]).mean(1))
    roughness = float(np.median(np.concatenate(errors)))
    y = field @ np.array([0.299, 0.587, 0.114], np.float32)
    chroma = float(np.median(np.hypot((field[..., 2] - y) / 1.772, (field[..., 0] - y) / 1.402)))
    if roughness > MOST_ROUGHNESS:
        return False, f"the backdrop is not plain: {roughness:.1f} grey levels off a smooth field"
    if chroma < LEAST_CHROMA:
        return False, f"the backdrop has too little colour for a key: {chroma:.0f} grey levels"
    if skin is not None:
        share = float(np.median(compare(np.broadcast_to(skin, field.shape).astype(np.float32), field)[0]))
        if share > MOST_SKIN_SHARE:
            return False, f"the backdrop is too close to the skin: {share:.2f} of its chroma"
    return True, f"plain: chroma {chroma:.0f}, {roughness:.1f} grey levels off a smooth field"

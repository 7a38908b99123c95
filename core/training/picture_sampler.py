# SPDX-License-Identifier: GPL-3.0-or-later
"""Which picture a step sees: a pure function of seed and step, so that a run can be killed, resumed and read ahead.

TalkingGaussian trains its mouth on wide open mouths first (AU25 at its 95th percentile and above, 3,000 steps), then
takes at every 7th step a picture whose AU25 is in a window that slides from the widest to closed; its face, at every
15th, one whose blink is in such a window. Here both branches are trained in one picture, so both windows slide over
the move stage, the lip gap replaces AU25 and the expression channels named *blink* AU45. All other steps draw
flat over the lip gap and the blink (ours: rare openings and shut eyes are seen as often as common ones).

Letters: F pictures of the train split, t picture step.
"""

from dataclasses import dataclass

import numpy as np

from .training_settings import TrainingSettings

BINS = 12  # of the lip gap, and of the blink
MAX_GAIN = 6.0  # times as often as the median picture
BACK_VIEWS = 0.8  # how often, relatively, a picture is taken whose camera does not see the face
MIN_BLINK_RANGE = 0.05  # of the blink channel; below it there are no blinks to look for
MIN_IN_WINDOW = 8  # pictures in a sliding window: where there are fewer, the nearest


@dataclass(frozen=True)
class PictureSample:
    """What step t sees. `rng` draws the rest of the step (crop, background, silence)."""

    t: int
    row: int  # of the train pictures
    cropped: bool  # a window of the full-size picture, else the full picture
    silent: bool  # the picture shows the mouth at rest, and silence is what is heard
    rng: np.random.Generator


class PictureSampler:
    """`at(t)` for every step of a run."""

    def __init__(
        self,
        settings: TrainingSettings,
        lip_gaps: np.ndarray,  # [F] metres
        blinks: np.ndarray,  # [F] 0 open .. 1 shut; zeros where the footage has no such channel
        facing: np.ndarray,  # [F] bool, the camera sees the face
    ) -> None:
        self.settings, self.facing = settings, facing
        self.lip_gaps, self.blinks = lip_gaps, blinks if np.ptp(blinks) > MIN_BLINK_RANGE else None
        self.probabilities = picture_probabilities(lip_gaps, self.blinks, facing)
        # Rows of pictures with the reference's mouth, and with the mouth at rest: set by the run, which knows them.
        self.reference_rows = self.rest_rows = np.zeros(0, np.int64)

    def at(self, t: int) -> PictureSample:
        """The sample of step t; the same for every call."""
        s = self.settings
        rng = np.random.default_rng((s.seed, t))
        reference_draw = rng.random()
        silent = rng.random() < s.silence_pictures and len(self.rest_rows) > 0 and t >= s.static_steps
        if silent:
            row = rng.choice(self.rest_rows)
        elif t < s.static_steps and len(self.reference_rows) and reference_draw < s.static_alike:
            row = rng.choice(self.reference_rows)
        elif (values := self._slid_over(t)) is not None:
            row = self._in_sliding_window(values, (t - s.static_steps) / s.move_steps, rng)
        else:
            row = rng.choice(len(self.probabilities), p=self.probabilities)
        return PictureSample(t, int(row), bool(rng.random() < s.windows), silent, rng)

    def _slid_over(self, t: int) -> np.ndarray | None:
        """The values over which step t's window slides; None for a step without one."""
        s, move = self.settings, t - self.settings.static_steps
        if not 0 <= move < s.move_steps:
            return None
        if s.gap_every and move % s.gap_every == 0:
            return self.lip_gaps
        return self.blinks if s.blink_every and move % s.blink_every == 0 else None

    def _in_sliding_window(self, values: np.ndarray, position: float, rng: np.random.Generator) -> int:
        """A picture of the face whose value is in the window at `position`: 0 the highest .. 1 the lowest."""
        rows = np.flatnonzero(self.facing) if self.facing.any() else np.arange(len(values))
        visible = values[rows]
        distance = np.abs(visible - (visible.max() - position * np.ptp(visible)))
        inside = rows[distance <= self.settings.slide / 2 * np.ptp(visible)]
        nearest = rows[np.argsort(distance, kind="stable")[:MIN_IN_WINDOW]]
        return rng.choice(inside if len(inside) >= MIN_IN_WINDOW else nearest)


def picture_probabilities(
    lip_gaps: np.ndarray,  # [F]
    blinks: np.ndarray | None,  # [F]
    facing: np.ndarray,  # [F] bool
) -> np.ndarray:
    """[F], sum 1: flat over the lip gap, half as strongly over the blink, lower from behind."""
    weight = 1.0 / _bin_sizes(lip_gaps)
    if blinks is not None:
        weight = weight * np.sqrt(len(blinks) / _bin_sizes(blinks))
    weight = np.minimum(weight, MAX_GAIN * np.median(weight))
    weight = np.where(facing, weight, BACK_VIEWS * weight)
    return weight / weight.sum()


def _bin_sizes(values: np.ndarray) -> np.ndarray:
    """[F] how many pictures share a picture's bin."""
    edges = np.linspace(values.min(), values.max() + 1e-9, BINS + 1)
    bins = np.clip(np.digitize(values, edges) - 1, 0, BINS - 1)
    return np.bincount(bins, minlength=BINS)[bins]


def blink_values(expression: np.ndarray, names: tuple[str, ...]) -> np.ndarray:  # [F,E] -> [F]
    """The mean of the channels whose name contains "blink"; zeros where none does."""
    columns = [k for k, name in enumerate(names) if "blink" in name.lower()]
    return expression[:, columns].mean(axis=1) if columns else np.zeros(len(expression), np.float32)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which picture a step looks at: a pure function of seed and step, so that a run can be cut, resumed and read ahead.

TalkingGaussian trains its mouth on wide open mouths first (AU25 at its 95th percentile and above, 3,000 steps), then
takes at every 7th step a picture whose AU25 lies in a window that slides from the widest to closed; its face, at every
15th, one whose blink lies in such a window. Here both branches are trained in one picture, so both windows slide over
the move stage, the lip gap stands for AU25 and the expression channels named *blink* for AU45. All other steps draw
flat over the lip gap and the blink (ours: rare openings and shut eyes are seen as often as common ones).

Letters: F pictures of the train split, t picture step.
"""

from dataclasses import dataclass

import numpy as np

from .training_settings import TrainingSettings

BINS = 12  # of the lip gap, and of the blink
AT_MOST = 6.0  # times as often as the median picture
BACKWARDS = 0.8  # how often, relatively, a picture is taken whose camera does not see the face
BLINKS = 0.05  # range of the blink channel below which there are no blinks to look for
FEWEST = 8  # pictures in a sliding window: where fewer lie, the nearest


@dataclass(frozen=True)
class Choice:
    """What step t looks at. `rng` goes on to draw the rest of the step (window, background, silence)."""

    t: int
    place: int  # row of the train pictures
    part: bool  # a window of the full-size picture, else the whole one
    quiet: bool  # the picture shows the mouth at rest, and silence is what is heard
    rng: np.random.Generator


class Sampling:
    """`at(t)` for every step of a run."""

    def __init__(
        self,
        settings: TrainingSettings,
        gaps: np.ndarray,  # [F] metres, the lip gap
        blinks: np.ndarray,  # [F] 0 open .. 1 shut; zeros where the footage has no such channel
        facing: np.ndarray,  # [F] bool, the camera sees the face
    ) -> None:
        self.settings, self.facing = settings, facing
        self.gaps, self.blinks = gaps, blinks if np.ptp(blinks) > BLINKS else None
        self.chances = chances(gaps, self.blinks, facing)
        self.alike = self.resting = np.zeros(0, np.int64)  # rows; set by whoever knows the reference and the rest

    def at(self, t: int) -> Choice:
        s = self.settings
        rng = np.random.default_rng((s.seed, t))
        drawn, quiet = rng.random(), rng.random() < s.quiet_pictures and len(self.resting) > 0
        move = t - s.static_steps
        passed = move / max(s.move_steps, 1)
        if quiet and move >= 0:
            place = rng.choice(self.resting)
        elif move < 0 and len(self.alike) and drawn < s.static_alike:
            place = rng.choice(self.alike)
        elif 0 <= passed < 1 and s.gap_every and move % s.gap_every == 0:
            place = self._slide(self.gaps, passed, rng)
        elif 0 <= passed < 1 and s.blink_every and move % s.blink_every == 0 and self.blinks is not None:
            place = self._slide(self.blinks, passed, rng)
        else:
            place = rng.choice(len(self.chances), p=self.chances)
        return Choice(t, int(place), bool(rng.random() < s.windows), quiet and move >= 0, rng)

    def _slide(self, values: np.ndarray, passed: float, rng: np.random.Generator) -> int:
        """A picture of the face whose value lies in the window at `passed`: 0 the highest .. 1 the lowest."""
        rows = np.flatnonzero(self.facing) if self.facing.any() else np.arange(len(values))
        seen = values[rows]
        away = np.abs(seen - (seen.max() - passed * np.ptp(seen)))
        inside = rows[away <= self.settings.slide / 2 * np.ptp(seen)]
        return rng.choice(inside if len(inside) >= FEWEST else rows[np.argsort(away, kind="stable")[:FEWEST]])


def chances(
    gaps: np.ndarray,  # [F]
    blinks: np.ndarray | None,  # [F]
    facing: np.ndarray,  # [F] bool
) -> np.ndarray:
    """[F] probability of each picture: flat over the lip gap, half as strongly over the blink, lower from behind."""
    chance = 1.0 / _alike(gaps)
    if blinks is not None:
        chance = chance * np.sqrt(len(blinks) / _alike(blinks))
    chance = np.minimum(chance, AT_MOST * np.median(chance))
    chance = np.where(facing, chance, BACKWARDS * chance)
    return chance / chance.sum()


def _alike(values: np.ndarray) -> np.ndarray:
    """[F] how many pictures share a picture's bin."""
    edges = np.linspace(values.min(), values.max() + 1e-9, BINS + 1)
    place = np.clip(np.digitize(values, edges) - 1, 0, BINS - 1)
    return np.bincount(place, minlength=BINS)[place]


def blinks_of(expression: np.ndarray, names: tuple[str, ...]) -> np.ndarray:  # [F,E] -> [F]
    """The mean of the channels whose name says blink; zeros where none does."""
    columns = [k for k, name in enumerate(names) if "blink" in name.lower()]
    return expression[:, columns].mean(axis=1) if columns else np.zeros(len(expression), np.float32)

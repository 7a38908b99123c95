# SPDX-License-Identifier: GPL-3.0-or-later
"""Which model frame of which clip is rendered from which camera, in an order of which any prefix is useful."""

from dataclasses import dataclass

import numpy as np

from ...core.footage import SPLIT_CODES
from .cameras import AROUND, FRONT, FRONT_SHARE, FRONTAL, FRONTAL_SHARE, HELD_BACK

TRAIN, TEST_CLIP, HELD_BACK_CAMERA = (SPLIT_CODES[name] for name in ("train", "test", "camera"))
FRAMES_PER_CLIP, RATE = 75, 25
STRIDE = 3
TEST_CLIPS, TRAIN_CLIPS = 8, 56
PLAN_SEED = 2509


@dataclass(frozen=True)
class PlannedPicture:
    """One picture of the footage."""

    clip: str
    frame: int  # model frame, time = frame / RATE
    camera: tuple[float, float]  # yaw, pitch in degrees
    split: int


def choose_clips(names: list[str]) -> tuple[list[str], list[str]]:
    """(test clips, training clips that are filmed), seeded; the rest of the clips only has tracks."""
    shuffled = list(np.random.default_rng(PLAN_SEED).permutation(sorted(names)))
    return [str(n) for n in shuffled[:TEST_CLIPS]], [str(n) for n in shuffled[TEST_CLIPS : TEST_CLIPS + TRAIN_CLIPS]]


def training_camera(random: np.random.Generator) -> tuple[float, float]:
    draw = random.random()
    if draw < FRONTAL_SHARE:
        return FRONTAL
    cameras = FRONT[1:] if draw < FRONT_SHARE else AROUND
    return cameras[random.integers(len(cameras))]


def plan_pictures(names: list[str]) -> list[PlannedPicture]:
    """All pictures, shuffled as a whole: every hundred holds its share of clips, cameras and splits."""
    random = np.random.default_rng(PLAN_SEED + 1)
    test, train = choose_clips(names)
    pictures = []
    for clip in train:
        frames = range(int(random.integers(STRIDE)), FRAMES_PER_CLIP, STRIDE)
        pictures += [PlannedPicture(clip, frame, training_camera(random), TRAIN) for frame in frames]
        held_back = random.choice(FRAMES_PER_CLIP, 2, replace=False)
        pictures += [PlannedPicture(clip, int(f), camera, HELD_BACK_CAMERA) for f, camera in zip(held_back, HELD_BACK)]
    for clip in test:
        pictures += [PlannedPicture(clip, frame, FRONTAL, TEST_CLIP) for frame in range(0, FRAMES_PER_CLIP, STRIDE)]
        for camera in HELD_BACK:
            frames = random.choice(FRAMES_PER_CLIP, 3, replace=False)
            pictures += [PlannedPicture(clip, int(f), camera, TEST_CLIP) for f in frames]
    return [pictures[i] for i in random.permutation(len(pictures))]

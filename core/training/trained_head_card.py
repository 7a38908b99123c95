# SPDX-License-Identifier: GPL-3.0-or-later
"""What a freshly trained head says about itself: its card, from its footage and its run."""

import numpy as np

from ..formats import Camera, HeadCard
from ..listening import with_attribution
from .training_run import TrainingRun

FOV_Y = 0.44  # radians, about 25 degrees: a portrait lens
MARGIN = 1.15  # of the head's size, around it in the picture
SIZE = 512


def frontal_camera(run: TrainingRun) -> Camera:
    """The camera that sees the whole head from its front (the head looks along -Y)."""
    means = np.concatenate([cloud.means.detach().cpu().numpy() for cloud in run.model.clouds.values()])
    low, high = np.percentile(means, 1, axis=0), np.percentile(means, 99, axis=0)
    middle = (low + high) / 2
    distance = MARGIN * float((high - low)[[0, 2]].max()) / 2 / np.tan(FOV_Y / 2)
    return Camera.looking_at(middle - [0.0, distance, 0.0], middle, SIZE, SIZE, FOV_Y)


def trained_head_card(run: TrainingRun, name: str) -> HeadCard:
    """The card of the run's head; `training` says what it was made of."""
    footage, settings = run.footage, run.settings
    return HeadCard(
        name=name,
        model_rate=footage.rate,
        audio_encoder=settings.encoder,
        audio_code={},
        expression=footage.expression_names,
        fusion=settings.fusion,
        branches={branch: {} for branch in run.model.clouds},
        camera=frontal_camera(run),
        colour_space=footage.card.colour_space,
        blend=settings.blend,
        antialiased=settings.antialiased,
        training={
            "settings": settings.to_dict(),
            "footage": footage.name,
            "pictures": len(run.frames),
            "train_clips": len(run.speech.tracks),
            "picture_size": list(footage.full_size),
            "gaussians": run.model.counts,
            "landmarks": run.reference.landmarks.astype(float).round(6).tolist(),
            **run.results,
        },
        licence=with_attribution(footage.card.licence, settings.encoder),
        provenance=footage.card.provenance,
    )

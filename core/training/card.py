# SPDX-License-Identifier: GPL-3.0-or-later
"""What a freshly trained head says about itself, from its footage and its run."""

import numpy as np

from ..formats import Camera, HeadCard
from .trainer import Trainer

FOV_Y = 0.44  # radians, about 25 degrees: a portrait lens
MARGIN = 1.15  # of the head's size, around it in the picture
SIZE = 512


def frontal_camera(trainer: Trainer) -> Camera:
    """Looks at the middle of the head from its front (it looks along -Y), all of it in the picture."""
    means = np.concatenate([cloud.means.detach().cpu().numpy() for cloud in trainer.model.clouds.values()])
    low, high = np.percentile(means, 1, axis=0), np.percentile(means, 99, axis=0)
    middle = (low + high) / 2
    distance = MARGIN * float((high - low)[[0, 2]].max()) / 2 / np.tan(FOV_Y / 2)
    return Camera.looking_at(middle - [0.0, distance, 0.0], middle, SIZE, SIZE, FOV_Y)


def card_of(trainer: Trainer, name: str) -> HeadCard:
    footage, settings = trainer.fine, trainer.settings
    return HeadCard(
        name=name,
        model_rate=footage.rate,
        audio_encoder=settings.encoder,
        audio_code={},
        expression=footage.expression_names,
        fusion=settings.fusion,
        branches={branch: {} for branch in trainer.model.clouds},
        camera=frontal_camera(trainer),
        colour_space=footage.card.colour_space,
        training={
            "settings": settings.to_dict(),
            "footage": footage.name,
            "pictures": len(trainer.frames),
            "train_clips": len(trainer.speech.tracks),
            "picture_size": list(footage.full_size),
            "gaussians": trainer.model.counts,
            "landmarks": trainer.reference.landmarks.astype(float).round(6).tolist(),
            **trainer.notes,
        },
        licence=footage.card.licence,
        provenance=footage.card.provenance,
    )

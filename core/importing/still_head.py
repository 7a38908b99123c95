# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that is Gaussians alone: whoever reads heads finds the smallest networks that there are, all of zeros, around
a place where no Gaussian is, so that nothing needs to know of such heads."""

from fractions import Fraction

import numpy as np

from ..formats import Camera, Gaussians, HeadCard, HeadFile
from ..performance import BranchSettings, audio_channels, audio_net_shapes, field_shapes
from .imported import Imported

ENCODER = "logmel"  # no model file; nothing is made of what it hears
WIDTH = 1  # of the audio code
FIELD = BranchSettings(
    base=2, finest=2, levels=1, centre=(1000.0, 1000.0, 1000.0), half_extent=0.001, audio_code=WIDTH, fused=1, hidden=1
)
VIEW, FIELD_OF_VIEW = 512, 0.4  # pixels, radians: of the head's own view
SEEN = 0.1  # opacity from which a Gaussian counts as seen


def still_head(imported: Imported, name: str, provenance: str) -> HeadFile:
    """A head of Gaussians (Blender's axes, looking along -Y) that no sound moves; its own view is from the front."""
    branches = {"face": imported.gaussians} | ({"mouth": imported.mouth} if imported.mouth else {})
    tensors = {}
    for branch, gaussians in branches.items():
        tensors |= _branch_tensors(branch, gaussians)
    card = HeadCard(
        name=name,
        model_rate=Fraction(25),
        audio_encoder=ENCODER,
        audio_code=dict.fromkeys(branches, WIDTH),
        expression=(),
        fusion=FIELD.fusion,
        branches={branch: FIELD.to_dict() for branch in branches},
        camera=_front_view(imported.gaussians),
        colour_space=imported.colour_space,
        provenance=provenance,
        blend=imported.blend,
    )
    return HeadFile(card, tensors)


def _branch_tensors(branch: str, gaussians: Gaussians) -> dict[str, np.ndarray]:
    tensors = {f"{branch}.gaussians.{column}": value for column, value in vars(gaussians).items()}
    tensors |= {f"{branch}.field.{key}": np.zeros(shape, np.float32) for key, shape in field_shapes(FIELD).items()}
    return tensors | {
        f"{branch}.audio.{key}": (np.ones if key == "feature_std" else np.zeros)(shape, np.float32)
        for key, shape in audio_net_shapes(audio_channels(ENCODER), WIDTH).items()
    }


def _front_view(gaussians: Gaussians) -> Camera:
    """From -Y at what is seen, so near that it fills the view; outliers do not count."""
    seen = gaussians.means[gaussians.opacities >= SEEN]
    low, high = np.percentile(seen if len(seen) else gaussians.means, [1, 99], axis=0)
    centre, radius = (low + high) / 2, max(float(np.linalg.norm(high - low)) / 2, 1e-3)
    distance = radius / np.sin(FIELD_OF_VIEW / 2)
    return Camera.looking_at(centre - [0, distance, 0], centre, VIEW, VIEW, FIELD_OF_VIEW)

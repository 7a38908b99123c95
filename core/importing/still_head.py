# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that is Gaussians alone: whoever reads heads finds the smallest networks that there are, all of zeros, around
a place where no Gaussian is, so that nothing needs to know of such heads. What it hears can still drive its rig."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..formats import Camera, Gaussians, HeadCard, HeadFile
from ..performance import BranchSettings, audio_net_shapes, features_of_silence, field_shapes
from .imported import Imported

ENCODER = "logmel"  # no model file; nothing is made of what it hears
WIDTH = 1  # of the audio code
FIELD = BranchSettings(
    base=2, finest=2, levels=1, centre=(1000.0, 1000.0, 1000.0), half_extent=0.001, fused=1, hidden=1
)
VIEW, FIELD_OF_VIEW = 512, 0.4  # pixels, radians: of the head's own view
SEEN = 0.1  # opacity from which a Gaussian counts as seen


@dataclass(frozen=True)
class Hearing:
    """What a head makes of a sound: the code of its face branch."""

    encoder: str  # a name in audio.ENCODERS
    audio_net: dict[str, np.ndarray]  # by the names of performance.audio_net_shapes
    width: int  # of the code
    expression: tuple[str, ...] = ()  # channels
    licence: str = ""  # what the encoder asks to be said


def _no_hearing(encoder: str = ENCODER) -> Hearing:
    """Of a branch that no sound drives: the code is zero."""
    shapes = audio_net_shapes(len(features_of_silence(encoder)), WIDTH)
    net = {key: (np.ones if key == "feature_std" else np.zeros)(shape, np.float32) for key, shape in shapes.items()}
    return Hearing(encoder, net, WIDTH)


def still_head(imported: Imported, name: str, provenance: str, hearing: Hearing | None = None) -> HeadFile:
    """A head of Gaussians (Blender's axes, looking along -Y) whose networks move nothing; its own view is from the
    front. hearing: None for a head that no sound drives."""
    face = hearing or _no_hearing()
    heard = {"face": face} | ({"mouth": _no_hearing(face.encoder)} if imported.mouth else {})
    fields = {branch: replace(FIELD, audio_code=hears.width) for branch, hears in heard.items()}
    tensors = _branch_tensors("face", imported.gaussians, fields["face"], face)
    if imported.mouth:
        tensors |= _branch_tensors("mouth", imported.mouth, fields["mouth"], heard["mouth"])
    card = HeadCard(
        name=name,
        model_rate=Fraction(25),
        audio_encoder=face.encoder,
        audio_code={branch: hears.width for branch, hears in heard.items()},
        expression=face.expression,
        fusion=FIELD.fusion,
        branches={branch: field.to_dict() for branch, field in fields.items()},
        camera=_front_view(imported.gaussians),
        colour_space=imported.colour_space,
        licence=face.licence,
        provenance=provenance,
        blend=imported.blend,
    )
    return HeadFile(card, tensors)


def _branch_tensors(branch: str, gaussians: Gaussians, field: BranchSettings, hears: Hearing) -> dict[str, np.ndarray]:
    tensors = {f"{branch}.gaussians.{column}": value for column, value in vars(gaussians).items()}
    tensors |= {f"{branch}.field.{key}": np.zeros(shape, np.float32) for key, shape in field_shapes(field).items()}
    return tensors | {f"{branch}.audio.{key}": value for key, value in hears.audio_net.items()}


def _front_view(gaussians: Gaussians) -> Camera:
    """From -Y at what is seen, so near that it fills the view; outliers do not count."""
    seen = gaussians.means[gaussians.opacities >= SEEN]
    low, high = np.percentile(seen if len(seen) else gaussians.means, [1, 99], axis=0)
    centre, radius = (low + high) / 2, max(float(np.linalg.norm(high - low)) / 2, 1e-3)
    distance = radius / np.sin(FIELD_OF_VIEW / 2)
    return Camera.looking_at(centre - [0, distance, 0], centre, VIEW, VIEW, FIELD_OF_VIEW)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig of ARKit's shapes speaks: the mouth's measures that a sound gives (audio encoder `mouth_shapes`) become weights
of jawOpen, mouthFunnel and the others, by one fixed matrix that no weight is negative in.

The head's audio net is made, not trained: it hands the named measures of the window's middle on, split into what is
above and below the mouth at rest. The rig's drive is the matrix, so that the shapes are driven as any channels are, and
every control, key, bake and export knows them.

`shape_speech.json` is written by samples/pack_shape_speech.py, which says how the matrix is found.

Letters: J measures, A = 2J halves of them, K channels, E expression channels, C feature channels.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..audio import MOUTH_MEASURES
from ..formats import RigDrive
from ..listening import with_attribution
from ..performance import audio_net_shapes, features_of_silence
from .still_head import Hearing

TABLE_FILE = Path(__file__).with_name("shape_speech.json")
LEAK = 0.02  # of the audio net's activation
CENTRE = 4  # of the window's eight frames: the moment itself, as the mean of 10 ms before and after it
CERTAIN = 60.0  # the attention's logit of that frame; e^-60 of any other is nothing in float32
# What an expression channel of ours is as ARKit's shapes. Gaze is signed: an eye that looks in looks out less.
UPPER_FACE: dict[str, dict[str, float]] = {
    "blink_left": {"eyeBlinkLeft": 1.0},
    "blink_right": {"eyeBlinkRight": 1.0},
    "squint": {"eyeSquintLeft": 1.0, "eyeSquintRight": 1.0},
    "brow_inner_up": {"browInnerUp": 1.0},
    "brow_outer_up": {"browOuterUpLeft": 1.0, "browOuterUpRight": 1.0},
    "brow_down": {"browDownLeft": 1.0, "browDownRight": 1.0},
    "gaze_x": {"eyeLookOutLeft": 0.5, "eyeLookInLeft": -0.5, "eyeLookInRight": 0.5, "eyeLookOutRight": -0.5},
    "gaze_y": {"eyeLookUpLeft": 0.5, "eyeLookDownLeft": -0.5, "eyeLookUpRight": 0.5, "eyeLookDownRight": -0.5},
}


@dataclass(frozen=True)
class ShapeSpeech:
    """The fixed matrix."""

    encoder: str  # a name in audio.ENCODERS
    measures: tuple[str, ...]  # J of MOUTH_MEASURES, at most 16: each takes two of the net's 32 narrowest units
    weights: dict[str, np.ndarray]  # shape -> [A] float32, not negative: of each measure above rest, then below
    attribution: str  # of what it was made from

    @property
    def width(self) -> int:
        """A."""
        return 2 * len(self.measures)


@cache
def load_shape_speech() -> ShapeSpeech:
    """The table of the package."""
    table = json.loads(TABLE_FILE.read_text(encoding="utf-8"))
    return ShapeSpeech(
        table["encoder"],
        tuple(table["measures"]),
        {name: np.array(row, np.float32) for name, row in table["shapes"].items()},
        table["attribution"],
    )


def hearing_for(shapes: Iterable[str]) -> Hearing | None:
    """What a head with shapes of these names makes of a sound; None where none of them speaks."""
    speech = load_shape_speech()
    if not set(shapes) & set(speech.weights):
        return None
    licence = with_attribution("", speech.encoder)
    return Hearing(
        speech.encoder,
        audio_net_of(speech, features_of_silence(speech.encoder)),
        speech.width,
        tuple(UPPER_FACE),
        licence,
    )


def shape_drive(channels: Sequence[str], expression: Sequence[str]) -> RigDrive | None:
    """What the code of `hearing_for` and the expression channels add to the channels of a rig; None where the rig has
    none of the shapes that speak."""
    speech = load_shape_speech()
    if not set(channels) & set(speech.weights):
        return None
    audio = np.zeros((len(channels), speech.width), np.float32)
    upper = np.zeros((len(channels), len(expression)), np.float32)
    for row, channel in enumerate(channels):
        if channel in speech.weights:
            audio[row] = speech.weights[channel]
        for column, name in enumerate(expression):
            upper[row, column] = UPPER_FACE.get(name, {}).get(channel, 0.0)
    return RigDrive({"face": audio}, upper)


def audio_net_of(speech: ShapeSpeech, silence: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors of an audio net [M,8,C,2] -> [M,A] that hands the measures on: x above rest, then x below rest.

    silence: [C] the encoder's features of silence, which are rest. Through a leaky ReLU f a number goes as the pair of
    itself and its negative: (f(x) - f(-x)) / (1 + LEAK) is x again, (f(x) + LEAK f(-x)) / (1 - LEAK^2) is max(x, 0).
    """
    known, j = [measure.name for measure in MOUTH_MEASURES], len(speech.measures)
    columns = [known.index(name) for name in speech.measures]
    tensors = {
        name: np.zeros(shape, np.float32) for name, shape in audio_net_shapes(len(silence), speech.width).items()
    }
    tensors["feature_std"][:] = 1.0
    tensors["feature_mean"][:] = silence
    pair, joined = np.concatenate([np.eye(j), -np.eye(j)]), np.eye(j) / (1 + LEAK)
    mean = np.zeros((j, len(silence)))
    mean[range(j), columns] = 0.5
    tensors["frame.0.weight"][: 2 * j, :, 1:] = (pair @ mean)[:, :, None]
    again = pair @ np.concatenate([joined, -joined], axis=1)  # a pair -> the same pair
    for name in ("frame.2", "frame.4", "frame.6"):
        tensors[f"{name}.weight"][: 2 * j, : 2 * j, 1] = again
    tensors["frame_code.0.weight"][: 2 * j, : 2 * j] = again
    halves = np.block([[np.eye(j), LEAK * np.eye(j)], [LEAK * np.eye(j), np.eye(j)]]) / (1 - LEAK * LEAK)
    tensors["frame_code.2.weight"][:, : 2 * j] = halves
    tensors["attention_weights.bias"][CENTRE] = CERTAIN
    return tensors

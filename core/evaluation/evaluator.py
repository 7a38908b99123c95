# SPDX-License-Identifier: GPL-3.0-or-later
"""A head before its footage: what it does in a condition, what it looks like, what the truth is.

Everything goes through the numpy replay and the raster, as in Blender. Pictures are compared over mid grey.

Letters: T moments of a clip, E expression channels, H W a picture.
"""

from functools import cached_property

import numpy as np
import torch

from ..audio import ENCODERS, Features, load_sound, windows_at
from ..footage import Footage, encode_clips
from ..formats import Camera, Gaussians, HeadFile, UserError
from ..head import HeadModel
from ..metrics import face_box, mouth_box
from ..performance import Condition, Frame, Replay
from ..raster import rasterize
from .landmark_carrier import LandmarkCarrier, canonical_landmarks

GREY = 0.5
MEAN_CLIPS = 32  # train clips that the mean condition is taken from
FACING = 0.35  # cosine between the camera's direction and the face's front: a mouth is looked at from there


class Evaluator:
    """A head, its footage, and what both sound like."""

    def __init__(self, head: HeadFile, footage: Footage) -> None:
        if len(footage.expression_names) != len(head.card.expression):
            raise UserError(
                f"{footage.folder} has {len(footage.expression_names)} expression channels, {head.source} "
                f"{len(head.card.expression)}; take the footage the head was trained on."
            )
        self.head, self.footage = head, footage
        self.model, self.replay = HeadModel.from_file(head), Replay(head)
        self._features: dict[tuple[str, int], Features] = {}  # (encoder, clip) -> what it hears

    # what the head is told

    def codes(self, windows: np.ndarray) -> dict[str, np.ndarray]:  # [T,8,C,2] -> {branch: [T,A]}
        with torch.no_grad():
            return {name: code.numpy() for name, code in self.model.codes(torch.from_numpy(windows)).items()}

    def features(self, clip: int, encoder: str | None = None) -> Features:
        """What an encoder hears in a clip; the head's own where none is named."""
        key = encoder or self.head.card.audio_encoder, clip
        if key not in self._features:
            self._features[key] = ENCODERS[key[0]].encode(load_sound(self.footage.clips[clip].audio))
        return self._features[key]

    def spoken(self, features: Features, times: np.ndarray, expression: np.ndarray) -> list[Condition]:
        """The conditions at times [T] of a sound; expression [T,E]."""
        codes = self.codes(windows_at(features, times))
        return [Condition({name: code[t] for name, code in codes.items()}, expression[t]) for t in range(len(times))]

    def condition(self, i: int) -> Condition:
        """What drives picture i: its sound, and its own upper face."""
        row = slice(i, i + 1)
        return self.spoken(
            self.features(int(self.footage.clip[i])), self.footage.time[row], self.footage.expression[row]
        )[0]

    @cached_property
    def mean(self) -> Condition:
        """The mean of what training clips say and do."""
        speech = encode_clips(self.footage, "train", self.head.card.audio_encoder, MEAN_CLIPS)
        rows = np.arange(len(speech.moments))[:: max(len(speech.moments) // 1500, 1)]
        codes = self.codes(speech.batch(rows))
        return Condition(
            {name: code.mean(axis=0) for name, code in codes.items()}, speech.stacked("expression", rows).mean(axis=0)
        )

    @cached_property
    def carrier(self) -> LandmarkCarrier:
        return LandmarkCarrier(self.head)

    # what is seen

    def draw(self, frame: Frame, camera: Camera) -> np.ndarray:
        """[H,W,3] over grey."""
        c: Gaussians = self.replay.canonical
        background = np.full(3, GREY, np.float32)
        return np.clip(
            rasterize(
                frame.means, frame.quats, frame.scales, c.opacities, c.sh0, c.shN, camera, background=background
            ).color,
            0,
            1,
        )

    def truth(self, i: int) -> np.ndarray:
        """[H,W,3] over grey."""
        view = self.footage.picture(i)
        return view.rgb + (1 - view.alpha)[..., None] * np.float32(GREY)

    def sees_mouth(self, camera: Camera) -> bool:
        towards = camera.centre - canonical_landmarks(self.head).mean(axis=0)
        return bool(-towards[1] / np.linalg.norm(towards) > FACING)

    def parts(self, i: int) -> dict[str, tuple[slice, slice]]:
        """The crops of picture i: whole, and where the face is seen from its front, face and mouth."""
        footage, parts = self.footage, {"whole": np.s_[:, :]}
        if self.sees_mouth(footage.camera(i)):
            marks, size = footage.landmarks2d[i], (footage.width, footage.height)
            parts |= {"face": face_box(marks, *size), "mouth": mouth_box(marks, *size)}
        return parts

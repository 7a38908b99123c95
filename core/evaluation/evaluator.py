# SPDX-License-Identifier: GPL-3.0-or-later
"""A head and its footage: what drives the head, what it looks like, what the truth is.

Everything is computed by the numpy replay and the rasterizer, as in Blender. Pictures are compared over mid grey.

Letters: T moments of a clip, E expression channels, A numbers of an audio code, H W a picture.
"""

from functools import cached_property

import numpy as np
import torch

from ..audio import ENCODERS, Features, load_sound, windows_at
from ..footage import Footage, encode_clips
from ..formats import Camera, HeadFile, UserError, over_background
from ..head import HeadModel
from ..metrics import face_box, mouth_box
from ..performance import Condition, Frame, LandmarkCarrier, Replay, canonical_landmarks
from ..raster import Rendering, rasterize, trained_low_pass

GREY = 0.5
MEAN_CLIPS = 32  # train clips that the mean condition is taken from
MEAN_MOMENTS = 1500  # moments of them, about
FACING = 0.35  # cosine between the camera's direction and the face's front, above which the mouth is visible


class Evaluator:
    """A head, its footage, and the audio features of the clips. Raises UserError where they do not fit each other."""

    def __init__(self, head: HeadFile, footage: Footage) -> None:
        if len(footage.expression_names) != len(head.card.expression):
            raise UserError(
                f"{footage.folder} has {len(footage.expression_names)} expression channels, {head.source} "
                f"{len(head.card.expression)}; take the footage the head was trained on."
            )
        self.head, self.footage = head, footage
        self.model, self.replay = HeadModel.from_file(head), Replay(head)
        self._features: dict[tuple[str, int], Features] = {}  # (encoder, clip) ->

    # What drives the head

    def audio_codes(self, windows: np.ndarray) -> dict[str, np.ndarray]:  # [T,8,C,2] -> {branch: [T,A]}
        """Feature windows through the head's audio nets."""
        with torch.no_grad():
            return {name: code.numpy() for name, code in self.model.codes(torch.from_numpy(windows)).items()}

    def audio_features(self, clip: int, encoder: str | None = None) -> Features:
        """Of a clip's audio, by an encoder; the head's own where none is named."""
        key = encoder or self.head.card.audio_encoder, clip
        if key not in self._features:
            self._features[key] = ENCODERS[key[0]].encode(load_sound(self.footage.clips[clip].audio))
        return self._features[key]

    def conditions_at(self, features: Features, times: np.ndarray, expression: np.ndarray) -> list[Condition]:
        """The conditions at times [T] (seconds) of the audio; expression [T,E]."""
        codes = self.audio_codes(windows_at(features, times))
        return [Condition({name: code[t] for name, code in codes.items()}, expression[t]) for t in range(len(times))]

    def condition(self, i: int) -> Condition:
        """What drives picture i: its audio, and its own upper face."""
        features, row = self.audio_features(int(self.footage.clip[i])), slice(i, i + 1)
        return self.conditions_at(features, self.footage.time[row], self.footage.expression[row])[0]

    @cached_property
    def mean_condition(self) -> Condition:
        """The mean over the train clips."""
        speech = encode_clips(self.footage, "train", self.head.card.audio_encoder, MEAN_CLIPS)
        rows = np.arange(len(speech.moments))[:: max(len(speech.moments) // MEAN_MOMENTS, 1)]
        codes = {name: code.mean(axis=0) for name, code in self.audio_codes(speech.window_batch(rows)).items()}
        return Condition(codes, speech.stack_tracks("expression", rows).mean(axis=0))

    @cached_property
    def carrier(self) -> LandmarkCarrier:
        """The head's landmarks without a picture."""
        return LandmarkCarrier(self.head)

    # What the pictures show

    def draw(self, frame: Frame, camera: Camera) -> np.ndarray:
        """[H,W,3] 0..1 over grey."""
        return np.clip(self.render(frame, camera).display_color, 0, 1)

    def render(self, frame: Frame, camera: Camera) -> Rendering:
        """The head over grey, with its alpha [H,W]; `color` is as the head is blended, and not clipped above."""
        canonical, grey = self.replay.canonical, np.full(3, GREY, np.float32)
        moved = frame.means, frame.quats, frame.scales
        fixed = canonical.opacities, canonical.sh0, canonical.shN
        card = self.head.card
        low_pass = trained_low_pass(card.antialiased)
        return rasterize(*moved, *fixed, camera, background=grey, blend=card.blend, trained_low_pass=low_pass)

    def truth(self, i: int) -> np.ndarray:
        """[H,W,3] 0..1 over grey: the footage's picture i, blended with the grey as the head is."""
        view, grey = self.footage.picture(i), np.full(3, GREY, np.float32)
        return over_background(view.rgb, view.alpha, grey, self.head.card.blend)

    def sees_mouth(self, camera: Camera) -> bool:
        """Whether the camera is in front of the face."""
        direction = camera.centre - canonical_landmarks(self.head).mean(axis=0)
        return bool(-direction[1] / np.linalg.norm(direction) > FACING)

    def crops(self, i: int) -> dict[str, tuple[slice, slice]]:
        """The (rows, columns) of picture i that are compared: whole, and where the face is seen from the front, face
        and mouth."""
        footage, crops = self.footage, {"whole": np.s_[:, :]}
        if self.sees_mouth(footage.camera(i)):
            landmarks, size = footage.landmarks2d[i], (footage.width, footage.height)
            crops |= {"face": face_box(landmarks, *size), "mouth": mouth_box(landmarks, *size)}
        return crops

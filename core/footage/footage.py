# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage: a prepared talking video in a folder. Reads it; knows nothing of heads or training.

    footage.json      name, rate, size, expression names, clips with their sound and split
    audio/NAME.wav    the sound of a clip
    tracks/NAME.npz   time, landmarks, expression of every model frame of a clip, with or without pictures
    frames.npz        the pictures: clip, time, split, camera, landmarks, expression
    image/ label/ depth/ 000000.png ...

Letters: F pictures, T model frames of a clip, E expression channels. Space: head space, Blender's axes, metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..formats import Camera, UserError
from .footage_card import ClipSplit, FootageCard, read_footage_card
from .footage_png import read_png
from .picture import Picture, pack_picture, unpack_picture
from .picture_cache import PictureCache
from .read_npz import Shape, read_npz

SPLIT_CODES = {"train": 0, "test": 1, "camera": 2}  # "camera": a train clip seen from a held-back camera
DEPTH_STEP = 1e-4  # metres per level of the depth pictures
FRAME_COLUMNS: dict[str, Shape] = {  # of frames.npz, besides the expression
    "clip": ("F",),
    "time": ("F",),
    "split": ("F",),
    "viewmat": ("F", 4, 4),
    "K": ("F", 3, 3),
    "landmarks2d": ("F", 68, 2),
}


@dataclass(frozen=True)
class Track:
    """What a clip's face does at every model frame."""

    time: np.ndarray  # [T] float64 seconds
    landmarks: np.ndarray  # [T,68,3] float32 metres, head space
    expression: np.ndarray  # [T,E] float32


class Footage:
    """An open footage folder. `shrink` reads every picture that many times smaller."""

    def __init__(
        self, folder: Path, card: FootageCard, columns: dict[str, np.ndarray], shrink: int, cache_bytes: int
    ) -> None:
        self.folder, self.card, self.shrink = folder, card, shrink
        self.name, self.rate, self.clips = card.name, card.rate, card.clips
        self.expression_names = card.expression_names
        self.full_size = (card.width, card.height)  # pixels, as stored
        self.width, self.height = (side // shrink for side in self.full_size)
        self.clip, self.time = columns["clip"], columns["time"]  # [F] int, [F] seconds
        self.split, self.expression = columns["split"], columns["expression"].astype(np.float32)  # [F], [F,E]
        self.landmarks2d = columns["landmarks2d"] / shrink  # [F,68,2] pixels
        self._viewmat, self._K = columns["viewmat"], columns["K"]
        self._cache = PictureCache(cache_bytes)

    @staticmethod
    def open(folder: Path | str, shrink: int = 1, cache_bytes: int = 1 << 30) -> "Footage":
        """Read the card and the table of pictures; pictures are read when asked for. Raises UserError."""
        folder = Path(folder)
        card = read_footage_card(folder)
        if shrink < 1 or card.width % shrink or card.height % shrink:
            raise UserError(
                f"{folder}: pictures of {card.width}x{card.height} cannot be made {shrink} times "
                "smaller; choose a divisor of both sides."
            )
        return Footage(folder, card, _read_frame_table(folder, card), shrink, cache_bytes)

    def __len__(self) -> int:
        return len(self.clip)

    def frames(self, split: str) -> np.ndarray:
        """Indices of the pictures of a split: "train", "test" (held-back clips), "camera" (held-back cameras)."""
        return np.flatnonzero(self.split == SPLIT_CODES[split])

    def stored_picture(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """([H,W,4] uint8 image with straight alpha, [H,W] uint8 label) at full size. Raises UserError."""
        image = read_png(self.folder / "image" / f"{i:06d}.png", "RGBA", *self.full_size)
        return image, read_png(self.folder / "label" / f"{i:06d}.png", "L", *self.full_size)

    def picture(self, i: int) -> Picture:
        """Picture i at the size the pictures are read in, cached. Raises UserError."""
        packed = self._cache.get(i)
        if packed is None:
            packed = pack_picture(*self.stored_picture(i), self.shrink)
            self._cache.put(i, packed)
        return unpack_picture(packed)

    def depth(self, i: int) -> np.ndarray | None:
        """[H,W] float32 metres along z, 0 = background, one sample a pixel; None where the footage has no depth."""
        path = self.folder / "depth" / f"{i:06d}.png"
        if not path.is_file():
            return None
        s = self.shrink
        return read_png(path, "I;16", *self.full_size)[s // 2 :: s, s // 2 :: s].astype(np.float32) * DEPTH_STEP

    def camera(self, i: int) -> Camera:
        """The camera of picture i at the size the pictures are read in. Raises UserError."""
        K = (self._K[i] / self.shrink).tolist()
        return Camera(self.width, self.height, K[0][0], K[1][1], K[0][2], K[1][2], self._viewmat[i].tolist())

    def track(self, clip: int) -> Track:
        """Every model frame of a clip, with pictures or without. Raises UserError."""
        columns = read_npz(
            self.folder / "tracks" / f"{self.clips[clip].name}.npz",
            {"time": ("T",), "landmarks": ("T", 68, 3), "expression": ("T", len(self.expression_names))},
        )
        return Track(
            columns["time"].astype(np.float64),
            columns["landmarks"].astype(np.float32),
            columns["expression"].astype(np.float32),
        )

    def clips_of(self, split: ClipSplit) -> Sequence[int]:
        """Indices of the clips of a split."""
        return [k for k, clip in enumerate(self.clips) if clip.split == split]


def _read_frame_table(folder: Path, card: FootageCard) -> dict[str, np.ndarray]:
    path = folder / "frames.npz"
    columns = read_npz(path, FRAME_COLUMNS | {"expression": ("F", len(card.expression_names))})
    clip, split = columns["clip"], columns["split"]
    if len(clip) == 0:
        raise UserError(f"{path} lists no pictures; prepare the footage again.")
    if clip.dtype.kind not in "iu" or clip.min() < 0 or clip.max() >= len(card.clips):
        raise UserError(f"{path} names clips that footage.json does not; prepare the footage again.")
    if not np.isin(split, list(SPLIT_CODES.values())).all():
        raise UserError(f"{path}: split must be 0, 1 or 2; prepare the footage again.")
    return columns

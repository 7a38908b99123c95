# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage: a prepared talking video in a folder. Reads it; knows nothing of heads or training.

    footage.json      name, rate, size, expression names, clips with their sound and split
    audio/NAME.wav    the sound of a clip
    tracks/NAME.npz   time, landmarks, expression of every model frame of a clip, with or without pictures
    frames.npz        the pictures: clip, time, split, camera, landmarks, expression
    image/ label/ depth/ 000000.png ...

Letters: F pictures, T model frames of a clip, E expression channels. Space: head space, Blender's axes, metres.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..formats import Camera, UserError
from .arrays import read_arrays
from .pictures import Picture, PictureCache, pack, read_png, unpack

FOOTAGE_VERSION = 1
SPLITS = {"train": 0, "test": 1, "camera": 2}  # "camera": a train clip seen from a held-back camera
MAX_PICTURE_SIDE = 8192  # pixels a side
JSON_LIMIT = 16 << 20  # bytes
DEPTH_STEP = 1e-4  # metres a level of the depth pictures
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


@dataclass(frozen=True)
class Clip:
    name: str
    audio: Path
    split: str  # "train" or "test"


@dataclass(frozen=True)
class Track:
    """What a clip's face does at every model frame."""

    time: np.ndarray  # [T] float64 seconds
    landmarks: np.ndarray  # [T,68,3] float32 metres, head space
    expression: np.ndarray  # [T,E] float32


class Footage:
    """An open footage folder. `shrink` reads every picture that many times smaller."""

    def __init__(self, folder: Path, card: dict, columns: dict[str, np.ndarray], shrink: int, cache_bytes: int) -> None:
        self.folder, self.card, self.shrink = folder, card, shrink
        self.name: str = card["name"]
        self.rate: Fraction = card["rate"]
        self.expression_names: tuple[str, ...] = card["expression_names"]
        self.clips: tuple[Clip, ...] = card["clips"]
        self.full_size = (card["width"], card["height"])
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
        card = _read_card(folder)
        if shrink < 1 or card["width"] % shrink or card["height"] % shrink:
            raise UserError(
                f"{folder}: pictures of {card['width']}x{card['height']} cannot be made {shrink} times "
                "smaller; choose a divisor of both sides."
            )
        expressions = len(card["expression_names"])
        columns = read_arrays(
            folder / "frames.npz",
            {
                "clip": ("F",),
                "time": ("F",),
                "split": ("F",),
                "viewmat": ("F", 4, 4),
                "K": ("F", 3, 3),
                "landmarks2d": ("F", 68, 2),
                "expression": ("F", expressions),
            },
        )
        clip, split = columns["clip"], columns["split"]
        if len(clip) == 0:
            raise UserError(f"{folder}/frames.npz lists no pictures; prepare the footage again.")
        if clip.dtype.kind not in "iu" or clip.min() < 0 or clip.max() >= len(card["clips"]):
            raise UserError(f"{folder}/frames.npz names clips that footage.json does not; prepare the footage again.")
        if not np.isin(split, list(SPLITS.values())).all():
            raise UserError(f"{folder}/frames.npz: split must be 0, 1 or 2; prepare the footage again.")
        return Footage(folder, card, columns, shrink, cache_bytes)

    def __len__(self) -> int:
        return len(self.clip)

    def frames(self, split: str) -> np.ndarray:
        """Indices of the pictures of a split: "train", "test" (unheard clips), "camera" (unseen camera)."""
        return np.flatnonzero(self.split == SPLITS[split])

    def picture(self, i: int) -> Picture:
        """rgb [H,W,3] premultiplied, alpha [H,W], label [H,W], mouth [H,W]. Raises UserError."""
        packed = self._cache.get(i)
        if packed is None:
            image = read_png(self.folder / "image" / f"{i:06d}.png", "RGBA", *self.full_size)
            label = read_png(self.folder / "label" / f"{i:06d}.png", "L", *self.full_size)
            packed = pack(image, label, self.shrink)
            self._cache.put(i, packed)
        return unpack(packed)

    def depth(self, i: int) -> np.ndarray | None:
        """[H,W] float32 metres along z, 0 = background, one sample a pixel; None where the footage has no depth."""
        path = self.folder / "depth" / f"{i:06d}.png"
        if not path.is_file():
            return None
        s = self.shrink
        return read_png(path, "I;16", *self.full_size)[s // 2 :: s, s // 2 :: s].astype(np.float32) * DEPTH_STEP

    def camera(self, i: int) -> Camera:
        """The camera of picture i at the size the pictures are read in. Raises UserError."""
        K = self._K[i] / self.shrink
        return Camera(
            self.width,
            self.height,
            float(K[0, 0]),
            float(K[1, 1]),
            float(K[0, 2]),
            float(K[1, 2]),
            self._viewmat[i].tolist(),
        )

    def track(self, clip: int) -> Track:
        """The whole clip, pictures or not. Raises UserError."""
        columns = read_arrays(
            self.folder / "tracks" / f"{self.clips[clip].name}.npz",
            {"time": ("T",), "landmarks": ("T", 68, 3), "expression": ("T", len(self.expression_names))},
        )
        return Track(
            columns["time"].astype(np.float64),
            columns["landmarks"].astype(np.float32),
            columns["expression"].astype(np.float32),
        )

    def clips_of(self, split: str) -> Sequence[int]:
        """Indices of the clips of a split, "train" or "test"."""
        return [k for k, clip in enumerate(self.clips) if clip.split == split]


def _read_card(folder: Path) -> dict:
    path = folder / "footage.json"
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise UserError(f"{path} is larger than {JSON_LIMIT >> 20} MiB; this is not a footage card.")
        card = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} is missing; choose a folder with prepared footage.") from None
    except (OSError, ValueError, RecursionError) as trouble:
        if isinstance(trouble, UserError):
            raise
        raise UserError(f"{path} is not readable JSON ({trouble}); prepare the footage again.") from None
    if not isinstance(card, dict) or card.get("format") != "talksplat footage":
        raise UserError(f"{path} is not a talksplat footage card; choose a folder with prepared footage.")
    if card.get("version") != FOOTAGE_VERSION:
        raise UserError(
            f"{path} has version {card.get('version')!r}, this talksplat reads {FOOTAGE_VERSION}; "
            "use the talksplat that wrote it."
        )
    try:
        return _checked(folder, card)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as trouble:
        if isinstance(trouble, UserError):
            raise
        raise UserError(
            f"{path}: a field is missing or of the wrong kind ({trouble}); prepare the footage again."
        ) from None


def _checked(folder: Path, card: dict) -> dict:
    width, height = card["width"], card["height"]
    if not (
        type(width) is int
        and type(height) is int
        and 16 <= width <= MAX_PICTURE_SIDE
        and 16 <= height <= MAX_PICTURE_SIDE
    ):
        raise ValueError(f"size {width}x{height}")
    rate = Fraction(card["rate"])
    if not 1 <= rate <= 240:
        raise ValueError(f"rate {rate}")
    names = card["expression_names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > 1000:
        raise ValueError("expression_names")
    clips = []
    for clip in card["clips"]:
        name, audio = clip["name"], clip["audio"]
        inside = isinstance(audio, str) and re.fullmatch(r"audio/(.+)", audio)
        if not isinstance(name, str) or not NAME.fullmatch(name) or not inside or not NAME.fullmatch(inside[1]):
            raise ValueError(f"clip {str(name)[:40]!r}: name and audio must be plain file names inside the folder")
        if clip["split"] not in ("train", "test"):
            raise ValueError(f"split of clip {name}")
        clips.append(Clip(name, folder / audio, clip["split"]))
    if not clips:
        raise ValueError("no clips")
    return {
        **card,
        "name": str(card["name"]),
        "rate": rate,
        "expression_names": tuple(names),
        "clips": tuple(clips),
        "licence": str(card.get("licence", "")),
        "provenance": str(card.get("provenance", "")),
    }

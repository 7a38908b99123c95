# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a bake: its card and its canonical Gaussians, written and read (layout: bake.py)."""

import hashlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .atomic_write import atomic_write
from .camera import Camera
from .deltas import FrameErrors, space_order
from .gaussians import COLUMNS, Gaussians
from .json_codec import from_json, from_json_values, require_version, to_json, to_json_values
from .records import CorruptRecordError, Record, framed, payload_of, walk
from .tensors import put_tensors, take_tensors
from .user_error import UserError

BAKE_MAGIC = b"TSPLBAKE"
BAKE_VERSION = 1
MOST_FRAMES = 10_000_000
CARD, BASE, FRAME, DONE = b"CARD", b"BASE", b"FRAM", b"DONE"
# What two runs must agree in to be one shot; names and places of files may change.
SHOT_FIELDS = (
    "fps",
    "frame_start",
    "frame_count",
    "sh_degree",
    "head_hash",
    "audio_hash",
    "offset",
    "controls",
    "colour_space",
)


@dataclass(frozen=True)
class BakeCard:
    """What a bake says about itself."""

    name: str
    fps: Fraction  # scene frames a second, exact; "24000/1001" in JSON
    frame_start: int  # the first frame's number
    frame_count: int
    sh_degree: int  # of the canonical Gaussians
    head_hash: str  # HeadCard.content_hash
    audio_hash: str  # sha256 of the sound's samples or file, as core/baking defines it
    head: str = ""  # the .head file, to find it again
    audio: str = ""  # the sound file, to find it again
    offset: float = 0.0  # seconds the sound starts after the first frame
    controls: dict = field(default_factory=dict)  # what the sliders said, opaque here
    camera: Camera | None = None  # the head's own view
    colour_space: str = "srgb_rec709_display"
    version: int = BAKE_VERSION

    def __post_init__(self) -> None:
        object.__setattr__(self, "controls", to_json_values(self.controls))
        if not 0 < self.fps <= 1000:
            raise UserError(f"fps {self.fps} is out of range; use a rate above 0 and up to 1000.")
        if not 0 < self.frame_count <= MOST_FRAMES or abs(self.frame_start) > MOST_FRAMES:
            raise UserError(f"{self.frame_count} frames from {self.frame_start} are out of range; set the shot again.")

    @property
    def span(self) -> range:
        """The numbers of all frames of the shot."""
        return range(self.frame_start, self.frame_start + self.frame_count)

    @property
    def shot(self) -> str:
        """The shot key: sha256 over everything that must agree for frames to belong together."""
        return hashlib.sha256(to_json({name: getattr(self, name) for name in SHOT_FIELDS}).encode()).hexdigest()


@dataclass(frozen=True)
class BakeManifest:
    """What the last record says of a complete bake."""

    frames: int
    error: FrameErrors  # the bound that every decoded frame keeps
    sha256: str  # of all bytes before this record


class BakeHeader:
    """The beginning of a bake, read and checked, and the records found after it."""

    def __init__(self, file: BinaryIO, size: int, path: Path | str) -> None:
        self.file, self.path = file, path
        if file.read(len(BAKE_MAGIC)) != BAKE_MAGIC:
            raise UserError(f"{path}: is not a talksplat bake; choose a .bake file.")
        self.end = len(BAKE_MAGIC)
        try:
            found = list(itertools.islice(self.further(size), 2))
            if [record.kind for record in found] != [CARD, BASE]:
                raise self.damaged("its beginning is missing")
            card, base = (payload_of(file, record, path) for record in found)
        except CorruptRecordError as error:
            raise self.damaged("its beginning cannot be read") from error
        values = require_version(from_json(card, str(path)), BAKE_VERSION, path)
        self.card = from_json_values(BakeCard, values, str(path))
        self._base(base)

    def _base(self, payload: bytes) -> None:
        arrays, _ = take_tensors(io.BytesIO(payload), len(payload), self.path)
        if set(arrays) != {*COLUMNS, "branch", "order"}:
            raise self.damaged("its canonical Gaussians are incomplete")
        self.branch, self.order = arrays.pop("branch"), arrays.pop("order")
        self.canonical = Gaussians.checked(str(self.path), **arrays)
        n = len(self.canonical)
        if self.branch.shape != (n,) or self.branch.dtype != np.uint8 or (n and self.branch.max() > 1):
            raise self.damaged("its branch labels make no sense")
        if self.order.dtype != np.int64 or not np.array_equal(np.sort(self.order, axis=None), np.arange(n)):
            raise self.damaged("its order makes no sense")
        if self.canonical.sh_degree != self.card.sh_degree:
            raise self.damaged("card and Gaussians differ in SH degree")

    def further(self, size: int) -> Iterator[Record]:
        """The records after those seen so far. Raises CorruptRecordError."""
        for record in walk(self.file, self.end, size):
            self.end = record.end
            yield record

    def check_order(self, record: Record, frames: dict[int, Record], complete: bool) -> None:
        """Raises UserError for a record that cannot stand here, after `frames` and perhaps the end."""
        frame = record.kind == FRAME and record.number in self.card.span and record.number not in frames
        done = record.kind == DONE and len(frames) == self.card.frame_count
        if complete or not (frame or done):
            raise self.damaged(f"a record at byte {record.begin} makes no sense")

    def manifest(self, record: Record) -> BakeManifest:
        """What the last record says. Raises CorruptRecordError, UserError."""
        value = from_json(payload_of(self.file, record, self.path), str(self.path))
        return from_json_values(BakeManifest, value, str(self.path))

    def damaged(self, what: str) -> UserError:
        return UserError(f"{self.path}: {what}; the file is damaged, delete it and bake again.")


def create_bake(path: Path | str, card: BakeCard, canonical: Gaussians, branch: np.ndarray) -> None:
    """Write a bake without frames, atomically. branch: uint8 [N]."""
    base = io.BytesIO()
    columns = {name: getattr(canonical, name) for name in COLUMNS}
    put_tensors(base, {**columns, "branch": branch, "order": space_order(canonical.means)})
    with atomic_write(path) as beside:
        beside.write_bytes(BAKE_MAGIC + framed(CARD, 0, to_json(card).encode()) + framed(BASE, 0, base.getvalue()))

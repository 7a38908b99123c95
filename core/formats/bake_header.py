# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a bake: its card and its canonical Gaussians, written and read (layout: bake_file.py)."""

import hashlib
import io
import itertools
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .atomic_write import atomic_write
from .bake_index import pack_index, read_index
from .bake_side_index import read_side_index
from .blending import check_blend
from .camera import Camera
from .deltas import FrameErrors, morton_order
from .gaussians import COLUMNS, Gaussians
from .json_codec import LATER, from_json, from_json_values, require_version, to_json, to_json_values
from .records import CorruptRecordError, Record, iterate_records, pack_record, read_payload
from .tensors import dump_tensors, load_tensors
from .user_error import UserError

BAKE_MAGIC = b"TSPLBAKE"  # the first eight bytes of a bake
# 1, of 0.1.0, has no index; 3: is blended in linear light, or its lips are sharpened by words; 4: is antialiased. A
# reader asks for an update when it meets a newer one.
BAKE_VERSION = 4
MAX_FRAMES = 10_000_000
CARD, BASE, FRAME, INDEX, DONE = b"CARD", b"BASE", b"FRAM", b"INDX", b"DONE"
CONTROL = "controls."  # before the names of keyframed controls among the tensors of BASE
POSE = "pose."  # likewise of the rig's channels that a pose change names
# What two bakes must agree in to be of the same shot; names and paths of files may differ.
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
    "pose_change",
    "blend",
    "antialiased",
    "words_hash",
)
# Not in the key of a shot at these values: it had none of them.
LATER_FIELDS = {"pose_change": {}, "blend": "display", "antialiased": False, "words_hash": ""}


@dataclass(frozen=True)
class BakeCard:
    """What a bake says about itself. Raises UserError for a rate, a range of frames or a blend that makes no sense."""

    name: str
    fps: Fraction  # scene frames a second, exact; "24000/1001" in JSON
    frame_start: int  # the first frame's number
    frame_count: int
    sh_degree: int  # of the canonical Gaussians
    head_hash: str  # HeadCard.content_hash
    audio_hash: str  # content hash of the sound, as core/audio defines it; "": the shot has none, and no `audio`
    head: str = ""  # the .head file, to find it again; from the bake's folder on (stored_path.py), absolute in 0.1.0
    audio: str = ""  # the sound file, likewise
    offset: float = 0.0  # seconds the sound starts after the first frame
    controls: dict = field(default_factory=dict)  # the controls (performance.controls_card), opaque here
    camera: Camera | None = None  # the head's own view
    colour_space: str = "srgb_rec709_display"
    version: int = 2
    # Of the sound file, as SoundChoice has them; audio_hash holds a choice that was made, so SHOT_FIELDS need not.
    track: int = 0
    channel: str = ""
    more_audio: tuple[str, ...] = ()  # further sounds of the shot; audio_hash holds which is heard when
    # Of a shot that uses the head's rig (performance.PoseChange.to_card), opaque here; then part of the shot key.
    pose_change: dict = field(default_factory=dict)
    blend: str = field(default="display", metadata=LATER)  # of BLENDS, as HeadCard has it
    antialiased: bool = field(default=False, metadata=LATER)  # as HeadCard has it
    words_hash: str = field(default="", metadata=LATER)  # content hash of the words that sharpen its lips, "" for none
    words: tuple[str, ...] = field(default=(), metadata=LATER)  # their files, one a sound ("" for none); like `audio`

    def __post_init__(self) -> None:
        check_blend(self.blend)
        if self.antialiased:  # an older reader would draw it too thin
            object.__setattr__(self, "version", BAKE_VERSION)
        elif self.blend != "display" or self.words_hash:  # an older one blends codes and knows no words
            object.__setattr__(self, "version", 3)
        object.__setattr__(self, "controls", to_json_values(self.controls))
        object.__setattr__(self, "pose_change", to_json_values(self.pose_change))
        if not 0 < self.fps <= 1000:
            raise UserError(f"fps {self.fps} is out of range; use a rate above 0 and up to 1000.")
        if not 0 < self.frame_count <= MAX_FRAMES or abs(self.frame_start) > MAX_FRAMES:
            raise UserError(f"{self.frame_count} frames from {self.frame_start} are out of range; set the shot again.")

    @property
    def span(self) -> range:
        """The numbers of all frames of the shot."""
        return range(self.frame_start, self.frame_start + self.frame_count)

    @property
    def has_sound(self) -> bool:
        """Whether the frames are of a sound; else of the head at rest and what moves it besides."""
        return bool(self.audio_hash)

    @property
    def shot(self) -> str:
        """The shot key: sha256 over everything that must agree for frames to belong together."""
        values = {name: getattr(self, name) for name in SHOT_FIELDS}
        values = {name: value for name, value in values.items() if value != LATER_FIELDS.get(name)}
        return hashlib.sha256(to_json(values).encode()).hexdigest()


@dataclass(frozen=True)
class BakeManifest:
    """The last record of a complete bake."""

    frames: int
    error: FrameErrors  # the bound for every decoded frame
    sha256: str  # of all bytes before this record


class BakeHeader:
    """The beginning of an open bake, read and checked, and the records after it. Raises UserError."""

    def __init__(self, file: BinaryIO, size: int, path: Path | str) -> None:
        self.file, self.path = file, path
        if file.read(len(BAKE_MAGIC)) != BAKE_MAGIC:
            raise UserError(f"{path}: is not a talksplat bake; choose a .bake file.")
        self.end = len(BAKE_MAGIC)
        try:
            records = list(itertools.islice(self.new_records(size), 2))
            if [record.kind for record in records] != [CARD, BASE]:
                raise self.damaged("its header is missing")
            card, base = (read_payload(file, record, path) for record in records)
        except CorruptRecordError as error:
            raise self.damaged("its header cannot be read") from error
        values = require_version(from_json(card, str(path)), BAKE_VERSION, path)
        self.card = from_json_values(BakeCard, values, str(path))
        self._read_base(base)
        # For the table beside an unfinished bake: where the frames begin, and a checksum of what is before them.
        self.begin, self.seed = self.end, zlib.crc32(b"".join(record.header for record in records))

    def _read_base(self, payload: bytes) -> None:
        arrays, _ = load_tensors(io.BytesIO(payload), len(payload), self.path)
        self.keyed_controls, self.pose_change = (
            {name.removeprefix(kind): arrays.pop(name) for name in list(arrays) if name.startswith(kind)}
            for kind in (CONTROL, POSE)
        )
        if set(arrays) != {*COLUMNS, "branch", "order"}:
            raise self.damaged("its canonical Gaussians are incomplete")
        self.branch, self.order = arrays.pop("branch"), arrays.pop("order")
        self.canonical = Gaussians.checked(str(self.path), **arrays)
        n = len(self.canonical)
        if self.branch.shape != (n,) or self.branch.dtype != np.uint8 or (n and self.branch.max() > 1):
            raise self.damaged("its branch labels are invalid")
        if self.order.dtype != np.int64 or not np.array_equal(np.sort(self.order, axis=None), np.arange(n)):
            raise self.damaged("its order of Gaussians is invalid")
        if self.canonical.sh_degree != self.card.sh_degree:
            raise self.damaged("card and Gaussians differ in SH degree")
        for values in (*self.keyed_controls.values(), *self.pose_change.values()):
            if values.shape != (self.card.frame_count,) or values.dtype != np.float64 or not np.isfinite(values).all():
                raise self.damaged("its keyframed controls or pose changes are invalid")

    def check_same_shot(self, card: BakeCard, canonical: Gaussians, branch: np.ndarray) -> None:
        """Raises UserError that names in what this is the bake of another shot."""
        differ = [name for name in SHOT_FIELDS if getattr(self.card, name) != getattr(card, name)]
        if not self.has_gaussians(canonical, branch):
            differ.append("the Gaussians")
        if differ:
            raise UserError(
                f"{self.path}: holds another shot ({', '.join(differ)} differ); delete it or bake to another file."
            )

    def has_gaussians(self, canonical: Gaussians, branch: np.ndarray) -> bool:
        """Whether the bake is of these very Gaussians."""
        pairs = ((getattr(self.canonical, name), getattr(canonical, name)) for name in COLUMNS)
        return all(np.array_equal(ours, theirs) for ours, theirs in pairs) and np.array_equal(self.branch, branch)

    def new_records(self, size: int) -> Iterator[Record]:
        """The records after those returned so far, in a file of `size` bytes. Raises CorruptRecordError."""
        for record in iterate_records(self.file, self.end, size):
            self.end = record.end
            yield record

    def indexed_records(self, size: int) -> list[Record] | None:
        """All records of a complete bake with an index, found with a few reads: frames, index, manifest. None for any
        other, whose `new_records` are to be read."""
        if not self.has_index:
            return None
        count = self.card.frame_count
        records = read_index(self.file, self.end, size, count, (FRAME, INDEX, DONE), self.path)
        numbers = {record.number for record in records[:count]} if records else set()
        if len(numbers) != count or min(numbers) < self.card.span[0] or max(numbers) > self.card.span[-1]:
            return None
        self.end = size
        return records

    def side_records(self, size: int) -> list[Record]:
        """The frames of an unfinished bake that the table beside it knows; the rest are `new_records`."""
        records = read_side_index(self.path, self.file, self.seed, self.begin, size, FRAME)
        numbers = {record.number for record in records}
        if len(numbers) < len(records) or not numbers <= set(self.card.span):
            return []
        self.end = records[-1].end if records else self.end
        return records

    @property
    def has_index(self) -> bool:
        """Whether an index comes before the manifest; a bake that 0.1.0 began never gets one."""
        return self.card.version >= 2

    def check_order(self, record: Record, frames: dict[int, Record], indexed: bool, complete: bool) -> None:
        """Raises UserError for a record that cannot follow `frames`, or the index or manifest where those are there."""
        frame = record.kind == FRAME and record.number in self.card.span and record.number not in frames
        all_frames = len(frames) == self.card.frame_count
        index = record.kind == INDEX and all_frames and self.has_index and not indexed
        done = record.kind == DONE and all_frames and indexed == self.has_index
        if complete or not (frame or index or done):
            raise self.damaged(f"the record at byte {record.begin} is out of place")

    def check_index(self, record: Record, frames: dict[int, Record]) -> None:
        """Raises CorruptRecordError for an index that is not of these frames (in the order of the file)."""
        if read_payload(self.file, record, self.path) != pack_index(frames.values()):
            raise CorruptRecordError(record.begin)

    def manifest(self, record: Record) -> BakeManifest:
        """The manifest in a DONE record. Raises CorruptRecordError, UserError."""
        value = from_json(read_payload(self.file, record, self.path), str(self.path))
        return from_json_values(BakeManifest, value, str(self.path))

    def damaged(self, what: str) -> UserError:
        """The error for a bake that cannot be repaired."""
        return UserError(f"{self.path}: {what}; the file is damaged, delete it and bake again.")


def create_bake(
    path: Path | str,
    card: BakeCard,
    canonical: Gaussians,
    branch: np.ndarray,
    keyed_controls: Mapping[str, np.ndarray],
    pose_change: Mapping[str, np.ndarray],
) -> None:
    """Write a bake without frames, atomically; the arguments are those of `BakeWriter.open`."""
    base = io.BytesIO()
    columns = {name: getattr(canonical, name) for name in COLUMNS}
    columns |= {CONTROL + name: np.asarray(values, np.float64) for name, values in keyed_controls.items()}
    columns |= {POSE + name: np.asarray(values, np.float64) for name, values in pose_change.items()}
    dump_tensors(base, {**columns, "branch": branch, "order": morton_order(canonical.means)})
    with atomic_write(path) as temporary:
        temporary.write_bytes(
            BAKE_MAGIC + pack_record(CARD, 0, to_json(card).encode()) + pack_record(BASE, 0, base.getvalue())
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's rig: the few numbers that move it, and how. It lies in the head's own file, as tensors named `rig.*` and a
card of its own beside the head's; a head without one is a whole head.

Every Gaussian's difference from the head at rest is 9 numbers: position in mm, the rotation's Gibbs vector (axis times
the tangent of half the angle, in the Gaussian's own axes), and the change of the logarithm of its scales. The rig says
that these are a linear function of the pose, region by region.

Letters: K channels of a region, M of a branch's Gaussians that they move, S sample Gaussians, A width of an audio code.

  rig.rest.BRANCH             [A] the audio code of silence; with a neutral expression it is the pose of zeros
  rig.REGION.samples          [S] rows of the head's joint table
  rig.REGION.solve            [K,S,9] the samples' differences -> the pose
  rig.REGION.BRANCH.rows      [M] rows of the head's joint table, ascending
  rig.REGION.BRANCH.moves     [K,9,M], or [K,3,M] where only positions move, float16: the pose -> the differences
  rig.drive.BRANCH            [P,A] what the audio code, less that of silence, adds to the pose of all P channels
  rig.drive.expression        [P,E] the same of the head's expression channels

The last two are of heads whose networks move nothing, such as an avatar of shapes: what drives a head then drives its
channels (version 2; both or neither).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .head_file import BRANCHES, HeadFile
from .json_codec import from_json, from_json_values, require_version, to_json
from .user_error import UserError

RIG_VERSION = 2  # 2: has a drive. A rig is written as the oldest version that can say what it is
RIG_NUMBERS = 9  # of a Gaussian's difference
MAX_CHANNELS = 256  # of a rig
DRIVE = "rig.drive"  # how the names of a drive's tensors begin


@dataclass(frozen=True)
class RigChannel:
    """One number of a pose. Its unit is a millimetre: of what its name says, else of the RMS motion of its region."""

    name: str  # "jaw_open", "lower_detail_1"
    region: str  # "lower", "upper": the Gaussians it moves
    low: float  # mm: its range in what the rig was made from; a value outside it is allowed
    high: float


@dataclass(frozen=True)
class RigCard:
    """What a rig says about itself. Raises UserError for channels that make no sense."""

    channels: tuple[RigChannel, ...]  # in the order of the pose, region by region
    bound: float  # mm: the RMS position error that decided how many channels there are
    errors: dict = field(default_factory=dict)  # as measured when it was made, opaque here
    version: int = 1

    def __post_init__(self) -> None:
        names = [channel.name for channel in self.channels]
        if not 0 < len(names) <= MAX_CHANNELS or len(set(names)) != len(names):
            raise UserError("the rig has no channels, too many, or two of one name; make the rig again.")
        if not all(0 < len(name) <= 60 and name.isidentifier() for name in (*names, *self.regions)):
            raise UserError("the names of the rig's channels are damaged; make the rig again.")

    @property
    def regions(self) -> tuple[str, ...]:
        """Their names, in the order of the pose."""
        return tuple(dict.fromkeys(channel.region for channel in self.channels))

    def rows_of(self, region: str) -> list[int]:
        """Which numbers of a pose are this region's."""
        return [i for i, channel in enumerate(self.channels) if channel.region == region]


@dataclass(frozen=True)
class RigMoves:
    """What a region's channels do to the Gaussians of one branch."""

    rows: np.ndarray  # [M] int64, of the joint table
    moves: np.ndarray  # [K,9,M] or [K,3,M] float16


@dataclass(frozen=True)
class RigRegion:
    """Gaussians that channels of their own move."""

    samples: np.ndarray  # [S] int64, rows of the joint table
    solve: np.ndarray  # [K,S,9] float32
    branches: dict[str, RigMoves]


@dataclass(frozen=True)
class RigDrive:
    """What a condition adds to the pose by itself, beside what the networks do; linear, nothing at rest."""

    audio: dict[str, np.ndarray]  # branch -> [P,A] float32, of the code less that of silence
    expression: np.ndarray  # [P,E] float32


@dataclass(frozen=True)
class Rig:
    """A head's rig in memory."""

    card: RigCard
    rest: dict[str, np.ndarray]  # branch -> [A] float32
    regions: dict[str, RigRegion]  # by name, in the order of the pose
    drive: RigDrive | None = None


def with_rig(head: HeadFile, rig: Rig) -> HeadFile:
    """The head with this rig in place of its own. The head's content hash stays: its bakes and performances are valid.

    Raises UserError where `rig_of` would not read it again.
    """
    tensors = {name: array for name, array in head.tensors.items() if not name.startswith("rig.")}
    tensors |= {f"rig.rest.{branch}": np.asarray(code, np.float32) for branch, code in rig.rest.items()}
    for name, region in rig.regions.items():
        tensors[f"rig.{name}.samples"] = region.samples.astype(np.int64)
        tensors[f"rig.{name}.solve"] = region.solve.astype(np.float32)
        for branch, part in region.branches.items():
            tensors[f"rig.{name}.{branch}.rows"] = part.rows.astype(np.int64)
            tensors[f"rig.{name}.{branch}.moves"] = part.moves.astype(np.float16)
    card = replace(rig.card, version=1 if rig.drive is None else 2)
    if rig.drive is not None:
        driven = {**rig.drive.audio, "expression": rig.drive.expression}
        tensors |= {f"{DRIVE}.{name}": np.asarray(matrix, np.float32) for name, matrix in driven.items()}
    rigged = replace(head, tensors=tensors, rig_card=to_json(card))
    rig_of(rigged)
    return rigged


def rig_of(head: HeadFile) -> Rig | None:
    """The head's rig with everything checked against the head; None where it has none. Raises UserError."""
    if not head.rig_card:
        return None
    values = require_version(from_json(head.rig_card, head.source), RIG_VERSION, head.source)
    card = from_json_values(RigCard, values, head.source)
    counts = [len(head.tensors[f"{name}.gaussians.means"]) for name in BRANCHES if name in head.card.branches]
    rest = head.part("rig.rest")
    if {name: code.shape for name, code in rest.items()} != {b: (head.card.audio_code[b],) for b in head.card.branches}:
        raise _damaged(head)
    regions = {name: _read_region(head, card, name, sum(counts)) for name in card.regions}
    return Rig(card, {name: code.astype(np.float32) for name, code in rest.items()}, regions, _read_drive(head, card))


def _read_drive(head: HeadFile, card: RigCard) -> RigDrive | None:
    matrices, channels = head.part(DRIVE), len(card.channels)
    if card.version < 2 and not matrices:
        return None
    widths = {branch: head.card.audio_code[branch] for branch in head.card.branches}
    shapes = {name: (channels, width) for name, width in (widths | {"expression": len(head.card.expression)}).items()}
    if {name: matrix.shape for name, matrix in matrices.items()} != shapes:
        raise _damaged(head)
    values = {name: matrix.astype(np.float32) for name, matrix in matrices.items()}
    return RigDrive({branch: values[branch] for branch in widths}, values["expression"])


def _read_region(head: HeadFile, card: RigCard, name: str, gaussians: int) -> RigRegion:
    tensors, channels = head.part(f"rig.{name}"), len(card.rows_of(name))
    samples, solve = _rows(head, tensors, "samples", gaussians), tensors.get("solve")
    if solve is None or solve.shape != (channels, len(samples), RIG_NUMBERS) or solve.dtype.kind != "f":
        raise _damaged(head)
    branches = {}
    for branch in BRANCHES:
        if f"{branch}.rows" in tensors and f"{branch}.moves" in tensors:
            rows, moves = _rows(head, tensors, f"{branch}.rows", gaussians), tensors[f"{branch}.moves"]
            if (
                moves.shape not in ((channels, RIG_NUMBERS, len(rows)), (channels, 3, len(rows)))
                or moves.dtype.kind != "f"
            ):
                raise _damaged(head)
            branches[branch] = RigMoves(rows, moves)
    return RigRegion(samples, solve.astype(np.float32), branches)


def _rows(head: HeadFile, tensors: Mapping[str, np.ndarray], name: str, gaussians: int) -> np.ndarray:
    rows = tensors.get(name)
    if rows is None or rows.ndim != 1 or not len(rows) or rows.dtype.kind != "i":
        raise _damaged(head)
    if rows[0] < 0 or rows[-1] >= gaussians or not (rows[1:] > rows[:-1]).all():
        raise _damaged(head)
    return rows.astype(np.int64)


def _damaged(head: HeadFile) -> UserError:
    return UserError(f"{head.source}: its rig is damaged or not of this head; make the rig again.")

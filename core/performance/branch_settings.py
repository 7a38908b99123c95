# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of one branch's network as plain numbers: what the head's card carries, what both the torch branch and the
numpy replay are built from. Knows neither of them.

Letters: L = 12 levels, R nodes an axis at one level, s scale of one level, A audio code, E expression channels.
"""

import math
from dataclasses import asdict, dataclass, fields, replace

from ..formats import UserError
from .folding import FUSION_TYPES

OUTPUTS = {"means": 3, "quats": 4, "logscales": 3}  # what a branch may move -> columns, in this order
WIDEST = 1000  # metres: a card that says more would only make infinities
AUDIO_GATE, EXPRESSION_GATE = 32, 16  # hidden widths of the two gates (TalkingGaussian's attention networks)
SIZES = {"levels": (1, 32), "audio_code": (1, 1024), "fused": (1, 1024), "hidden": (1, 1024), "expression": (0, 256)}
FINEST = 361  # 362 x 362 nodes are the most below 2^17: a finer level would be hashed in the original, ours is dense


@dataclass(frozen=True)
class Level:
    """One level of the tri-plane: a node coordinate is x01 * scale + 0.5, x01 in 0..1."""

    scale: float  # base * growth^l - 1
    nodes: int  # R, an axis
    first: int  # row of the plane's table where the level starts
    rows: int  # R*R, padded to a multiple of 8


@dataclass(frozen=True)
class BranchSettings:
    """The sizes of one branch's networks; raises UserError for values out of range. The defaults are TalkingGaussian's
    face branch (method of PGSTalker's own line; see `face`, `mouth`)."""

    base: float = 16.0  # tri-plane resolution of level 0
    finest: float = 38.4  # tri-plane resolution of the last level
    levels: int = 12
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the bounds, head space, metres
    half_extent: float = 0.15  # of the bounds, a cube, metres; Gaussians outside never move
    fusion: str = "gated"
    audio_code: int = 32  # A
    fused: int = 32  # F, width of the fusion's projections
    hidden: int = 64  # width of the deformation MLP
    expression: int = 0  # E
    outputs: tuple[str, ...] = ("means", "quats", "logscales")
    motion: tuple[float, float, float] = (1e-2, 1e-2, 1e-2)  # metres a unit of network output, x y z

    def __post_init__(self) -> None:
        for name in ("centre", "outputs", "motion"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check()

    def _check(self) -> None:
        numbers = [self.base, self.finest, self.half_extent, *self.centre, *self.motion]
        if not all(isinstance(v, (int, float)) and math.isfinite(v) for v in numbers):
            raise _setting_error("base, finest, half_extent, centre and motion must be finite numbers")
        if not (2 <= self.base <= FINEST and 2 <= self.finest <= FINEST):
            raise _setting_error(f"base and finest must be within 2 to {FINEST}")
        if len(self.centre) != 3 or len(self.motion) != 3 or max(map(abs, numbers[2:])) > WIDEST:
            raise _setting_error(f"centre and motion need 3 numbers, and like half_extent at most {WIDEST} metres")
        if self.half_extent < 1 / WIDEST:
            raise _setting_error(f"half_extent must be at least {1 / WIDEST} metres")
        for name, (least, most) in SIZES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise _setting_error(f"{name} is {value!r} but must be a whole number within {least} to {most}")
        if self.fusion not in tuple(FUSION_TYPES):  # a damaged card may say a list
            raise _setting_error(f"fusion {self.fusion!r} is unknown (known: {', '.join(FUSION_TYPES)})")
        if not self.outputs or tuple(k for k in OUTPUTS if k in self.outputs) != self.outputs:
            raise _setting_error(f"outputs {self.outputs!r} must be some of {', '.join(OUTPUTS)}, in this order")

    @property
    def spatial(self) -> int:
        """Width of the encoding of a position: 3 planes x L levels x 1 channel."""
        return 3 * self.levels

    @property
    def columns(self) -> int:
        """Width of the network's output."""
        return sum(OUTPUTS[k] for k in self.outputs)

    def level_table(self) -> tuple[Level, ...]:
        """The grid layout of TalkingGaussian's encoder (torch-ngp's, align_corners off). No level of a head
        reaches the hash table's size, so the "hash" grid is a dense multi-resolution one, exactly."""
        table, first = [], 0
        growth = (self.finest / self.base) ** (1.0 / max(self.levels - 1, 1))
        for level in range(self.levels):
            # Rounded, because base * growth^(L-1) must be `finest` itself and not a node more.
            resolution = round(self.base * growth**level, 9)
            nodes = math.ceil(resolution) + 1
            rows = -(-nodes * nodes // 8) * 8
            table.append(Level(resolution - 1.0, nodes, first, rows))
            first += rows
        return tuple(table)

    @property
    def rows(self) -> int:
        """Rows of one plane's table, all levels: 9,464 for the face, 46,600 for the inside mouth."""
        last = self.level_table()[-1]
        return last.first + last.rows

    def to_dict(self) -> dict:
        """JSON-ready, for the card."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_dict(values: dict) -> "BranchSettings":
        """From a card. Raises UserError for unknown names and values out of range."""
        known = {f.name for f in fields(BranchSettings)}
        if not isinstance(values, dict) or set(values) - known:
            extra = sorted(set(values) - known) if isinstance(values, dict) else values
            raise UserError(f"branch settings {extra!r} are unknown here; the head needs a newer talksplat.")
        for name in ("centre", "outputs", "motion"):
            if name in values and not isinstance(values[name], (list, tuple)):
                raise UserError(f"branch setting {name} must be a list; the head's card is damaged.")
        return BranchSettings(**values)

    @staticmethod
    def face(**changes: object) -> "BranchSettings":
        """TalkingGaussian's face branch with PGSTalker's gated fusion."""
        return replace(BranchSettings(), **changes)

    @staticmethod
    def mouth(**changes: object) -> "BranchSettings":
        """TalkingGaussian's inside-mouth branch: finer planes, a smaller network, positions only.

        motion: TalkingGaussian divides x and its depth axis by 5. Not in the paper: chosen because in our
        head space (Z up, looking along -Y) the tongue moves mostly up and somewhat forwards: x/5, y/2, z 1.
        """
        motion = (1e-2 / 5, 1e-2 / 2, 1e-2)
        mouth = BranchSettings(base=64.0, finest=57.6, hidden=32, outputs=("means",), motion=motion)
        return replace(mouth, **changes)


def _setting_error(problem: str) -> UserError:
    return UserError(f"branch setting {problem}; train the head again or use another file.")

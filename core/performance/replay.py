# SPDX-License-Identifier: GPL-3.0-or-later
"""Head + condition -> Gaussians, in plain numpy: the exact twin of the torch field, with everything cached that a frame
does not change. Blender scrubs with it, without torch.

The encoder sees canonical positions only, so features, gates and the spatial share of the first layer are constants
of the head; only Gaussians inside a branch's bounds are computed, in chunks that stay in cache.

Letters: N Gaussians of the head (face rows, then inside mouth), M of a branch inside its bounds, c of one chunk,
A audio code, E expression channels, H hidden.
"""

import math
from threading import Lock
from typing import NamedTuple

import numpy as np

from ..formats import BRANCHES, Gaussians, HeadFile, UserError
from .branch_settings import AUDIO_GATE, EXPRESSION_GATE, OUTPUTS, BranchSettings
from .condition import Condition
from .folding import FUSION_TYPES
from .planes import encode, inside_unit_cube, to_unit_cube

CHUNK = 4096  # rows; larger chunks do not fit the cache, smaller ones cost more Python calls
# What a network may move, by output: 100 km, any rotation, 20 e-folds. A bake can store no more (formats/deltas.py).
LIMITS = {"means": 1e5, "quats": 1e5, "logscales": 20.0}
SAFE = min(LIMITS.values())  # an output within it cannot overflow anything: one comparison clears a normal chunk
SMALLEST, LARGEST = np.finfo(np.float32).tiny, np.finfo(np.float32).max  # of a scale


class Frame(NamedTuple):
    """The Gaussians at one moment, float32; their colours and opacities are those of `Replay.canonical`."""

    means: np.ndarray  # [N,3] metres
    quats: np.ndarray  # [N,4] wxyz, unit
    scales: np.ndarray  # [N,3] linear sigma


class Replay:
    """A head ready to be evaluated. Raises UserError when the head's tensors do not match its card.

    Calls of `at` from several threads wait for one another (they share work space); the returned frames are not shared.
    """

    def __init__(self, head: HeadFile) -> None:
        names = [name for name in BRANCHES if name in head.card.branches]
        tables = [head.gaussians(name) for name in names]
        self.canonical: Gaussians = tables[0] if len(tables) == 1 else Gaussians.joined(*tables)
        numbers = np.array([BRANCHES.index(name) for name in names], np.uint8)
        self.branch = np.repeat(numbers, [len(t) for t in tables])  # [N] 0 face, 1 inside mouth
        self.settings = {name: _settings(head, name) for name in names}
        self._branches: dict[str, _BranchReplay] = {}
        start = 0
        for name, table in zip(names, tables):
            weights = head.part(f"{name}.field")
            source = f"{head.source} ({name})"
            self._branches[name] = _BranchReplay(table, weights, self.settings[name], start, source)
            start += len(table)
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Size of the caches in bytes."""
        return sum(branch.nbytes for branch in self._branches.values())

    @property
    def speaks(self) -> bool:
        """Whether any condition moves anything: not in a head that was imported as Gaussians alone."""
        return bool(self.moving)

    @property
    def moving(self) -> dict[str, np.ndarray]:
        """Branch -> rows of the joint table, ascending, that a condition can move; all others stay as they are."""
        return {name: branch.rows for name, branch in self._branches.items() if len(branch.rows)}

    def frame(self) -> Frame:
        """The canonical head in new arrays, which may be passed to `at` as `out` any number of times."""
        return Frame(self.canonical.means.copy(), self.canonical.quats.copy(), self.canonical.scales.copy())

    def at(self, condition: Condition, out: Frame | None = None) -> Frame:
        """The head in this condition.

        out: a frame made by `frame` or `at` of this replay, which is overwritten and returned. Always finite, whatever
        the head's weights and the condition hold: a Gaussian that the network sends to NaN or infinity is at rest, one
        that it sends beyond LIMITS is held there. Raises UserError when the condition's widths are not the head's.
        """
        for name, settings in self.settings.items():
            code = condition.audio.get(name)
            widths = (None if code is None else np.shape(code), np.shape(condition.expression))
            if widths[0] != (settings.audio_code,) or (settings.expression and widths[1] != (settings.expression,)):
                raise UserError(
                    f"the performance is not of this head ({name}: audio code {widths[0]} and expression {widths[1]}, "
                    f"expected {settings.audio_code} and {settings.expression}); recreate the performance."
                )
        out = self.frame() if out is None else out
        with self._lock:
            for name, branch in self._branches.items():
                branch.write(condition.audio[name], condition.expression, out)
        return out


def _settings(head: HeadFile, name: str) -> BranchSettings:
    card = head.card
    try:
        settings = BranchSettings.from_dict(card.branches[name])
    except UserError as error:
        raise UserError(f"{head.source} ({name}): {error}") from error
    stated = card.fusion, card.audio_code.get(name), settings.expression and len(card.expression)
    if stated != (settings.fusion, settings.audio_code, settings.expression):
        raise UserError(
            f"{head.source} ({name}): the fusion, audio code or expressions on the card are not the "
            "branch's; export the head again."
        )
    return settings


class _Chunk(NamedTuple):
    """Gaussians that are evaluated together."""

    rows: slice | np.ndarray  # its rows of the head's table, [c]
    static: tuple[np.ndarray, ...]  # the folding's static arrays
    means: np.ndarray  # [3,c]
    quats: np.ndarray  # [4,c]
    scales: np.ndarray  # [3,c]


class _BranchReplay:
    """One branch's caches. `write` moves its rows of a frame."""

    def __init__(
        self, table: Gaussians, weights: dict[str, np.ndarray], settings: BranchSettings, start: int, source: str
    ) -> None:
        weights = _checked_weights(weights, settings, source)
        self.settings = settings
        change = math.exp(LIMITS["logscales"])
        self.extreme_scales = len(table) > 0 and not (
            table.scales.min() > SMALLEST * change and table.scales.max() < LARGEST / change
        )
        with np.errstate(all="ignore"):
            self.folding = FUSION_TYPES[settings.fusion].folding(weights, settings)
        self.w2, w3 = weights["deform.2.weight"], weights["deform.4.weight"].copy()
        if "means" in settings.outputs:
            with np.errstate(all="ignore"):
                w3[:3] *= np.asarray(settings.motion, np.float32)[:, None]
        self.w3 = w3
        with np.errstate(over="ignore"):  # a position near the largest float32 is outside
            x01 = to_unit_cube(table.means, settings)
        rows = np.flatnonzero(inside_unit_cube(x01))
        self.rows = rows + start
        with np.errstate(all="ignore"):  # what overflows here comes out of the network, which `_limit` holds
            self.chunks = [
                self._chunk(table, x01, rows[at : at + CHUNK], weights, start) for at in range(0, len(rows), CHUNK)
            ]
        self._scratch: dict[int, tuple] = {}  # by chunk length: CHUNK itself and the last one's

    def _chunk(
        self, table: Gaussians, x01: np.ndarray, rows: np.ndarray, weights: dict[str, np.ndarray], start: int
    ) -> _Chunk:
        x = encode(x01[rows], weights["encoder.tables"], self.settings)
        k = weights["audio_gate.2.weight"] @ np.maximum(weights["audio_gate.0.weight"] @ x, 0)
        r = np.empty((0, len(rows)), np.float32)
        if self.settings.expression:
            hidden = np.maximum(weights["expression_gate.0.weight"] @ x, 0)
            r = np.maximum(weights["expression_gate.2.weight"] @ hidden, 0)
        contiguous = rows[-1] - rows[0] + 1 == len(rows)
        joint = slice(start + rows[0], start + rows[-1] + 1) if contiguous else rows + start
        columns = (np.ascontiguousarray(c[rows].T) for c in (table.means, table.quats, table.scales))
        return _Chunk(joint, self.folding.static(x, k, r), *columns)

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for chunk in self.chunks for a in (*chunk.static, *chunk[2:]))

    def _work_space(self, c: int) -> tuple:
        if c not in self._scratch:
            hidden = [np.empty((self.settings.hidden, c), np.float32) for _ in range(2)]
            # A row of zeros, because numpy's maximum of two arrays is 2.5 times as fast as that with a scalar.
            self._scratch[c] = (
                self.folding.scratch(c),
                *hidden,
                np.empty((self.settings.columns, c), np.float32),
                np.zeros((1, c), np.float32),
            )
        return self._scratch[c]

    def write(self, code: np.ndarray, expression: np.ndarray, out: Frame) -> None:
        """code [A], expression [E] -> this branch's rows of `out`."""
        expression = expression if self.settings.expression else np.empty(0)
        with np.errstate(over="ignore", invalid="ignore"):
            self.folding.begin(np.asarray(code, np.float32), np.asarray(expression, np.float32))
            for chunk in self.chunks:
                scratch, first, second, h, zeros = self._work_space(chunk.means.shape[1])
                self.folding.first_layer(chunk.static, scratch, first)
                np.maximum(first, zeros, out=first)
                np.matmul(self.w2, first, out=second)
                np.maximum(second, zeros, out=second)
                np.matmul(self.w3, second, out=h)
                if not (h.max() <= SAFE and h.min() >= -SAFE):  # NaN fails too
                    self._limit(h)
                self._apply(chunk, h, out)

    def _limit(self, h: np.ndarray) -> None:
        """Hold the network's output [columns,c] within LIMITS; a Gaussian whose output is not finite is at rest."""
        h[:, ~np.isfinite(h).all(axis=0)] = 0
        limits = np.repeat(
            [LIMITS[name] for name in self.settings.outputs], [OUTPUTS[k] for k in self.settings.outputs]
        )
        np.clip(h, -limits[:, None], limits[:, None], out=h)

    def _apply(self, chunk: _Chunk, h: np.ndarray, out: Frame) -> None:  # h [columns,c]
        row = 0
        for name in self.settings.outputs:
            d = h[row : row + OUTPUTS[name]]
            row += OUTPUTS[name]
            if name == "means":
                d += chunk.means
                out.means[chunk.rows] = d.T
            elif name == "quats":
                d += chunk.quats
                length = np.sqrt(np.einsum("ij,ij->j", d, d))
                if not length.min() > 1e-12:  # the network undoes the rotation: keep it
                    undone = ~(length > 1e-12)
                    d[:, undone], length[undone] = chunk.quats[:, undone], 1
                d /= length
                out.quats[chunk.rows] = d.T
            else:
                np.exp(d, out=d)
                d *= chunk.scales
                if self.extreme_scales:
                    np.clip(d, SMALLEST, LARGEST, out=d)
                out.scales[chunk.rows] = d.T


def field_shapes(settings: BranchSettings) -> dict[str, tuple[int, ...]]:
    """The tensors of a branch's networks by their names in a head below `BRANCH.field.`."""
    x, a, e, h = settings.spatial, settings.audio_code, settings.expression, settings.hidden
    folding = FUSION_TYPES[settings.fusion].folding
    shapes = {
        "encoder.tables": (3, settings.rows),
        "audio_gate.0.weight": (AUDIO_GATE, x),
        "audio_gate.2.weight": (a, AUDIO_GATE),
        "deform.0.weight": (h, x + folding.width(settings) + e),
        "deform.2.weight": (h, h),
        "deform.4.weight": (settings.columns, h),
        **folding.shapes(settings),
    }
    if e:
        shapes |= {"expression_gate.0.weight": (EXPRESSION_GATE, x), "expression_gate.2.weight": (e, EXPRESSION_GATE)}
    return shapes


def _checked_weights(weights: dict[str, np.ndarray], settings: BranchSettings, source: str) -> dict[str, np.ndarray]:
    """The field's tensors as float32, every name and shape checked against the settings. Raises UserError."""
    shapes = field_shapes(settings)
    for name, shape in shapes.items():
        found = weights[name].shape if name in weights else None
        if found != shape or weights[name].dtype.kind != "f":
            raise UserError(
                f"{source}: tensor {name} is {found} where its card expects {shape}; export the head again."
            )
    return {name: np.ascontiguousarray(weights[name], dtype=np.float32) for name in shapes}

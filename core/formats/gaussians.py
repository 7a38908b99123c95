# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of Gaussians that every package uses.

Letters: N Gaussians, K higher SH coefficients (0, 3, 8 or 15 for degree 0 to 3).
Space: Blender's (right-handed, Z up, the head looks along -Y), metres.
"""

from dataclasses import dataclass, fields

import numpy as np

from .user_error import UserError

SH_COEFFICIENTS = {0: 0, 1: 3, 2: 8, 3: 15}  # SH degree -> K
SH_C0 = 0.28209479177387814  # 1 / (2 sqrt(pi)): colour = SH_C0 * sh0 + 0.5 (+ higher bands)


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians after activation (scales and opacities, not their logarithms and logits), float32, C-contiguous."""

    means: np.ndarray  # [N,3] metres
    quats: np.ndarray  # [N,4] w,x,y,z, unit
    scales: np.ndarray  # [N,3] linear sigma, metres, > 0
    opacities: np.ndarray  # [N] 0..1
    sh0: np.ndarray  # [N,3]
    shN: np.ndarray  # [N,K,3] coefficient-major

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """0 to 3."""
        return {k: degree for degree, k in SH_COEFFICIENTS.items()}[self.shN.shape[1]]

    @staticmethod
    def joined(*tables: "Gaussians") -> "Gaussians":
        """The rows of one or more tables, one after the other; lower SH degrees are padded with zeros."""
        k = max(table.shN.shape[1] for table in tables)

        def column(table: "Gaussians", name: str) -> np.ndarray:
            values = getattr(table, name)
            return np.pad(values, ((0, 0), (0, k - values.shape[1]), (0, 0))) if name == "shN" else values

        return Gaussians(*(np.concatenate([column(t, f.name) for t in tables]) for f in fields(Gaussians)))

    @staticmethod
    def checked(source: str, **columns: np.ndarray) -> "Gaussians":
        """A table of untrusted columns: shapes, finiteness and ranges are checked, quaternions normalised.

        `source` names the file in the UserError.
        """
        table = Gaussians(**{k: np.ascontiguousarray(v, dtype=np.float32) for k, v in columns.items()})
        _check_shapes(table, source)
        for f in fields(table):
            if not np.isfinite(getattr(table, f.name)).all():
                raise UserError(f"{source}: {f.name} holds NaN or infinite values; export it again.")
        if len(table) and (table.scales.min() <= 0 or table.opacities.min() < 0 or table.opacities.max() > 1):
            raise UserError(f"{source}: scales must be above 0 and opacities within 0 to 1; export it again.")
        with np.errstate(over="ignore"):
            length = np.linalg.norm(table.quats, axis=1, keepdims=True)
        if not np.isfinite(length).all():  # finite numbers whose squares are not
            length = np.linalg.norm(table.quats.astype(np.float64), axis=1, keepdims=True)
        if len(table) and length.min() < 1e-8:
            raise UserError(f"{source}: a rotation quaternion is zero; export it again.")
        length[np.abs(length - 1) < 1e-6] = 1  # unit but for rounding: reading and writing again keeps every bit
        return Gaussians(
            table.means,
            (table.quats / length).astype(np.float32, copy=False),
            table.scales,
            table.opacities,
            table.sh0,
            table.shN,
        )


def _check_shapes(table: Gaussians, source: str) -> None:
    n = table.means.shape[:1]
    k = table.shN.shape[1] if table.shN.ndim == 3 else -1
    higher = k if k in SH_COEFFICIENTS.values() else "0|3|8|15"
    expected = {"means": (*n, 3), "quats": (*n, 4), "scales": (*n, 3), "opacities": n, "sh0": (*n, 3)}
    for name, shape in {**expected, "shN": (*n, higher, 3)}.items():
        found = getattr(table, name).shape
        if found != shape:
            raise UserError(
                f"{source}: {name} has shape {found}, expected {shape}; the file is damaged or of another kind."
            )


COLUMNS = tuple(f.name for f in fields(Gaussians))  # in the order of the table

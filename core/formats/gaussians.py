# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaussian table: the one form in which splats travel between rooms.

Letters: N Gaussians, K higher SH coefficients (0, 3, 8 or 15 for degree 0 to 3).
Space: Blender's (right-handed, Z up, the head looks along -Y), metres.
"""

from dataclasses import dataclass, fields

import numpy as np

from .user_error import UserError

SH_COEFFICIENTS = {0: 0, 1: 3, 2: 8, 3: 15}  # SH degree -> K
SH_C0 = 0.28209479177387814  # colour = SH_C0 * sh0 + 0.5 (+ higher bands)


@dataclass(frozen=True)
class Gaussians:
    """N activated Gaussians, float32 and C-contiguous. Exporters invert the activations."""

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
        return {k: degree for degree, k in SH_COEFFICIENTS.items()}[self.shN.shape[1]]

    @staticmethod
    def joined(first: "Gaussians", second: "Gaussians") -> "Gaussians":
        """`first` then `second`; the lower SH degree is padded with zeros."""
        k = max(first.shN.shape[1], second.shN.shape[1])

        def column(table: "Gaussians", name: str) -> np.ndarray:
            values = getattr(table, name)
            return np.pad(values, ((0, 0), (0, k - values.shape[1]), (0, 0))) if name == "shN" else values

        return Gaussians(*(np.concatenate([column(first, f.name), column(second, f.name)]) for f in fields(first)))

    @staticmethod
    def checked(source: str, **columns: np.ndarray) -> "Gaussians":
        """A table from untrusted columns: shapes, finiteness, ranges; quaternions are normalised.

        `source` names the file in the sentence. Raises UserError.
        """
        table = Gaussians(**{k: np.ascontiguousarray(v, dtype=np.float32) for k, v in columns.items()})
        n = len(table.means)
        wanted = {"means": (n, 3), "quats": (n, 4), "scales": (n, 3), "opacities": (n,), "sh0": (n, 3)}
        for name, shape in wanted.items():
            if getattr(table, name).shape != shape:
                raise UserError(
                    f"{source}: {name} has shape {getattr(table, name).shape}, expected {shape}; "
                    "the file is damaged or of another kind."
                )
        if (
            table.shN.ndim != 3
            or table.shN.shape[0] != n
            or table.shN.shape[1] not in SH_COEFFICIENTS.values()
            or table.shN.shape[2] != 3
        ):
            raise UserError(
                f"{source}: shN has shape {table.shN.shape}, expected ({n}, 0|3|8|15, 3); "
                "the file is damaged or of another kind."
            )
        for f in fields(table):
            if not np.isfinite(getattr(table, f.name)).all():
                raise UserError(f"{source}: {f.name} holds NaN or infinite values; export it again.")
        if n and (table.scales.min() <= 0 or table.opacities.min() < 0 or table.opacities.max() > 1):
            raise UserError(f"{source}: scales must be above 0 and opacities within 0 to 1; export it again.")
        length = np.linalg.norm(table.quats, axis=1, keepdims=True)
        if n and length.min() < 1e-8:
            raise UserError(f"{source}: a rotation quaternion is zero; export it again.")
        length[np.abs(length - 1) < 1e-6] = 1  # unit but for rounding: the same bits however often it is read
        return Gaussians(table.means, table.quats / length, table.scales, table.opacities, table.sh0, table.shN)


COLUMNS = tuple(f.name for f in fields(Gaussians))  # in every file that holds a table

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a code of the face does to the mouth's shape, as a function with a gradient: so that an audio net is taught in
millimetres of lips, not in a code's numbers.

A head's codes in speech lie near a plane of few directions, on which each measure is a cubic of the code that is exact
at rest. It is fitted to what the head was heard to do, and to what its landmarks do at codes scattered around that.
Not in the paper: chosen because, on the sample head's codes that were left out, a cubic misses the lips' gap by 0.14 mm
where a quadratic misses it by 0.37; the head's own networks would be exact, and slower.

Letters: S codes heard, M codes asked, A code, D directions, J measures, Q terms.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

DIRECTIONS = 8  # D; they hold 99.98 % of the variance of the sample head's codes
SCATTERED = 2500  # codes around those heard
SHRUNK, GROWN = 0.3, 1.3  # times those heard, uniformly
SPREAD = 0.5  # and of a deviation beside them in every direction
RIDGE = 1e-4  # of the codes' number


class CodeGeometry:
    """[M,A] codes -> [M,J] mm, less those at rest; differentiable."""

    def __init__(
        self,
        codes: np.ndarray,  # [S,A] that the head was heard to use
        geometry: np.ndarray,  # [S,J] mm: what they do, less that at rest
        rest: np.ndarray,  # [A]
        measured: Callable[[np.ndarray], np.ndarray],  # [M,A] -> [M,J]: what any codes do, exactly
    ) -> None:
        _, sizes, directions = np.linalg.svd(codes.astype(np.float64) - rest, full_matrices=False)
        spread = np.maximum(sizes[:DIRECTIONS] / np.sqrt(len(codes)), 1e-6)[:, None]
        basis = directions[:DIRECTIONS]
        self._rest = torch.from_numpy(rest.astype(np.float32))
        self._to_plane = torch.from_numpy((basis / spread).T.astype(np.float32))  # [A,D]
        rng = np.random.default_rng(0)
        heard = (codes - rest) @ (basis / spread).T
        around = heard[rng.integers(len(heard), size=SCATTERED)] * rng.uniform(SHRUNK, GROWN, (SCATTERED, 1))
        around += SPREAD * rng.standard_normal(around.shape)
        done = measured((rest + around @ (basis * spread)).astype(np.float32))
        terms = _terms(torch.from_numpy(np.concatenate([heard, around]))).numpy()
        gram = terms.T @ terms + RIDGE * len(terms) * np.eye(terms.shape[1])
        weights = np.linalg.solve(gram, terms.T @ np.concatenate([geometry, done]))
        self._weights = torch.from_numpy(weights.astype(np.float32))

    def __call__(self, codes: Tensor) -> Tensor:
        """[M,A] -> [M,J]."""
        return _terms((codes - self._rest) @ self._to_plane) @ self._weights


def _terms(x: Tensor) -> Tensor:
    """[M,D] -> [M,Q]: the numbers and their products, two by two and three by three. Each product in every order: that
    costs less in a gradient than to choose among them, and the ridge shares the weight."""
    pairs = (x[:, :, None] * x[:, None]).flatten(1)
    return torch.cat([x, pairs, (pairs[:, :, None] * x[:, None]).flatten(1)], dim=1)

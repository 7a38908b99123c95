# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Gaussians tell a region's pose best: greedily the one that adds most to what is known (a D-optimal design;
"gappy POD" asks the head at these alone), and the least-squares solution from them.

Letters: K components, M Gaussians, S samples.
"""

import numpy as np

# Samples. Not in the paper: chosen because 2, 4 and 8 err alike on speech that no rig was made from (0.083, 0.082 and
# 0.080 mm RMS, sample head), and the samples that are left over tell how far the rig reaches.
PER_COMPONENT = 4
PRIOR = 1e-4  # of the mean information of a Gaussian: what is known before the first sample


def choose_samples(moves: np.ndarray) -> np.ndarray:
    """moves [K,9,M], weighted and orthonormal -> [S] columns, ascending."""
    k, _, m = moves.shape
    table = np.ascontiguousarray(moves.transpose(2, 1, 0))  # [M,9,K]
    uncertainty = np.eye(k) * m / (PRIOR * k)
    chosen: list[int] = []
    for _ in range(min(PER_COMPONENT * k, m)):
        seen = table @ np.linalg.cholesky(uncertainty).astype(np.float32)
        gain = np.einsum("mck,mck->m", seen, seen)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        row = table[chosen[-1]].astype(np.float64)
        gathered = uncertainty @ row.T  # Woodbury's identity
        uncertainty = uncertainty - gathered @ np.linalg.solve(np.eye(9) + row @ gathered, gathered.T)
        uncertainty = (uncertainty + uncertainty.T) / 2
    return np.sort(np.array(chosen))


def least_squares(moves: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """moves [K,9,S] weighted, weights [9,S] -> [K,S,9]: the samples' unweighted differences -> the components'
    coefficients."""
    k, _, s = moves.shape
    inverse = np.linalg.pinv(moves.reshape(k, -1).T.astype(np.float64)).reshape(k, 9, s)
    return (inverse * weights).transpose(0, 2, 1)

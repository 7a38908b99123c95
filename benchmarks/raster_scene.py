# SPDX-License-Identifier: GPL-3.0-or-later
"""A head-like cloud for the raster benchmark: face, hair and shoulder shells of flat splats, heavier than trained.

It shows about 25 contributing layers a pixel, averaged over the whole picture, and covers two thirds of it.
"""

import numpy as np

from talksplat.core.formats import Camera

# share of the Gaussians, centre, radii (metres), half-thickness of the shell as a share of the radius
SHELLS = (
    (0.62, (0.0, 0.0, 0.0), (0.36, 0.44, 0.50), 0.03),
    (0.24, (0.0, 0.05, 0.12), (0.43, 0.50, 0.52), 0.10),
    (0.14, (0.0, 0.1, -0.80), (0.80, 0.35, 0.34), 0.04),
)


def rotate_onto(normals: np.ndarray, spin: np.ndarray) -> np.ndarray:
    """Unit quaternions [N,4] whose z axis is the normal [N,3], rotated about it by `spin` [N] radians."""
    w = 1 + normals[:, 2]
    tilt = np.stack([w, -normals[:, 1], normals[:, 0], np.zeros_like(w)], -1)
    tilt[w < 1e-6] = (0, 1, 0, 0)
    tilt /= np.linalg.norm(tilt, axis=-1, keepdims=True)
    c, s = np.cos(spin / 2), np.sin(spin / 2)
    return np.stack(
        [
            tilt[:, 0] * c - tilt[:, 3] * s,
            tilt[:, 1] * c + tilt[:, 2] * s,
            tilt[:, 2] * c - tilt[:, 1] * s,
            tilt[:, 3] * c + tilt[:, 0] * s,
        ],
        -1,
    )


def head_like(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """The Gaussian table's columns, float32: log-normal flat splats on the shells, opacity sigmoid(N(0.6, 2))."""
    rng = np.random.default_rng(seed)
    shell = rng.choice(len(SHELLS), n, p=[s[0] for s in SHELLS])
    centres, radii, thick = (np.array([s[k] for s in SHELLS])[shell] for k in (1, 2, 3))
    on_sphere = rng.standard_normal((n, 3))
    on_sphere /= np.linalg.norm(on_sphere, axis=-1, keepdims=True)
    normals = on_sphere / radii
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    size = 0.0235 * np.sqrt(10000 / n) * np.exp(0.45 * rng.standard_normal((n, 1)))
    scales = size * np.exp(0.3 * rng.standard_normal((n, 3))) * [1.0, 1.0, 0.2]
    table = {
        "means": centres + radii * on_sphere * (1 + thick * rng.standard_normal(n))[:, None],
        "quats": rotate_onto(normals, rng.uniform(0, 2 * np.pi, n)),
        "scales": scales,
        "opacities": 1 / (1 + np.exp(-(0.6 + 2 * rng.standard_normal(n)))),
        "sh0": rng.standard_normal((n, 3)),
        "shN": np.zeros((n, 0, 3)),
    }
    return {name: np.ascontiguousarray(values, np.float32) for name, values in table.items()}


def head_camera(size: int) -> Camera:
    """A square portrait view."""
    return Camera.looking_at(np.array([0.0, -3.2, 0.0]), np.array([0.0, 0.0, -0.1]), size, size, 0.48)

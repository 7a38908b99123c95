# SPDX-License-Identifier: GPL-3.0-or-later
"""How many samples a pixel has, by how large the head is in the picture.

A head is trained on pictures of some size, and its splats are as wide as those pictures' pixels, EPS2D among them, made
them. In a smaller picture the same low-pass covers more of the head, which grows: by a fifth at 40 pixels' height. So a
smaller picture is drawn as large as the trained one, with that one's low-pass, and filtered down.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..formats import BakeReader, Camera, UserError
from ..jobs import Render
from ..raster import EPS2D, Sampling, trained_low_pass
from .render_cameras import portrait

AUTO = "auto"
# What `Render.supersampling` takes -> samples a pixel and side; `auto` takes the first of AUTOMATIC that is enough.
SUPERSAMPLING: Mapping[str, int] = MappingProxyType({AUTO: 0, "off": 1, "2x": 2, "3x": 3, "4x": 4})
AUTOMATIC = (1, 2, 3, 4, 6, 8)  # 8: a head of 64 pixels' height as at 512; not in the paper: smaller ones are specks


def check_sampling(job: Render) -> None:
    """Raises UserError for a setting that there is not."""
    if job.supersampling not in SUPERSAMPLING:
        raise UserError(f"supersampling {job.supersampling!r} is unknown; use one of {', '.join(SUPERSAMPLING)}.")
    Sampling(pixel_filter=job.pixel_filter, filter_width=job.filter_width)


def samplings_of(job: Render, bake: BakeReader, cameras: dict[int, Camera], least: int = 1) -> dict[int, Sampling]:
    """Frame -> its sampling, which depends on nothing but the head, the settings and the frame's camera: a shot that is
    rendered in pieces has the same pictures. least: samples a side of an automatic one."""
    means = bake.canonical.means
    middle = np.median(means, axis=0) if len(means) else np.zeros(3)
    trained = pixels_per_metre(bake.card.camera or portrait(means), middle)
    found: dict[Camera, Sampling] = {}
    for camera in cameras.values():
        if camera not in found:
            found[camera] = _sampling(job, pixels_per_metre(camera, middle) / trained, bake.card.antialiased, least)
    return {frame: found[camera] for frame, camera in cameras.items()}


def _sampling(job: Render, scale: float, antialiased: bool, least: int) -> Sampling:
    """scale: of the picture's head to the trained pictures'; antialiased: as HeadCard has it."""
    n = SUPERSAMPLING[job.supersampling] or max(next((n for n in AUTOMATIC if n * scale >= 1), AUTOMATIC[-1]), least)
    if n == 1:
        return Sampling(trained_low_pass=trained_low_pass(antialiased))
    low_pass = 0.0 if antialiased else EPS2D * (n * scale) ** 2
    return Sampling(n, low_pass, job.pixel_filter, job.filter_width)


def pixels_per_metre(
    camera: Camera,
    place: np.ndarray,  # [3] metres, head space
) -> float:
    """How large a metre of the head at `place` is in the picture; endless where the camera is in it."""
    scale = float(np.cbrt(abs(np.linalg.det(camera.matrix[:3, :3]))) * np.sqrt(camera.fx * camera.fy))
    if camera.kind == "orthographic":
        return scale
    depth = float(camera.matrix[2, :3] @ place + camera.matrix[2, 3])
    return scale / depth if depth > camera.near else np.inf

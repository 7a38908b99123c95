# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of each Gaussian that the raster blends for passes, by the weights that it blends colours by: which part it
is of, and where it was and will be in the picture. Needs numpy alone.

Letters: N Gaussians, C numbers of a channel, X' all numbers of several channels, H x W pixels.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..formats import BRANCHES, Camera, matrix_from_quaternion


@dataclass(frozen=True)
class View:
    """Where the Gaussians are at one frame, and through which camera they are seen."""

    means: np.ndarray  # [N,3] float32 metres, head space
    camera: Camera


@dataclass(frozen=True)
class SplatFrame:
    """What is known of the Gaussians of a frame. Where the shot has no frame before or after, the head holds still."""

    branch: np.ndarray  # uint8 [N]: index in BRANCHES
    quats: np.ndarray  # [N,4] w,x,y,z unit
    scales: np.ndarray  # [N,3] linear sigma, metres
    now: View
    before: View
    after: View
    head: tuple[int, int] = (0, 1)  # which of how many in the picture


@dataclass(frozen=True)
class SplatChannel:
    """C numbers of each Gaussian."""

    width: int  # C; of a channel that is apart for each head, those of one
    of: Callable[[SplatFrame], np.ndarray]  # gives float32 [N,C]
    has_motion: bool = False  # whether it depends on the frames beside
    by_head: bool = False  # whether each head of the picture has numbers of its own, which are 0 for the others

    def width_of(self, heads: int) -> int:
        """C in a picture of so many heads."""
        return self.width * heads if self.by_head else self.width


def scale_of(camera: Camera) -> float:
    """Length in camera space over length in head space, for a head that its scene has scaled; of an uneven scale the
    mean."""
    return float(np.cbrt(abs(np.linalg.det(camera.matrix[:3, :3]))))


def pixels_of(view: View) -> np.ndarray:
    """[N,2] float64: x to the right and y upwards, pixels; nan behind the camera, where nothing is drawn."""
    camera = view.camera
    x, y, z = (view.means @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]).T
    if camera.kind == "perspective":
        scale = 1 / np.where(z > camera.near, z, np.nan)
        x, y = x * scale, y * scale
    return np.stack([camera.fx * x + camera.cx, -camera.fy * y - camera.cy], axis=1)


def _moved(start: View, end: View) -> np.ndarray:
    """[N,2]: from `start` to `end`, pixels; 0 where one of them is behind its camera."""
    return np.nan_to_num(pixels_of(end) - pixels_of(start)).astype(np.float32)


def _shortest_axes(frame: SplatFrame) -> np.ndarray:
    """[N,3] of camera space, towards the camera: which way each Gaussian faces as a disc. The longer the flatter it is
    and the more it faces the camera: a ball faces nowhere, and of a disc seen edge on nobody knows which side it is."""
    rows, camera = np.arange(len(frame.scales)), frame.now.camera
    order = np.argsort(frame.scales, axis=1)
    shortest, middle = frame.scales[rows, order[:, 0]], frame.scales[rows, order[:, 1]]
    axes = (
        matrix_from_quaternion(frame.quats)[rows, :, order[:, 0]] * (1 - shortest / np.maximum(middle, 1e-20))[:, None]
    )
    # As normals turn, also where the head is scaled unevenly.
    turned = axes @ np.linalg.inv(camera.matrix[:3, :3]) * scale_of(camera)
    seen = frame.now.means @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
    seen = np.broadcast_to([0.0, 0.0, 1.0], seen.shape) if camera.kind == "orthographic" else seen
    along = (turned * seen).sum(axis=1) / np.maximum(np.linalg.norm(seen, axis=1), 1e-20)
    return (turned * -along[:, None]).astype(np.float32)


def _in_branch(name: str) -> SplatChannel:
    return SplatChannel(1, lambda frame: (frame.branch == BRANCHES.index(name)).astype(np.float32)[:, None])


def _parts_by_head(frame: SplatFrame) -> np.ndarray:
    """[N,2M] for M heads: 1 where a Gaussian is of this head's face, or of the inside of its mouth."""
    number, heads = frame.head
    parts = np.zeros((len(frame.branch), heads, len(BRANCHES)), np.float32)
    parts[np.arange(len(frame.branch)), number, frame.branch] = 1
    return parts.reshape(len(parts), -1)


# The name that `Pass.blends` takes -> the numbers.
SPLAT_CHANNELS: dict[str, SplatChannel] = {
    **{name: _in_branch(name) for name in BRANCHES},
    "parts_by_head": SplatChannel(len(BRANCHES), _parts_by_head, by_head=True),
    "shortest_axis": SplatChannel(3, _shortest_axes),
    "to_previous": SplatChannel(2, lambda frame: _moved(frame.now, frame.before), has_motion=True),
    "from_next": SplatChannel(2, lambda frame: _moved(frame.after, frame.now), has_motion=True),
}


def use_motion(names: Iterable[str]) -> bool:
    """Whether one of the channels depends on the frames beside."""
    return any(SPLAT_CHANNELS[name].has_motion for name in names)


def splat_channels(names: Iterable[str], frame: SplatFrame) -> np.ndarray | None:
    """[N,X'] float32 for `rasterize(extra=)`: the channels side by side; None without names."""
    columns = [SPLAT_CHANNELS[name].of(frame) for name in names]
    return np.ascontiguousarray(np.concatenate(columns, axis=1)) if columns else None


def blended_channels(
    names: Iterable[str],
    extra: np.ndarray | None,  # [H,W,X'] of the rendering
    heads: int = 1,  # in the picture
) -> dict[str, np.ndarray]:
    """Name -> [H,W,C]: the channels of `splat_channels` told apart again."""
    found, begin = {}, 0
    for name in names:
        end = begin + SPLAT_CHANNELS[name].width_of(heads)
        found[name], begin = np.asarray(extra)[..., begin:end], end
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of n x n samples a pixel: drawn larger, window by window, and filtered down.

The samples are the pixels of the same camera at n times the size, so that nothing is shifted. They are averaged as they
were blended (codes or light) and premultiplied by alpha, which is what a pixel's area sees. The windows lie on a fixed
grid: a frame's pixels do not depend on where the head is, and the memory does not grow by n^2.

Letters: H x W pixels, h x w pixels of a window, n samples a pixel and side, M samples of margin.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..formats import Camera, UserError
from .buffer_pool import give_back
from .constants import EPS2D, EXPONENT_MAX, ratio_limits
from .held_camera import HeldCamera
from .pixel_filter import filter_weights, filtered
from .raster_input import Window
from .rasterizer import rasterize
from .rendering import DensityStats, Rendering

SAMPLES_MAX = 16  # a side
WINDOW = 512  # samples a side, at most; of 384, 512 and 1024 the fastest where a head is small
WINDOW_MIN = 32  # pixels a side
HELD_WINDOWS = 4  # of a camera that stands still; each keeps a table of all Gaussians
# Of a Gaussian table, as `rasterize` takes them: means, quats, scales, opacities, sh0, shN.
Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sampling:
    """How a picture is sampled. Raises UserError for what cannot be."""

    samples_per_side: int = 1  # samples a pixel in each direction
    trained_low_pass: float = EPS2D  # of `rasterize`, in the samples' unit
    pixel_filter: str = "box"  # a key of PIXEL_FILTERS; of one sample a pixel it has no say
    filter_width: float = 1.5  # pixels, as Cycles counts them

    def __post_init__(self) -> None:
        if not 1 <= self.samples_per_side <= SAMPLES_MAX:
            raise UserError(f"{self.samples_per_side} samples a side are out of range; use 1 to {SAMPLES_MAX}.")
        filter_weights(self.pixel_filter, self.filter_width, 1)

    @property
    def weights(self) -> np.ndarray:
        """See filter_weights."""
        return filter_weights(self.pixel_filter, self.filter_width, self.samples_per_side)


class SampleCamera(Camera):
    """A camera whose pixels are samples; no such picture is ever made as a whole."""

    MOST_PIXELS = SAMPLES_MAX * Camera.MOST_PIXELS


class Supersampler:
    """Draws pictures on one device; belongs to one run of frames, in one thread."""

    def __init__(self) -> None:
        self._held: dict[Window, HeldCamera] = {}

    def draw(
        self,
        columns: Columns,
        camera: Camera,
        sampling: Sampling,
        *,
        depth: bool,
        blend: str,
        backend: str,
        extra: np.ndarray | None = None,  # [N,X'] to be blended besides, as `rasterize` takes it
        far_limit: np.ndarray | None = None,  # of `rasterize`, of any size: of each sample the nearest one's
    ) -> Rendering:
        """A picture as `rasterize` gives it on black, as numpy arrays. `depth_expected` is weighted by alpha;
        `depth_median` is one of the samples', the median of those that have one, where half of the pixel is covered.
        Its `density` is empty, because it is drawn in parts. Raises UserError as `rasterize`."""
        n, weights = sampling.samples_per_side, sampling.weights
        many = sample_camera(camera, n)
        picture = empty_picture(camera, depth, blend, backend, 0 if extra is None else extra.shape[1])
        reached = reach_of(columns, many, sampling.trained_low_pass)
        margin = (len(weights) - n) // 2
        for window in windows_of(camera, max(WINDOW // n, WINDOW_MIN)):
            left, top, right, bottom = window
            samples = left * n - margin, top * n - margin, right * n + margin, bottom * n + margin
            if not overlap(samples, reached):
                continue
            part = rasterize(
                *columns,
                many,
                extra=extra,
                depth=depth,
                blend=blend,
                backend=backend,
                trained_low_pass=sampling.trained_low_pass,
                window=samples,
                far_limit=None if far_limit is None else limit_of_window(far_limit, many, samples),
                held=self._held_for(samples, backend),
            )
            fill(picture, part, weights, n, (slice(top, bottom), slice(left, right)))
            give_back(part)
        return picture

    def _held_for(self, window: Window, backend: str) -> HeldCamera | None:
        if backend != "numba" or (window not in self._held and len(self._held) == HELD_WINDOWS):
            return None
        return self._held.setdefault(window, HeldCamera())


def sample_camera(camera: Camera, n: int) -> Camera:
    """The same view with n x n pixels for each; also the principal point's is the same."""
    numbers = {name: n * getattr(camera, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
    return SampleCamera(**{**vars(camera), **numbers})


def limit_of_window(
    limit: np.ndarray,  # [h,w] of the whole picture, at any number of samples a pixel
    camera: Camera,
    window: Window,  # in the camera's pixels
) -> np.ndarray:
    """[H,W] float32 of the window: of each pixel the nearest number, never one between two. Beyond the edges of the
    picture that of its edge."""
    left, top, right, bottom = window
    if limit.shape == (camera.height, camera.width) and window == (0, 0, camera.width, camera.height):
        return limit
    rows, columns = (
        np.clip(((np.arange(*span) + 0.5) * count / size).astype(np.int64), 0, count - 1)
        for span, count, size in zip(((top, bottom), (left, right)), limit.shape, (camera.height, camera.width))
    )
    return np.ascontiguousarray(limit[rows[:, None], columns])


def windows_of(camera: Camera, side: int) -> list[Window]:
    """The picture in squares of at most `side` pixels."""
    return [
        (left, top, min(left + side, camera.width), min(top + side, camera.height))
        for top in range(0, camera.height, side)
        for left in range(0, camera.width, side)
    ]


def overlap(a: Window, b: tuple[float, float, float, float]) -> bool:
    """Whether two rectangles share anything."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def reach_of(columns: Columns, camera: Camera, trained_low_pass: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom in pixels of what any Gaussian can touch, generously; empty where none is seen.

    A splat ends where alpha is 1/255: at most sqrt(2 ln 255) of its greatest sigma from its centre, and that is at most
    |J| times the Gaussian's, in a head that may be scaled unevenly.
    """
    matrix, (means, _, scales, opacities, *_) = camera.matrix, columns
    x, y, z = (means @ matrix[:3, :3].T + matrix[:3, 3]).T
    seen = (z > camera.near) & (z < camera.far) & (opacities > 0)
    if not seen.any():
        return 0.0, 0.0, 0.0, 0.0
    x, y, z = x[seen], y[seen], z[seen]
    over = np.ones_like(z) if camera.kind == "orthographic" else z
    slope = 0.0 if camera.kind == "orthographic" else float(np.square(np.abs(ratio_limits(camera)).max()) * 2)
    size = scales[seen].max(axis=1) * np.linalg.norm(matrix[:3, :3], ord=2)
    sigma = max(camera.fx, camera.fy) * size / over * np.sqrt(1 + slope)
    radius = np.sqrt(2 * EXPONENT_MAX * (sigma**2 + max(EPS2D, trained_low_pass))) + 1
    u, v = camera.fx * x / over + camera.cx, camera.fy * y / over + camera.cy
    return (
        float((u - radius).min()),
        float((v - radius).min()),
        float((u + radius).max()),
        float((v + radius).max()),
    )


def empty_picture(camera: Camera, depth: bool, blend: str, backend: str, channels: int = 0) -> Rendering:
    """A picture without a Gaussian."""
    size = (camera.height, camera.width)
    stats = DensityStats(np.zeros(0, np.float32), np.zeros(0, np.int32), counted=np.zeros(0, np.int32))
    color, alpha, extra = (np.zeros(shape, np.float32) for shape in ((*size, 3), size, (*size, channels)))
    depths = [np.zeros(size, np.float32) if depth else None for _ in range(2)]
    return replace(Rendering(color, alpha, backend, stats, *depths, blend=blend), extra=extra)


def fill(picture: Rendering, part: Rendering, weights: np.ndarray, n: int, where: tuple[slice, slice]) -> None:
    """Filter a window's samples into the picture's pixels `where`."""
    alpha = filtered(part.alpha, weights, n)
    picture.color[where], picture.alpha[where], picture.backend = filtered(part.color, weights, n), alpha, part.backend
    if picture.extra is not None and part.extra is not None:
        picture.extra[where] = filtered(part.extra, weights, n)
    if part.depth_expected is None or part.depth_median is None:
        return
    assert picture.depth_expected is not None
    assert picture.depth_median is not None
    along = filtered(part.depth_expected * part.alpha, weights, n)
    picture.depth_expected[where] = along / np.where(alpha > 0, alpha, np.float32(1))
    margin = (len(weights) - n) // 2
    own = slice(margin, part.alpha.shape[0] - margin), slice(margin, part.alpha.shape[1] - margin)
    picture.depth_median[where] = median_of_samples(part.depth_median[own], n, part.alpha[own])


def median_of_samples(
    depths: np.ndarray,  # [n h, n w] metres, 0 where a sample has none
    n: int,
    alpha: np.ndarray,  # [n h, n w]
) -> np.ndarray:
    """[h,w]: of an even number of samples the nearer of the middle two, so that no depth between two surfaces comes up;
    0 where less than half of the pixel is covered."""
    h, w = (side // n for side in depths.shape)
    blocks = depths.reshape(h, n, w, n).swapaxes(1, 2).reshape(h, w, n * n)
    present = np.sort(np.where(blocks > 0, blocks, np.float32(np.inf)), axis=-1)
    middle = np.maximum((blocks > 0).sum(-1) - 1, 0) // 2
    median = np.take_along_axis(present, middle[..., None], -1)[..., 0]
    is_covered = (alpha.reshape(h, n, w, n).mean((1, 3)) > 0.5) & np.isfinite(median)
    return np.where(is_covered, median, np.float32(0))

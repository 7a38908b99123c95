# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pictures of a render are drawn, decided once a job: on an NVIDIA GPU where this Python has CUDA and gsplat,
else on the CPU; and on the CPU from the frame on at which the GPU fails.

Both give the same passes to the raster's tolerance, so a picture's key does not say which it was.
"""

from collections.abc import Generator
from importlib.util import find_spec

import numpy as np

from ..formats import Camera, UserError
from ..interchange import compile_pixels, pixels_are_compiled
from ..jobs import DEVICES, Event, Started, Warned
from ..raster import (
    Columns,
    HeldCamera,
    Rendering,
    Sampling,
    Supersampler,
    compile_kernels,
    give_back_channels,
    gpu_name,
    gpu_unavailable_reason,
    is_compiled,
    limit_of_window,
    rasterize,
)

CPU = "the CPU"
ONE_SAMPLE = Sampling()
MOST_HELD = 6_000_000  # pixels: of larger pictures the memory for a second one is worth more than the time
CONSTANT = ("opacities", "sh0", "shN")  # of a bake: only where Gaussians are differs from frame to frame


def has_gpu_packages() -> bool:
    """Whether this Python was made for a GPU. Imports nothing: an artist's has no torch, and needs none."""
    try:
        return find_spec("gsplat") is not None and find_spec("torch") is not None
    except ImportError:  # some finder refuses them
        return False


class RenderDevice:
    """The device of one job: `prepare` it, then `draw` each frame."""

    def __init__(self, wanted: str, blend: str = "display") -> None:
        """wanted: one of DEVICES; `auto` is the GPU where it works. blend: the bake's, of BLENDS. Raises UserError for
        another device."""
        if wanted not in DEVICES:
            raise UserError(f"device {wanted!r} is unknown; choose {', '.join(DEVICES)}.")
        self._wanted, self._blend = wanted, blend
        self.name = CPU  # of the device that draws the next picture
        self.used: list[str] = []  # names of those that have drawn, in order
        self._backend = "numba"
        self._held, self._supersampler = HeldCamera(CONSTANT), Supersampler()

    @property
    def description(self) -> str:
        """The device, or devices, that have drawn; "" where nothing was to be drawn."""
        return " and ".join(self.used)

    def prepare(self) -> Generator[Event, None, None]:
        """Choose the device and compile what it needs, which is said where it takes long. Raises UserError where the
        GPU is insisted on and does not work."""
        if self._wanted == "cuda" or (self._wanted == "auto" and has_gpu_packages()):
            yield Started("Starting the GPU; the first time gsplat compiles itself, which takes minutes", 0)
            reason = gpu_unavailable_reason() if has_gpu_packages() else "torch or gsplat is not installed"
            if reason is None:
                self.name, self._backend = gpu_name(), "gsplat"
                return
            if self._wanted == "cuda":
                raise UserError(f"device cuda does not work here: {reason}; see docs/gpu.md, or use auto or cpu.")
            yield Warned(f"The CPU renders, because {reason}.")
        yield from self._prepare_cpu()

    def draw(
        self,
        frame: int,  # its number, for the warning
        columns: Columns,
        camera: Camera,
        depth: bool,
        extra: np.ndarray | None = None,  # [N,X'] to be blended besides, as `rasterize` takes it
        sampling: Sampling = ONE_SAMPLE,
        far_limit: np.ndarray | None = None,  # as `Supersampler.draw` takes it; the CPU draws such pictures
    ) -> Generator[Event, None, Rendering]:
        """The picture of one frame; where the GPU fails, one warning, and the CPU draws this frame and the rest.

        Raises UserError.
        """
        try:
            picture = self._rasterize(columns, camera, depth, extra, sampling, far_limit)
        except RuntimeError as error:  # CUDA's: out of memory, a driver that went away
            if self.name == CPU:
                raise
            reason = (str(error) or "it gave no reason").splitlines()[0].rstrip(".")
            yield Warned(f"{self.name} could not render frame {frame} ({reason}); the CPU renders the rest.")
            self.name, self._backend = CPU, "numba"
            yield from self._prepare_cpu()
            picture = self._rasterize(columns, camera, depth, extra, sampling, far_limit)
        if self.name not in self.used:
            self.used.append(self.name)
        return picture

    def _rasterize(
        self,
        columns: Columns,
        camera: Camera,
        depth: bool,
        extra: np.ndarray | None,
        sampling: Sampling,
        far_limit: np.ndarray | None,
    ) -> Rendering:
        backend = self._backend if far_limit is None else "numba"  # gsplat stops at no depth
        how = {"extra": extra, "depth": depth, "blend": self._blend, "backend": backend}
        if sampling.samples_per_side > 1:
            return self._supersampler.draw(columns, camera, sampling, far_limit=far_limit, **how)
        if far_limit is not None:
            how["far_limit"] = limit_of_window(far_limit, camera, (0, 0, camera.width, camera.height))
        is_held = self._backend == "numba" and camera.width * camera.height <= MOST_HELD
        held = self._held if is_held else None
        picture = rasterize(*columns, camera, trained_low_pass=sampling.trained_low_pass, held=held, **how)
        picture.density.count = None  # nobody counts pixels here, and what it would need is as large as the picture
        give_back_channels(picture)
        return picture

    def _prepare_cpu(self) -> Generator[Event, None, None]:
        if not is_render_compiled():
            yield Started("Compiling the renderer, once after an installation", 0)
            compile_render()


def is_render_compiled() -> bool:
    """Whether pictures are drawn and written at once."""
    return is_compiled() and pixels_are_compiled()


def compile_render() -> None:
    """Compile, or load, what draws pictures and turns them into files."""
    compile_kernels(backward=False)
    compile_pixels()

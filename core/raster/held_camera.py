# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller with many frames gives to `rasterize`, so that a camera that stands still costs only what moves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .raster_input import RasterInput
from .rendering import Rendering

if TYPE_CHECKING:
    from .held_view import HeldView


class HeldCamera:
    """Keeps what the next frame may need; belongs to one run of frames, in one thread. The pictures are those of a
    whole drawing to the bit, whatever changes from frame to frame.

    The first frame after a change of the camera, the background or the sizes of the arrays is drawn as a whole and
    nothing is kept, so a moving camera costs nothing; from the second on, see held_view. Not in the paper: chosen
    because a shot's camera mostly stands still and a third of a head never moves.
    """

    def __init__(self, constant: Sequence[str] = ()) -> None:
        """constant: columns, such as "shN", into which the caller promises not to write: an array that is given again
        is not compared again."""
        self._constant = constant
        self._key: tuple | None = None
        self._view: HeldView | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that are kept between two frames."""
        return 0 if self._view is None else self._view.nbytes

    def render(self, scene: RasterInput) -> Rendering:
        """See rasterizer.rasterize; numpy in, numpy out."""
        from . import numba_arrays
        from .held_view import HeldView

        scene = numba_arrays.as_float32(scene)
        shapes = tuple(array.shape for array in scene.arrays().values())
        view_key = scene.camera, scene.window, scene.trained_low_pass
        key = (*view_key, scene.degree, scene.blend, scene.depth, scene.background.tobytes(), shapes)
        view, self._view = self._view, None  # an error leaves nothing behind
        if key != self._key:
            self._key = key
            return numba_arrays.render(scene)
        view = view or HeldView(scene, self._constant)
        view.draw(scene)
        self._view = view
        return view.rendering()

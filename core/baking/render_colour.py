# SPDX-License-Identifier: GPL-3.0-or-later
"""In which colours the files of a render are: one of our own spaces, or what an OpenColorIO configuration says."""

from functools import lru_cache

import numpy as np

from ..formats import UserError
from ..interchange import COLOUR_SPACES, OCIO_PREFIX, OcioConfig, View, display_codes, scene_linear_planes
from ..jobs import Render
from ..raster import Rendering


@lru_cache(maxsize=1)
def _opened(source: str) -> OcioConfig:
    """A run's configuration, opened once for all its threads and frames."""
    return OcioConfig(source)


class RenderColour:
    """The colours of one job; a configuration is opened when it is first needed."""

    def __init__(self, job: Render) -> None:
        self._source, self.space = job.ocio, job.space
        self.view = View(job.display, job.view, job.exposure)

    @property
    def _config(self) -> OcioConfig:
        return _opened(self._source)

    @property
    def _of_config(self) -> str:
        """The colour space of the configuration that EXR files are in; "" for one of ours."""
        return self.space.removeprefix(OCIO_PREFIX) if self.space.startswith(OCIO_PREFIX) else ""

    def check(self) -> None:
        """Raises UserError for a space or a view that there is not."""
        if self._of_config:
            self._config.check_space(self._of_config)
        elif self.space not in COLOUR_SPACES:
            known = ", ".join(COLOUR_SPACES)
            raise UserError(f"space {self.space!r} is unknown; use one of {known}, or {OCIO_PREFIX}NAME.")
        if self.view.name:
            self._config.check_view(self.view)
        elif self.view.display or self.view.exposure:
            raise UserError("display and exposure are of a view; name one with view.")

    @property
    def key_of_exr(self) -> tuple:
        """What an EXR's key says of it besides the name of its space."""
        return (self._config.key,) if self._of_config else ()

    @property
    def key_of_png(self) -> tuple:
        """What a preview's key says of it."""
        return (self._config.key, self.view) if self.view.name else ()

    def codes(self, color: np.ndarray, alpha: np.ndarray, blend: str) -> np.ndarray:
        """uint8 [H,W,4], straight alpha, of a preview."""
        if self.view.name:
            return self._config.display_codes(color, alpha, blend, self.view)
        return display_codes(color, alpha, blend)

    def planes(self, rendering: Rendering, full_float: bool) -> np.ndarray:
        """[4,H,W] float16, or float32: premultiplied colour and alpha of an EXR."""
        of = rendering.color, rendering.alpha, rendering.blend
        if not self._of_config:
            return scene_linear_planes(*of, self.space, full_float)
        planes = self._config.in_space(scene_linear_planes(*of, full_float=True), self._of_config)
        return planes if full_float else planes.astype(np.float16)

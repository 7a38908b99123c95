# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour spaces and views of an OpenColorIO configuration, by the library itself (ASWF): a studio's own, Blender's, or
one that is built in ("ocio://default").

Our linear Rec.709 enters a configuration by its role aces_interchange (ACES2065-1), which configurations share.

Letters: H x W pixels.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import UserError, sha256_of_file
from .colour import COLOUR_SPACES, EMPTY_ALPHA, scene_linear_planes

OCIO_PREFIX = "ocio:"  # before the name of a colour space of the configuration
INTERCHANGE = "aces_interchange"
BUILT_IN = "ocio://"


@dataclass(frozen=True)
class View:
    """What a picture is looked at through."""

    display: str = ""  # of the configuration; empty: its first
    name: str = ""  # of the display's views; empty: no view, the picture is sRGB codes as trained
    exposure: float = 0.0  # stops


class OcioConfig:
    """One configuration; its LUTs are read when they are needed."""

    def __init__(self, source: str) -> None:
        """source: a file, "ocio://NAME", or "" for the environment variable OCIO. Raises UserError."""
        if find_spec("PyOpenColorIO") is None:
            raise UserError("OpenColorIO is not installed here: pip install 'talksplat[ocio]'.")
        self._ocio: Any = import_module("PyOpenColorIO")
        self.source = source or os.environ.get("OCIO", "")
        if not self.source:
            raise UserError("no OpenColorIO configuration is named; give --ocio CONFIG, or set OCIO.")
        try:
            make = self._ocio.Config
            is_built_in = self.source.startswith(BUILT_IN)
            config = make.CreateFromBuiltinConfig(self.source) if is_built_in else make.CreateFromFile(self.source)
        except (self._ocio.Exception, self._ocio.ExceptionMissingFile) as error:
            raise UserError(f"{self.source}: is no OpenColorIO configuration ({_reason(error)}).") from error
        if not config.hasRole(INTERCHANGE):
            raise UserError(f"{self.source}: has no role {INTERCHANGE}; add one, or use another configuration.")
        self._config = config

    @property
    def key(self) -> str:
        """What tells configurations apart: the content of a file, but not of its LUTs."""
        is_file = not self.source.startswith(BUILT_IN) and Path(self.source).is_file()
        return sha256_of_file(self.source) if is_file else self.source

    def check_space(self, name: str) -> None:
        """Raises UserError for a colour space that it has not."""
        self._check("colour space", name, list(self._config.getColorSpaceNames()))
        self._processor(lambda: self._config.getProcessor(INTERCHANGE, name))

    def check_view(self, view: View) -> None:
        """Raises UserError for a display or a view that it has not."""
        displays = list(self._config.getDisplays())
        self._check("display", view.display or displays[0], displays)
        self._check("view", view.name, list(self._config.getViews(view.display or displays[0])))
        self._view_processor(view)

    def _check(self, kind: str, name: str, known: Sequence[str]) -> None:
        if name not in known:
            raise UserError(f"{self.source}: has no {kind} {name[:60]!r}; use one of {', '.join(known[:40])}.")

    def in_space(self, planes: np.ndarray, name: str) -> np.ndarray:
        """[4,H,W] premultiplied linear Rec.709 and alpha -> premultiplied in the space, of the same type."""
        processor = self._processor(lambda: self._config.getProcessor(INTERCHANGE, name))
        light = self._applied(planes.astype(np.float32), processor)
        return np.concatenate([light * planes[3:].astype(np.float32), planes[3:]]).astype(planes.dtype)

    def display_codes(self, color: np.ndarray, alpha: np.ndarray, blend: str, view: View) -> np.ndarray:
        """uint8 [H,W,4] with straight alpha: a rendering ([H,W,3], [H,W]) as the view shows it."""
        planes = scene_linear_planes(color, alpha, blend, full_float=True)
        planes[:3] *= np.float32(2.0**view.exposure)
        codes = np.concatenate([self._applied(planes, self._view_processor(view)), planes[3:]])
        return np.rint(np.clip(np.moveaxis(codes, 0, -1), 0, 1) * 255).astype(np.uint8)

    def _view_processor(self, view: View) -> Any:
        display = view.display or next(iter(self._config.getDisplays()))
        transform = self._ocio.DisplayViewTransform(src=INTERCHANGE, display=display, view=view.name)
        return self._processor(lambda: self._config.getProcessor(transform))

    def _processor(self, make: Any) -> Any:
        try:
            return make().getDefaultCPUProcessor()
        except (self._ocio.Exception, self._ocio.ExceptionMissingFile) as error:
            raise UserError(f"{self.source}: cannot be used ({_reason(error)}).") from error

    @staticmethod
    def _applied(planes: np.ndarray, processor: Any) -> np.ndarray:
        """[3,H,W] float32, straight; 0 where nothing is visible."""
        alpha = planes[3]
        straight = np.divide(planes[:3], alpha, out=np.zeros_like(planes[:3]), where=alpha > EMPTY_ALPHA)
        pixels = np.moveaxis(straight, 0, -1) @ COLOUR_SPACES["lin_ap0_scene"].T.astype(np.float32)
        pixels = np.ascontiguousarray(pixels, np.float32)
        processor.applyRGB(pixels)
        return np.where(alpha > EMPTY_ALPHA, np.moveaxis(pixels, -1, 0), np.float32(0))


def _reason(error: Exception) -> str:
    return (str(error) or "it gave no reason").splitlines()[0].rstrip(".")[:200]

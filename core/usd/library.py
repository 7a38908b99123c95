# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixar's USD library, imported when it is needed: Blender has it (4.5 and newer), other Pythons get it by usd-core.

A writer or reader names its prims' types as text instead of using the library's own class for each: the libraries
inside Blender 4.5 to 5.1 are older than the type of Gaussian splats, and write and read the same file.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..formats import UserError
from .crate_claims import check_crates


def usd_modules(*names: str) -> list[ModuleType]:
    """The modules of the library with these names, such as "Sdf". Raises UserError where it is not installed."""
    # A sound's start needs this version, which every library that knows splats reads; it warns where it finds that out.
    os.environ.setdefault("USD_WRITE_NEW_USDC_FILES_AS_VERSION", "0.9.0")
    os.environ.setdefault("TF_ENV_SETTING_ALERTS_ENABLED", "0")
    try:
        return [importlib.import_module(f"pxr.{name}") for name in names]
    except ImportError as error:
        raise UserError(
            f"{sys.prefix}: USD files need the Python package usd-core, which is not there ({error}); install it, or "
            "do this in Blender, which has it."
        ) from error


def new_layer(path: Path) -> Any:
    """An empty layer whose `Save` writes to `path`."""
    (sdf,) = usd_modules("Sdf")
    return sdf.Layer.CreateNew(str(path))


def open_stage(path: Path) -> Any:
    """The stage of a file with everything that it refers to on this disk. Raises UserError, or the library's error."""
    (usd,) = usd_modules("Usd")
    check_crates(path)
    return usd.Stage.Open(str(path))


@contextmanager
def usd_errors(path: Path) -> Iterator[None]:
    """What the library cannot write to the disk as a UserError that names `path`."""
    (tf,) = usd_modules("Tf")
    try:
        yield
    except tf.ErrorException as error:
        raise UserError(f"{path}: USD could not write it; free some space, or choose another place.") from error

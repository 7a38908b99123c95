# SPDX-License-Identifier: GPL-3.0-or-later
"""Which talksplat this is."""

import tomllib
from importlib import metadata
from pathlib import Path


def talksplat_version() -> str:
    """Of the package at hand: the extension's manifest, or the installed distribution."""
    manifest = Path(__file__).parents[2] / "blender_manifest.toml"
    if manifest.is_file():
        return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
    return metadata.version("talksplat")

# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of tables from the JSONs of an ablation, and from nothing else."""

from pathlib import Path


def page(folder: Path) -> str:
    raise NotImplementedError


def written_into(path: Path, section: str) -> None:
    raise NotImplementedError

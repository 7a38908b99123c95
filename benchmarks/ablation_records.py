# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of an ablation's runs, and the figures that are read from them."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Figure(NamedTuple):
    """A column of the table."""

    path: tuple[str, ...]  # to its value in a record
    digits: int
    larger_is_better: bool
    static: tuple[str, ...] = ()  # to the value of the mean condition, which never moves


def _picture_figure(split: str, name: str, digits: int) -> Figure:
    path = ("results", "pictures", split)
    return Figure((*path, f"head {name}"), digits, True, (*path, f"mean {name}"))


FIGURES = {
    "mouth PSNR": _picture_figure("unheard clips", "mouth psnr", 2),
    "mouth SSIM": _picture_figure("unheard clips", "mouth ssim", 4),
    "whole PSNR": _picture_figure("unheard clips", "whole psnr", 2),
    "whole SSIM": _picture_figure("unheard clips", "whole ssim", 4),
    "mouth ST-LPIPS": Figure(("st-lpips", "head mouth"), 4, False, ("st-lpips", "mean mouth")),
    "face ST-LPIPS": Figure(("st-lpips", "head face"), 4, False, ("st-lpips", "mean face")),
    "LMD px": Figure(("landmarks", "lmd"), 3, False, ("landmarks", "mean lmd")),
    "lip-gap r": Figure(("results", "lips", "r all moments"), 4, True),
    "camera mouth PSNR": _picture_figure("unseen camera", "mouth psnr", 2),
}


def read_records(folder: Path) -> list[dict]:
    """Every run's record, by name. Raises SystemExit for a folder without any."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    records = [record for record in records if record.get("format") == "talksplat ablation run"]
    if not records:
        raise SystemExit(
            f"{folder} has no run of an ablation; run `python -m benchmarks.ablation` with --out {folder}."
        )
    return records


def read_value(record: dict, path: tuple[str, ...]) -> float:
    """A figure of a record; nan where it was not measured."""
    value: object = record
    for key in path:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return float(value) if isinstance(value, (int, float)) else float("nan")


def by_variant(records: list[dict]) -> dict[tuple[str, str], dict[int, dict]]:
    """(fusion, density) -> seed -> record."""
    variants: dict[tuple[str, str], dict[int, dict]] = {}
    for record in records:
        variants.setdefault((record["fusion"], record["density"]), {})[record["seed"]] = record
    return dict(sorted(variants.items(), key=lambda item: (item[0][0] != "gated", item[0])))


def measured_figures(records: list[dict]) -> dict[str, Figure]:
    """The figures that some record has."""
    return {
        name: figure
        for name, figure in FIGURES.items()
        if not np.isnan([read_value(record, figure.path) for record in records]).all()
    }

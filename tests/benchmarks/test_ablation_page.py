# SPDX-License-Identifier: GPL-3.0-or-later
"""The ablation's page says what its runs say: a true difference shows, noise does not, a loss is said too."""

import json

import numpy as np
import pytest

from benchmarks.ablation_claims import differences
from benchmarks.ablation_page import page

LMD = ("landmarks", "lmd")


def record(fusion, density, seed, psnr, lmd):
    pictures = {"count": 9, "with mouth": 9, "head mouth psnr": psnr}
    return {
        "format": "talksplat ablation run",
        "footage": "someone",
        "fusion": fusion,
        "density": density,
        "seed": seed,
        "scale": {"budget": 1000, "steps": 60},
        "gaussians": {"face": 800, "mouth": 100},
        "picture_size": [8, 8],
        "pictures": 90,
        "minutes": 1.0,
        "minutes_before": 0.5,
        "date": "2026-01-01",
        "threads": 1,
        "settings": {"mouth_share": 0.2},
        "landmarks": {"detector": "eyes", "count": 9, "lmd": lmd},
        "results": {"pictures": {"unheard clips": pictures}},
    }


@pytest.fixture
def runs():
    """Fusion is worth 0.5 dB, pixel_aware costs 0.1 px against adc, and seeds differ by more than either."""
    noise = np.random.default_rng(0).normal(0, 0.01, (3, 2, 3))
    return [
        record(
            fusion,
            density,
            seed,
            30 + seed + 0.5 * (fusion == "gated") + noise[f, d, seed],
            1 + seed + 0.1 * (density == "pixel_aware") + noise[f, d, seed] / 10,
        )
        for f, fusion in enumerate(("gated", "concat", "attention"))
        for d, density in enumerate(("pixel_aware", "adc"))
        for seed in range(3)
    ]


def write_page(runs, folder):
    for k, run in enumerate(runs):
        (folder / f"{k}.json").write_text(json.dumps(run))
    return page(folder)


def test_claims_are_what_the_runs_say(runs, tmp_path):
    text = write_page(runs, tmp_path)
    verdicts = {
        tuple(cells[:2]): (cells[4], cells[5])
        for line in text.splitlines()
        if " beats " in line
        if (cells := [cell.strip() for cell in line.strip("|").split("|")])
    }
    assert verdicts["gated fusion beats concatenation", "mouth PSNR"] == ("6", "shows")
    assert verdicts["pixel-aware density beats 3DGS's", "LMD px"] == ("9", "**the other way round**")
    assert verdicts["pixel-aware density beats 3DGS's", "mouth PSNR"] == ("9", "does not show")
    assert not [claim for claim, _ in verdicts if "MCMC" in claim], "nothing is claimed of what was not run"
    assert "--full" in text
    assert "mouth at 50% of its budget" in text


def test_only_equal_runs_are_compared(runs, tmp_path):
    cross = [run for run in runs if run["fusion"] == "gated" or run["density"] == "pixel_aware"]
    alone = [run for run in cross if not (run["density"] == "adc" and run["seed"] == 1)]
    pairs = differences(alone, "density", "pixel_aware", "adc", LMD)
    assert {seed: len(d) for seed, d in pairs.items()} == {0: 1, 2: 1}
    assert "--cross" in write_page(cross, tmp_path)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is claimed to be better than what, tested seed by seed on otherwise equal runs.

Letters: d difference of two runs of one seed.
"""

import numpy as np

from benchmarks.ablation_records import Figure, read_value

# (claim, factor, better level, other level); the first two are the paper's
CLAIMS = (
    ("pixel-aware density beats 3DGS's", "density", "pixel_aware", "adc"),
    ("gated fusion beats concatenation", "fusion", "gated", "concat"),
    ("gated fusion beats attention", "fusion", "gated", "attention"),
    ("pixel-aware density beats absolute gradients", "density", "pixel_aware", "absgrad"),
    ("pixel-aware density beats MCMC", "density", "pixel_aware", "mcmc"),
    ("following the budget beats stopping at it", "density", "pixel_aware_budget", "pixel_aware"),
)
CLAIMED = ("mouth PSNR", "mouth SSIM", "mouth ST-LPIPS", "LMD px", "lip-gap r")
HEADER = [
    "Claims, tested run against otherwise equal run, and averaged over these within a seed. *shows*: every "
    "seed agrees and the mean difference is above twice its standard error; few seeds make that a low bar.",
    "",
    "| claim | figure | difference | seeds for it | pairs | |",
    "|---|---|---|---|---|---|",
]


def claim_lines(records: list[dict], figures: dict[str, Figure]) -> list[str]:
    """The table of claims, in markdown."""
    lines = list(HEADER)
    for claim, factor, better, other in CLAIMS:
        for name in CLAIMED:
            if name not in figures:
                continue
            pairs = differences(records, factor, better, other, figures[name].path)
            if pairs and not np.isnan([d for seed in pairs.values() for d in seed]).any():
                lines.append(_claim_line(claim, name, figures[name], pairs))
    return lines


def _claim_line(claim: str, name: str, figure: Figure, pairs: dict[int, list[float]]) -> str:
    d = np.array([np.mean(seed) for seed in pairs.values()])
    gain = d if figure.larger_is_better else -d
    error = float(np.std(d, ddof=1) / np.sqrt(len(d))) if len(d) > 1 else float("nan")
    deviation = f" ± {error:.{figure.digits}f}" if len(d) > 1 else ""
    return (
        f"| {claim} | {name} | {d.mean():+.{figure.digits}f}{deviation} | {(gain > 0).sum()} of {len(d)} | "
        f"{sum(map(len, pairs.values()))} | {verdict(gain, error)} |"
    )


def differences(
    records: list[dict], factor: str, better: str, other: str, path: tuple[str, ...]
) -> dict[int, list[float]]:
    """Seed -> better minus other of every pair of runs that differ in that factor alone."""
    fixed = "fusion" if factor == "density" else "density"
    values = {(run["seed"], run[fixed], run[factor]): read_value(run, path) for run in records}
    pairs: dict[int, list[float]] = {}
    for (seed, level, varied), value in sorted(values.items()):
        if varied == better and (seed, level, other) in values:
            pairs.setdefault(seed, []).append(value - values[seed, level, other])
    return pairs


def verdict(gain: np.ndarray, error: float) -> str:
    """shows: every seed agrees and the mean is above twice its standard error."""
    if len(gain) < 2:
        return "one seed says nothing"
    clear = abs(gain.mean()) > 2 * error
    if clear and (gain > 0).all():
        return "shows"
    if clear and (gain < 0).all():
        return "**the other way round**"
    return "does not show"

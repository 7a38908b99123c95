# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of tables from the JSONs of an ablation, and from nothing else: every row is a mean over seeds with its
spread, every claim is tried seed by seed, and what does not show is said not to show.

Letters: S seeds, d difference of two runs of one seed.
"""

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from talksplat.core.formats.atomic_write import atomic_write

# column -> (where it lies in a run, digits, whether larger is better)
FIGURES = {
    "mouth PSNR": (("results", "pictures", "unheard clips", "head mouth psnr"), 2, True),
    "mouth SSIM": (("results", "pictures", "unheard clips", "head mouth ssim"), 4, True),
    "whole PSNR": (("results", "pictures", "unheard clips", "head whole psnr"), 2, True),
    "whole SSIM": (("results", "pictures", "unheard clips", "head whole ssim"), 4, True),
    "mouth ST-LPIPS": (("st-lpips", "head mouth"), 4, False),
    "face ST-LPIPS": (("st-lpips", "head face"), 4, False),
    "LMD px": (("landmarks", "lmd"), 3, False),
    "lip-gap r": (("results", "lips", "r all moments"), 4, True),
    "camera mouth PSNR": (("results", "pictures", "unseen camera", "head mouth psnr"), 2, True),
}
STATIC = {
    "mouth PSNR": ("results", "pictures", "unheard clips", "mean mouth psnr"),
    "mouth SSIM": ("results", "pictures", "unheard clips", "mean mouth ssim"),
    "whole PSNR": ("results", "pictures", "unheard clips", "mean whole psnr"),
    "whole SSIM": ("results", "pictures", "unheard clips", "mean whole ssim"),
    "mouth ST-LPIPS": ("st-lpips", "mean mouth"),
    "face ST-LPIPS": ("st-lpips", "mean face"),
    "LMD px": ("landmarks", "mean lmd"),
    "camera mouth PSNR": ("results", "pictures", "unseen camera", "mean mouth psnr"),
}
# what is claimed to be better than what, at an otherwise equal run; the first two are the paper's
CLAIMS = (
    ("pixel-aware density beats 3DGS's", "density", "pixel_aware", "adc"),
    ("gated fusion beats concatenation", "fusion", "gated", "concat"),
    ("gated fusion beats attention", "fusion", "gated", "attention"),
    ("pixel-aware density beats absolute gradients", "density", "pixel_aware", "absgrad"),
    ("pixel-aware density beats MCMC", "density", "pixel_aware", "mcmc"),
    ("following the budget beats stopping at it", "density", "pixel_aware_budget", "pixel_aware"),
)
SHORT = 0.02  # of the budget: a row that ends further below it is said to fall short
LABEL = 190  # pixels left of a strip


def runs_of(folder: Path) -> list[dict]:
    """Every run's record, by seed. Raises SystemExit for a folder without any."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    runs = [run for run in runs if run.get("format") == "talksplat ablation run"]
    if not runs:
        raise SystemExit(f"{folder} holds no run of an ablation.")
    return runs


def value(run: dict, path: tuple[str, ...]) -> float:
    for step in path:
        run = run.get(step, {})
    return float(run) if isinstance(run, (int, float)) else float("nan")


def grouped(runs: list[dict]) -> dict[tuple[str, str], dict[int, dict]]:
    """(fusion, density) -> seed -> run."""
    groups: dict[tuple[str, str], dict[int, dict]] = {}
    for run in runs:
        groups.setdefault((run["fusion"], run["density"]), {})[run["seed"]] = run
    return dict(sorted(groups.items(), key=lambda item: (item[0][0] != "gated", item[0])))


def spread(values: list[float], digits: int) -> str:
    """mean ± sample standard deviation; without one of a single run."""
    if np.isnan(values).any():
        return ""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"


def page(folder: Path, picture: str = "") -> str:
    """The section on one footage, in markdown; `picture`: name of the strips' picture beside the page."""
    runs = runs_of(folder)
    groups, first = grouped(runs), runs[0]
    shown = {name: of for name, of in FIGURES.items() if not np.isnan([value(run, of[0]) for run in runs]).all()}
    lines = [
        f"## {first['footage']}: fusion x density",
        "",
        *settings_of(runs),
        "",
        "| fusion | density | seeds | " + " | ".join(shown) + " | Gaussians, face + mouth | minutes |",
        "|---|---|---|" + "---|" * (len(shown) + 2),
    ]
    for (fusion, density), of in groups.items():
        cells = [spread([value(run, path) for run in of.values()], digits) for path, digits, _ in shown.values()]
        minutes = spread([run["minutes"] for run in of.values()], 1)
        lines.append(f"| {fusion} | {density} | {len(of)} | " + " | ".join(cells) + f" | {count(of)} | {minutes} |")
    still = [
        spread([value(run, STATIC[name]) for run in runs], digits) if name in STATIC else ""
        for name, (_, digits, _) in shown.items()
    ]
    lines.append(f"| never moves: the mean condition | of all {len(runs)} heads | | " + " | ".join(still) + " | | |")
    lines += ["", *claims(runs, shown)]
    if picture:
        lines += [
            "",
            f"![mouths of unheard clips, from closed to open]({picture})",
            "",
            "Rows: the truth, then each variant (its first seed); pictures of unheard clips from closed to open.",
        ]
    return "\n".join(lines) + "\n"


def count(of: dict[int, dict]) -> str:
    """Gaussians of face and inside mouth at the end, and which of them fall short of the budget that all had."""
    first = next(iter(of.values()))
    share = first["settings"]["mouth_share"]
    told, short = [], []
    for branch, part in (("face", 1 - share), ("mouth", share)):
        mean = float(np.mean([run["gaussians"][branch] for run in of.values()]))
        told.append(f"{mean:.0f}")
        if mean < (1 - SHORT) * part * first["scale"]["budget"]:
            short.append(f"{branch} at {mean / (part * first['scale']['budget']):.0%} of its budget")
    return " + ".join(told) + (f" ({', '.join(short)})" if short else "")


def settings_of(runs: list[dict]) -> list[str]:
    """What all runs share, and the command that makes them."""
    first, scale = runs[0], runs[0]["scale"]
    pictures = first["results"]["pictures"]["unheard clips"]
    flags = " ".join(f"--{name} {of}" for name, of in scale.items())
    hours = sum(run["minutes"] for run in runs) / 60
    levels = [{run[factor] for run in runs} for factor in ("fusion", "density")]
    which = "--full" if len(grouped(runs)) == len(levels[0]) * len(levels[1]) else "--cross"
    before = {(run["fusion"], run["seed"]): run["minutes_before"] for run in runs if run["minutes_before"] > 0.01}
    lines = [
        f"    python -m benchmarks.ablation FOOTAGE --out FOLDER {which} --seeds "
        f"{','.join(str(seed) for seed in sorted({run['seed'] for run in runs}))} {flags}",
        "",
        f"{len(runs)} runs on {first['pictures']} pictures of {'x'.join(map(str, first['picture_size']))}, "
        f"{scale['steps']} picture steps and a budget of {scale['budget']} Gaussians each, half of them at the start; "
        f"{hours:.1f} hours of training and {sum(before.values()) / 60:.1f} before pictures, on "
        f"{first['threads']} CPU thread(s) beside other work, so minutes compare badly. Dates: "
        f"{', '.join(sorted({run['date'] for run in runs}))}. Measured on {pictures['count']} pictures of unheard "
        f"clips ({pictures['with mouth']} show the mouth)",
    ]
    seen = [run["landmarks"] for run in runs if run.get("landmarks", {}).get("count")]
    lines[-1] += f", LMD by {seen[0]['detector']} on {seen[0]['count']} of them" if seen else ""
    lines[-1] += f", ST-LPIPS on {first['st-lpips']['count']}." if "st-lpips" in first else "."
    lines += [
        "",
        "± is the sample standard deviation over seeds. adc and absgrad run as this program has them: under "
        "the same smooth ceiling of the budget, without 3DGS's opacity reset. Runs of one seed see the same "
        "pictures in the same order, and runs of one seed and fusion share ears and landmark motion.",
    ]
    return lines


def claims(runs: list[dict], shown: dict) -> list[str]:
    """Each claim tried seed by seed: mean difference, its standard error, and in plain words what it says."""
    lines = [
        "Claims, tried run against otherwise equal run, and averaged over these within a seed. *shows*: every "
        "seed agrees and the mean difference is above twice its standard error; few seeds make that a low bar.",
        "",
        "| claim | figure | difference | seeds for it | pairs | |",
        "|---|---|---|---|---|---|",
    ]
    for sentence, factor, better, other in CLAIMS:
        for name in ("mouth PSNR", "mouth SSIM", "mouth ST-LPIPS", "LMD px", "lip-gap r"):
            if name not in shown:
                continue
            path, digits, larger = shown[name]
            pairs = differences(runs, factor, better, other, path)
            if not pairs or np.isnan([one for of in pairs.values() for one in of]).any():
                continue
            d = np.array([np.mean(of) for of in pairs.values()])
            gain = d if larger else -d
            error = np.std(d, ddof=1) / np.sqrt(len(d)) if len(d) > 1 else float("nan")
            told = f" ± {error:.{digits}f}" if len(d) > 1 else ""
            lines.append(
                f"| {sentence} | {name} | {d.mean():+.{digits}f}{told} | {(gain > 0).sum()} of {len(d)} | "
                f"{sum(map(len, pairs.values()))} | {verdict(gain, error)} |"
            )
    return lines


def differences(runs: list[dict], factor: str, better: str, other: str, path: tuple[str, ...]) -> dict[int, list]:
    """Seed -> better minus other of every pair of runs that differ in that factor alone."""
    beside = "fusion" if factor == "density" else "density"
    place = {(run["seed"], run[beside], run[factor]): value(run, path) for run in runs}
    found: dict[int, list[float]] = {}
    for (seed, level, at), own in sorted(place.items()):
        if at == better and (seed, level, other) in place:
            found.setdefault(seed, []).append(own - place[seed, level, other])
    return found


def verdict(gain: np.ndarray, error: float) -> str:
    """shows: every seed agrees and the mean is above twice its standard error."""
    if len(gain) < 2:
        return "one seed says nothing"
    sure = abs(gain.mean()) > 2 * error
    if sure and (gain > 0).all():
        return "shows"
    if sure and (gain < 0).all():
        return "**the other way round**"
    return "does not show"


def strips(folder: Path, path: Path) -> bool:
    """The mouths of the truth and of each variant's first seed, one under the other, named; False without any."""
    truth, rows = folder / "heads" / "truth.png", []
    if not truth.is_file():
        return False
    rows.append(("truth", truth))
    for (fusion, density), of in grouped(runs_of(folder)).items():
        own = folder / "heads" / f"{fusion}-{density}-s{min(of)}.png"
        if own.is_file():
            rows.append((f"{fusion}, {density}", own))
    pictures = [Image.open(own).convert("RGB") for _, own in rows]
    sheet = Image.new("RGB", (LABEL + pictures[0].width, sum(p.height for p in pictures)), (30, 30, 30))
    pen, top = ImageDraw.Draw(sheet), 0
    for (name, _), picture in zip(rows, pictures):
        sheet.paste(picture, (LABEL, top))
        pen.text((8, top + picture.height // 2 - 6), name, fill=(230, 230, 230))
        top += picture.height
    with atomic_write(path) as beside:
        sheet.save(beside)
    return True


def written_into(path: Path, folder: Path) -> None:
    """Write the section on this footage anew, at its place in the page or at its end."""
    name = runs_of(folder)[0]["footage"]
    picture = path.with_name("ablation_" + re.sub(r"\W+", "_", name).lower() + ".png")
    section = page(folder, picture.name if strips(folder, picture) else "")
    start, end = f"<!-- ablation of {name} -->\n", f"<!-- end of {name} -->\n"
    old = path.read_text(encoding="utf-8") if path.is_file() else "# What was measured\n"
    if start in old and end in old:
        before, rest = old.split(start, 1)
        new = before + start + section + end + rest.split(end, 1)[1]
    else:
        new = old.rstrip("\n") + "\n\n" + start + section + end
    with atomic_write(path) as beside:
        beside.write_text(new, encoding="utf-8")

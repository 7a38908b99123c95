# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of tables from the JSONs of an ablation, and from nothing else: every row is a mean over seeds with its
deviation, every claim is tested seed by seed, and what does not show is said not to show.
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.ablation_claims import claim_lines
from benchmarks.ablation_records import Figure, by_variant, measured_figures, read_records, read_value
from talksplat.core.formats import atomic_write

SHORT = 0.02  # of the budget: a row that ends further below it is said to fall short
LABEL = 190  # pixels left of a strip
NOTE = (
    "± is the sample standard deviation over seeds. adc and absgrad run as this program has them: under "
    "the same smooth ceiling of the budget, without 3DGS's opacity reset. Runs of one seed see the same "
    "pictures in the same order, and runs of one seed and fusion share audio nets and landmark motion."
)


def page(folder: Path, picture: str = "") -> str:
    """The section on one footage, in markdown; `picture`: name of the strips' picture next to the page."""
    records = read_records(folder)
    figures = measured_figures(records)
    lines = [
        f"## {records[0]['footage']}: fusion x density",
        "",
        *settings_lines(records),
        "",
        *table_lines(records, figures),
        "",
        *claim_lines(records, figures),
    ]
    if picture:
        lines += [
            "",
            f"![mouths of unheard clips, from closed to open]({picture})",
            "",
            "Rows: the truth, then each variant (its first seed); pictures of unheard clips from closed to open.",
        ]
    return "\n".join(lines) + "\n"


def settings_lines(records: list[dict]) -> list[str]:
    """What all runs share, and the command that makes them."""
    first, scale = records[0], records[0]["scale"]
    flags = " ".join(f"--{name} {value}" for name, value in scale.items())
    levels = [{run[factor] for run in records} for factor in ("fusion", "density")]
    pairs = "--full" if len(by_variant(records)) == len(levels[0]) * len(levels[1]) else "--cross"
    seeds = ",".join(str(seed) for seed in sorted({run["seed"] for run in records}))
    hours = sum(run["minutes"] for run in records) / 60
    before = {(run["fusion"], run["seed"]): run["minutes_before"] for run in records if run["minutes_before"] > 0.01}
    return [
        f"    python -m benchmarks.ablation FOOTAGE --out FOLDER {pairs} --seeds {seeds} {flags}",
        "",
        f"{len(records)} runs on {first['pictures']} pictures of {'x'.join(map(str, first['picture_size']))}, "
        f"{scale['steps']} picture steps and a budget of {scale['budget']} Gaussians each, half of them at the start; "
        f"{hours:.1f} hours of training and {sum(before.values()) / 60:.1f} before pictures, on "
        f"{first['threads']} CPU thread(s) next to other work, so minutes compare badly. Dates: "
        f"{', '.join(sorted({run['date'] for run in records}))}. {measured_sentence(records)}",
        "",
        NOTE,
    ]


def measured_sentence(records: list[dict]) -> str:
    """How many pictures each figure is a mean over."""
    pictures = records[0]["results"]["pictures"]["unheard clips"]
    text = f"Measured on {pictures['count']} pictures of unheard clips ({pictures['with mouth']} show the mouth)"
    landmarks = [run["landmarks"] for run in records if run.get("landmarks", {}).get("count")]
    if landmarks:
        text += f", LMD by {landmarks[0]['detector']} on {landmarks[0]['count']} of them"
    if "st-lpips" in records[0]:
        text += f", ST-LPIPS on {records[0]['st-lpips']['count']}"
    return text + "."


def table_lines(records: list[dict], figures: dict[str, Figure]) -> list[str]:
    """A row per variant, and one of all heads in the mean condition."""
    lines = [
        "| fusion | density | seeds | " + " | ".join(figures) + " | Gaussians, face + mouth | minutes |",
        "|---|---|---|" + "---|" * (len(figures) + 2),
    ]
    for (fusion, density), runs in by_variant(records).items():
        cells = [mean_cell([read_value(run, f.path) for run in runs.values()], f.digits) for f in figures.values()]
        cells += [gaussians_cell(list(runs.values())), mean_cell([run["minutes"] for run in runs.values()], 1)]
        lines.append(f"| {fusion} | {density} | {len(runs)} | " + " | ".join(cells) + " |")
    static = [mean_cell([read_value(run, f.static) for run in records], f.digits) for f in figures.values()]
    lines.append(
        f"| never moves: the mean condition | of all {len(records)} heads | | " + " | ".join(static) + " | | |"
    )
    return lines


def mean_cell(values: list[float], digits: int) -> str:
    """mean ± sample standard deviation, the latter of several runs only; "" where one was not measured."""
    if np.isnan(values).any():
        return ""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"


def gaussians_cell(runs: list[dict]) -> str:
    """Gaussians of face and inside mouth at the end, and which of them fall short of the budget that all had."""
    share = runs[0]["settings"]["mouth_share"]
    means, short = [], []
    for branch, part in (("face", 1 - share), ("mouth", share)):
        mean, budget = float(np.mean([run["gaussians"][branch] for run in runs])), part * runs[0]["scale"]["budget"]
        means.append(f"{mean:.0f}")
        if mean < (1 - SHORT) * budget:
            short.append(f"{branch} at {mean / budget:.0%} of its budget")
    return " + ".join(means) + (f" ({', '.join(short)})" if short else "")


def write_strips(folder: Path, path: Path) -> bool:
    """The mouths of the truth and of each variant's first seed, one below the other, named; False without any."""
    strips = {"truth": folder / "heads" / "truth.png"}
    if not strips["truth"].is_file():
        return False
    for (fusion, density), runs in by_variant(read_records(folder)).items():
        strips[f"{fusion}, {density}"] = folder / "heads" / f"{fusion}-{density}-s{min(runs)}.png"
    pictures = {name: Image.open(strip).convert("RGB") for name, strip in strips.items() if strip.is_file()}
    size = LABEL + pictures["truth"].width, sum(picture.height for picture in pictures.values())
    sheet = Image.new("RGB", size, (30, 30, 30))
    pen, top = ImageDraw.Draw(sheet), 0
    for name, picture in pictures.items():
        sheet.paste(picture, (LABEL, top))
        pen.text((8, top + picture.height // 2 - 6), name, fill=(230, 230, 230))
        top += picture.height
    with atomic_write(path) as temporary:
        sheet.save(temporary)
    return True


def write_section(path: Path, folder: Path) -> None:
    """Write the section on this footage anew, at its place in the page or at its end."""
    name = read_records(folder)[0]["footage"]
    picture = path.with_name("ablation_" + re.sub(r"\W+", "_", name).lower() + ".png")
    section = page(folder, picture.name if write_strips(folder, picture) else "")
    start, end = f"<!-- ablation of {name} -->\n", f"<!-- end of {name} -->\n"
    old = path.read_text(encoding="utf-8") if path.is_file() else "# What was measured\n"
    if start in old and end in old:
        before, rest = old.split(start, 1)
        new = before + start + section + end + rest.split(end, 1)[1]
    else:
        new = old.rstrip("\n") + "\n\n" + start + section + end
    with atomic_write(path) as temporary:
        temporary.write_text(new, encoding="utf-8")

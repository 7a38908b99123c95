# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html in the work folder: what was trained, how it went, how good it is, on one page."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from ..evaluation import evaluation_tables
from ..formats import HeadCard
from ..jobs import Train
from ..reports import definition_list, html_figure, html_table, line_plot, side_by_side, write_page
from .overrides import setting_names
from .run_log import LOG, Line, read_losses
from .training_settings import PRESETS, TrainingSettings

PAGE = "report.html"
SHOWN = 4  # previews on the page
HELD_BACK = (
    "The head on what it was not trained on, beside a static one: the best that does not move. Higher PSNR "
    "(dB) and SSIM are nearer to the truth; with an r of 1 the mouth opens just when it should."
)


def write_report(work: Path, job: Train, settings: TrainingSettings, card: HeadCard) -> Path:
    """The page of a finished run."""
    lines, told = read_losses(work / LOG), card.training
    heard = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told["heard"].items())
    facts = {
        "Head": job.out,
        "Footage": f"{told['footage']}: {told['pictures']} pictures of {told['picture_size'][0]}x"
        f"{told['picture_size'][1]} and {told['train_clips']} clips to learn from",
        "Licence": card.licence,
        "Preset": f"{job.preset}, seed {settings.seed}",
        "Took": f"{told['minutes'] / 60:.2f} hours ({told['minutes']:.1f} minutes), all runs together",
        "Gaussians": ", ".join(f"{count} {branch}" for branch, count in told["gaussians"].items()),
        "Before pictures": heard,
        "Command": command(job, settings),
    }
    write_page(
        work / PAGE,
        card.name,
        f"{card.name}: how it was trained",
        [
            definition_list(facts),
            "<h2>Curves</h2>",
            side_by_side(
                [
                    curve("PSNR of train views, smoothed, dB", lines, [line.psnr for line in lines], from_zero=False),
                    curve("Loss", lines, [line.loss for line in lines]),
                    curve("Gaussians", lines, [line.face + line.mouth for line in lines]),
                ]
            ),
            "<h2>On the way</h2><p>Truth, render, and both mouths enlarged; train pictures.</p>",
            side_by_side(_previews(work / "preview"), 560),
            f"<h2>On what was held back</h2><p>{HELD_BACK}</p>",
            _tables(evaluation_tables(told.get("results", {}))),
            "<h2>Every setting</h2>",
            _settings(job, settings),
        ],
    )
    return work / PAGE


def command(job: Train, settings: TrainingSettings) -> str:
    """What trains this head again; names of settings that differ from the preset's stand behind --set."""
    preset = PRESETS[job.preset] if job.preset in PRESETS else TrainingSettings()
    changed = [
        f"{name}={_at(settings, name)}"
        for name in setting_names(settings)
        if name != "seed" and _at(settings, name) != _at(preset, name)
    ]
    words = ["talksplat train", job.footage, "--out", job.out, "--preset", job.preset, "--seed", str(settings.seed)]
    return " ".join(words + (["--set", *changed] if changed else []))


def curve(title: str, lines: Sequence[Line], values: Sequence[float], from_zero: bool = True) -> str:
    """One line over the steps, stages marked."""
    if len(lines) < 2:
        return ""
    begins = {lines[0].t: lines[0].stage}
    begins |= {line.t: line.stage for before, line in pairwise(lines) if before.stage != line.stage}
    return line_plot(title, "step", [line.t for line in lines], {title: values}, from_zero, begins)


def _previews(folder: Path) -> Iterable[str]:
    files = sorted(folder.glob("*.png"))
    chosen = files[-1:] if len(files) < 2 else [files[k * (len(files) - 1) // (SHOWN - 1)] for k in range(SHOWN)]
    for file in dict.fromkeys(chosen):
        yield html_figure(file.read_bytes(), "png", f"step {int(file.stem)}")


def _tables(markdown: str) -> str:
    """The tables of a markdown text; other lines become paragraphs."""
    out, rows = [], []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([escape(cell.strip()) for cell in line.strip().strip("|").split("|")])
            continue
        if rows:
            head, *body = [row for row in rows if not set("".join(row)) <= set("-: ")]
            out.append(html_table(head, body))
            rows = []
        if line.strip():
            out.append(f"<p>{escape(line)}</p>")
    return "".join(out) or "<p>Nothing was held back.</p>"


def _settings(job: Train, settings: TrainingSettings) -> str:
    lines = [f"{name}={_at(settings, name)}" for name in setting_names(settings)]
    return f"<details><summary>{len(lines)} settings</summary><pre>{escape(chr(10).join(lines))}</pre></details>"


def _at(settings: TrainingSettings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value

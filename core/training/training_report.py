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
from .run_log import LOSSES, LossLine, read_losses
from .training_settings import PRESETS, TrainingSettings

PAGE = "report.html"
PREVIEWS = 4  # on the page
HELD_BACK = (
    "The head on what it was not trained on, next to a static one: the best that does not move. Higher PSNR "
    "(dB) and SSIM are nearer to the target; with an r of 1 the mouth opens just when it should."
)


def write_report(work: Path, job: Train, settings: TrainingSettings, card: HeadCard) -> Path:
    """The page of a finished run, in its work folder; returns its path."""
    lines = read_losses(work / LOSSES)
    curves = [
        loss_curve("PSNR of train views, smoothed, dB", lines, [line.psnr for line in lines], from_zero=False),
        loss_curve("Loss", lines, [line.loss for line in lines]),
        loss_curve("Gaussians", lines, [line.face + line.mouth for line in lines]),
    ]
    parts = [
        definition_list(_facts(job, settings, card)),
        "<h2>Curves</h2>",
        side_by_side(curves),
        "<h2>Previews</h2><p>Target, render, and both mouths enlarged; train pictures.</p>",
        side_by_side(_previews(work / "preview"), 560),
        f"<h2>On what was held back</h2><p>{HELD_BACK}</p>",
        _markdown_to_html(evaluation_tables(card.training.get("results", {}))),
        "<h2>Every setting</h2>",
        _settings_list(settings),
    ]
    write_page(work / PAGE, card.name, f"{card.name}: how it was trained", parts)
    return work / PAGE


def _facts(job: Train, settings: TrainingSettings, card: HeadCard) -> dict[str, str]:
    training = card.training
    width, height = training["picture_size"]
    fits = (f"{name.replace('_', ' ')} {value}" for name, value in training["before_pictures"].items())
    return {
        "Head": job.out,
        "Footage": f"{training['footage']}: {training['pictures']} pictures of {width}x{height} and "
        f"{training['train_clips']} clips to learn from",
        "Licence": card.licence,
        "Preset": f"{job.preset}, seed {settings.seed}",
        "Took": f"{training['minutes'] / 60:.2f} hours ({training['minutes']:.1f} minutes), all sessions together",
        "Gaussians": ", ".join(f"{count} {branch}" for branch, count in training["gaussians"].items()),
        "Before pictures": ", ".join(fits) + " (each r is of sound that was held back from the audio net)"
        if "audio_net_mean_r" in training["before_pictures"]
        else ", ".join(fits),
        "Command": command(job, settings),
    }


def command(job: Train, settings: TrainingSettings) -> str:
    """What trains this head again: settings that differ from the preset's are after --set."""
    preset = PRESETS[job.preset] if job.preset in PRESETS else TrainingSettings()
    changed = [
        f"{name}={_value(settings, name)}"
        for name in setting_names(settings)
        if name != "seed" and _value(settings, name) != _value(preset, name)
    ]
    words = ["talksplat train", job.footage, "--out", job.out, "--preset", job.preset, "--seed", str(settings.seed)]
    return " ".join(words + (["--set", *changed] if changed else []))


def loss_curve(title: str, lines: Sequence[LossLine], values: Sequence[float], from_zero: bool = True) -> str:
    """One line over the steps, as SVG, with marks where stages begin; "" for fewer than two points."""
    if len(lines) < 2:
        return ""
    stages = {float(lines[0].t): lines[0].stage}
    stages |= {float(line.t): line.stage for before, line in pairwise(lines) if before.stage != line.stage}
    return line_plot(title, "step", [line.t for line in lines], {title: values}, from_zero, stages)


def _previews(folder: Path) -> Iterable[str]:
    """The last previews' figures, or some evenly chosen ones where there are many."""
    files = sorted(file for file in folder.glob("*.png") if file.stem.isdecimal())  # other pictures are not ours
    shown = files[-1:] if len(files) < 2 else [files[k * (len(files) - 1) // (PREVIEWS - 1)] for k in range(PREVIEWS)]
    for file in dict.fromkeys(shown):
        yield html_figure(file.read_bytes(), "png", f"step {int(file.stem)}")


def _markdown_to_html(markdown: str) -> str:
    """The tables of a markdown text; other lines become paragraphs."""
    parts, rows = [], []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([escape(cell.strip()) for cell in line.strip().strip("|").split("|")])
            continue
        if rows:
            head, *body = [row for row in rows if not set("".join(row)) <= set("-: ")]
            parts.append(html_table(head, body))
            rows = []
        if line.strip():
            parts.append(f"<p>{escape(line)}</p>")
    return "".join(parts) or "<p>Nothing was held back.</p>"


def _settings_list(settings: TrainingSettings) -> str:
    lines = [f"{name}={_value(settings, name)}" for name in setting_names(settings)]
    return f"<details><summary>{len(lines)} settings</summary><pre>{escape(chr(10).join(lines))}</pre></details>"


def _value(settings: TrainingSettings, name: str) -> object:
    """The value of a setting by its dotted name."""
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value

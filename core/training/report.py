# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html in the work folder: what was trained, how it went, how good it is, on one page that needs nothing else.

Letters: x the step, y a value of the curve there.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from ..formats.atomic import written_beside
from ..formats.head import HeadCard
from ..jobs.messages import Train
from .chosen import names_of
from .evaluation import table
from .journal import LOG, Line, read
from .settings import PRESETS, Settings

PAGE = "report.html"
SHOWN = 4  # previews on the page
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 200, 52, 22, 24  # pixels of a curve
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fafafa;max-width:980px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;font-size:13px;margin:.6em 0}
td,th{padding:2px 9px;text-align:right;border-bottom:1px solid #e3e3e3}td:first-child,th:first-child{text-align:left}
pre{background:#f0f0f0;padding:.6em;white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px}
.row{display:flex;flex-wrap:wrap;gap:14px}svg{width:460px;background:#fff;border:1px solid #e3e3e3;font:11px sans-serif}
img{max-width:100%}figure{margin:0}figcaption{font-size:12px;color:#555}
dl{display:grid;grid-template-columns:max-content auto;gap:2px 1.2em}dt{color:#555}dd{margin:0}
"""


def write_report(work: Path, job: Train, settings: Settings, card: HeadCard) -> Path:
    """The page of a finished run."""
    lines, told = read(work / LOG), card.training
    heard = ", ".join(f"{name} {value}" for name, value in told["heard"].items())
    facts = {
        "Head": job.out, "Footage": f"{told['footage']}: {told['pictures']} pictures of {told['picture_size'][0]}x"
        f"{told['picture_size'][1]} and {told['train_clips']} clips to learn from", "Licence": card.licence,
        "Preset": f"{job.preset}, seed {settings.seed}", "Took": f"{told['minutes'] / 60:.2f} hours "
        f"({told['minutes']:.1f} minutes), all runs together",
        "Gaussians": ", ".join(f"{count} {branch}" for branch, count in told["gaussians"].items()),
        "Before pictures": heard, "Command": command(job, settings)}
    body = [f"<h1>{escape(card.name)}: how it was trained</h1>", _facts(facts), "<h2>Curves</h2><div class=row>",
            curve("PSNR of train views, smoothed, dB", lines, [line.psnr for line in lines]),
            curve("loss", lines, [line.loss for line in lines]),
            curve("Gaussians", lines, [line.face + line.mouth for line in lines]), "</div>",
            "<h2>On the way</h2><p>Truth, render, and both mouths enlarged; train pictures.</p>",
            *_previews(work / "preview"), "<h2>On what was held back</h2>", _tables(table(told.get("results", {}))),
            "<h2>Every setting</h2>", _settings(job, settings)]
    page = (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(card.name)}</title>'
            f"<style>{STYLE}</style><body>{''.join(body)}</body></html>\n")
    with written_beside(work / PAGE) as beside:
        beside.write_text(page, encoding="utf-8")
    return work / PAGE


def command(job: Train, settings: Settings) -> str:
    """What trains this head again; names of settings that differ from the preset's stand behind --set."""
    preset = PRESETS[job.preset] if job.preset in PRESETS else Settings()
    changed = [f"{name}={_at(settings, name)}" for name in names_of(settings)
               if name != "seed" and _at(settings, name) != _at(preset, name)]
    words = ["talksplat train", job.footage, "--out", job.out, "--preset", job.preset, "--seed", str(settings.seed)]
    return " ".join(words + (["--set", *changed] if changed else []))


def curve(title: str, lines: Sequence[Line], values: Sequence[float]) -> str:
    """One line over the steps as SVG, stages marked."""
    if len(lines) < 2:
        return ""
    steps = [line.t for line in lines]
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def at(step: float, value: float) -> str:
        x = LEFT + (step - steps[0]) / (steps[-1] - steps[0]) * (WIDTH - LEFT - 8)
        return f"{x:.1f},{HEIGHT - BOTTOM - (value - low) / span * (HEIGHT - TOP - BOTTOM):.1f}"

    parts = [f'<text x="{LEFT}" y="15" font-weight="600">{escape(title)}</text>']
    for before, line in pairwise(lines):
        if before.stage != line.stage:
            x = at(line.t, low).split(",")[0]
            parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ccc"/>'
                         f'<text x="{float(x) + 3:.1f}" y="{HEIGHT - BOTTOM - 4}" fill="#888">{line.stage}</text>')
    for value in (low, (low + high) / 2, high):
        y = at(steps[0], value).split(",")[1]
        parts.append(f'<text x="{LEFT - 4}" y="{float(y) + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for step in (steps[0], steps[-1]):
        x = float(at(step, low).split(",")[0])
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="{"start" if step == steps[0] else "end"}">'
                     f"{step}</text>")
    points = " ".join(at(step, value) for step, value in zip(steps, values))
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}'
            f'<polyline points="{points}" fill="none" stroke="#3b6ea5" stroke-width="1.3"/></svg>')


def _facts(facts: dict[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()) + "</dl>"


def _previews(folder: Path) -> Iterable[str]:
    files = sorted(folder.glob("*.png"))
    chosen = files[-1:] if len(files) < 2 else [files[k * (len(files) - 1) // (SHOWN - 1)] for k in range(SHOWN)]
    for file in dict.fromkeys(chosen):
        data = base64.b64encode(file.read_bytes()).decode()
        yield (f'<figure><img alt="step {int(file.stem)}" src="data:image/png;base64,{data}">'
               f"<figcaption>step {int(file.stem)}</figcaption></figure>")


def _tables(markdown: str) -> str:
    """The tables of a markdown text; other lines become paragraphs."""
    out, rows = [], []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
            continue
        if rows:
            out.append(_table(rows))
            rows = []
        if line.strip():
            out.append(f"<p>{escape(line)}</p>")
    return "".join(out) or "<p>Nothing was held back.</p>"


def _table(rows: list[list[str]]) -> str:
    body = [row for row in rows[1:] if not set("".join(row)) <= set("-: ")]
    made = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in rows[0])}</tr>"]
    made += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in body]
    return f"<table>{''.join(made)}</table>"


def _settings(job: Train, settings: Settings) -> str:
    lines = [f"{name}={_at(settings, name)}" for name in names_of(settings)]
    return f"<details><summary>{len(lines)} settings</summary><pre>{escape(chr(10).join(lines))}</pre></details>"


def _at(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value

# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html: what was tracked, what was left out and why, on one page that needs nothing from elsewhere.

No times and no paths of this machine stand in it: the same videos give the same page.
"""

import base64
import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats.atomic import written_beside
from ..metrics.lip_offset import pooled
from .measures import Row, summary
from .person import Facts
from .plots import cloud, curves, histogram
from .settings import CLIPPED, Settings

SHEET, WORST = 24, 6  # clips on the contact sheet: evenly chosen, and those that are fitted worst
QUALITY = 85  # of a JPEG
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fafafa;max-width:1340px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;font-size:13px}
td,th{padding:2px 9px;text-align:right;border-bottom:1px solid #e3e3e3}td:first-child,th:first-child{text-align:left}
th{position:sticky;top:0;background:#fafafa}.why{text-align:left}.bad{color:#b3261e;font-weight:600}
.row{display:flex;flex-wrap:wrap;gap:14px}svg{width:420px;background:#fff;border:1px solid #e3e3e3;font:11px sans-serif}
.g{stroke:#eee}.m{text-anchor:middle}.e{text-anchor:end}.t{font-weight:600}
figure{margin:0}figcaption{font-size:12px;color:#555}
dl{display:grid;grid-template-columns:max-content auto;gap:2px 1.2em}
dt{color:#555}dd{margin:0}
"""
HEAD = ("clip", "split", "frames", "pictures", "off px", "off % of face", "tremble px", "yaw °", "pitch °", "roll °",
        "gap mm 95 %", "sound dB", "peak dB", "clipped %", "drift", "left", "lips late, frames")


def write_report(path: Path, name: str, rows: Sequence[Row], dropped: Mapping[str, str], warnings: Sequence[str],
                 facts: Facts, shown: Callable[[str], np.ndarray], settings: Settings) -> None:
    """shown: the thumbnail [h,w,3] uint8 of a clip."""
    whole = summary(rows)
    body = [f"<h1>{escape(name)}: what was prepared</h1>", _facts(rows, dropped, facts, settings, whole),
            _listed("Worth knowing", warnings), _left_out(dropped), _sheet(rows, shown), _plots(rows),
            _table(rows)]
    page = (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>'
            f"<style>{STYLE}</style><body>{''.join(body)}</body></html>\n")
    with written_beside(path) as beside:
        beside.write_text(page, encoding="utf-8")


def _facts(rows: Sequence[Row], dropped: Mapping[str, str], facts: Facts, settings: Settings, whole: dict) -> str:
    side, crop = facts.side, facts.crop
    minutes, seconds = divmod(round(whole["seconds"]), 60)
    sync = "not measured (clips too short)" if whole["lips_r"] is None else (
        f"lips {whole['lips_late_frames'] or 0:+.2f} frames against the voice's loudness (r = {whole['lips_r']:.2f}); "
        "lips open a little before and close after the sound, so one or two frames are natural")
    words = {
        "Clips": f"{len(rows)} kept ({sum(row.test for row in rows)} held back for tests), {len(dropped)} left out",
        "Length": f"{minutes} min {seconds} s at {settings.rate} frames a second",
        "Pictures": f"{sum(row.pictures for row in rows)} of {side}x{side} pixels, cut from {crop[2]}x{crop[2]} at "
                    f"({crop[0]}, {crop[1]}) of the video",
        "Camera": f"focal length {facts.K[0, 0]:.0f} pixels of the video"
                  + ("" if settings.focal else " (assumed: it cannot be told from a talking head)"),
        "Tracking": f"{whole['off_px']:.2f} px between seen and fitted points in the median, "
                    f"{whole['off_percent_of_face']:.2f} % of the face's width; landmarks tremble "
                    f"{whole['tremble_px']:.2f} px",
        "Backdrop": f"{facts.backdrop.why}; drift {whole['backdrop_drift']:.1f} grey levels a clip in the median, "
                    f"{whole['backdrop_left']:.2f} after evening" if facts.backdrop.plain else
                    f"{facts.backdrop.why}: cut out by a person mask instead of a colour key",
        "Sound and lips": sync,
        "Below the chin": "fades out" if settings.torso == "fade" else "kept",
    }
    return f"<dl>{''.join(f'<dt>{escape(a)}</dt><dd>{escape(b)}</dd>' for a, b in words.items())}</dl>"


def _listed(title: str, sentences: Sequence[str]) -> str:
    few = [sentence for sentence in sentences if not sentence.endswith("is left out.")]
    return f"<h2>{title}</h2><ul>{''.join(f'<li>{escape(s)}</li>' for s in few)}</ul>" if few else ""


def _left_out(dropped: Mapping[str, str]) -> str:
    if not dropped:
        return ""
    rows = "".join(f'<tr><td>{escape(name)}</td><td class="why">{escape(_without_folder(why))}</td></tr>'
                   for name, why in dropped.items())
    return f"<h2>Left out, and why</h2><table>{rows}</table>"


def _without_folder(why: str) -> str:
    """A sentence that begins with a path, with the file's name alone; spaces in the path do not matter."""
    return re.sub(r"^.*[/\\](?=[^/\\]+\.\w+[: ])", "", why)


def _sheet(rows: Sequence[Row], shown: Callable[[str], np.ndarray]) -> str:
    even = set(np.unique(np.linspace(0, len(rows) - 1, min(SHEET, len(rows))).astype(int)).tolist())
    worst = set(np.argsort([-row.off_share for row in rows])[:WORST].tolist()) if len(rows) > SHEET else set()
    chosen = [(k, rows[k]) for k in sorted(even | worst)]
    pictures = "".join(
        f'<figure><img src="data:image/jpeg;base64,{_jpeg(shown(row.name))}" alt=""><figcaption>'
        f'{escape(row.name)}{", fitted worst" if k in worst else ""}: {100 * row.off_share:.1f} % off, '
        f"{row.pictures} pictures</figcaption></figure>" for k, row in chosen)
    return ("<h2>Pictures</h2><p>Filmed, with the fitted landmarks; cut out, over grey; labels: head, inside of the "
            f'mouth.</p><div class="row">{pictures}</div>')


def _jpeg(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY)
    return base64.b64encode(stream.getvalue()).decode()


def _plots(rows: Sequence[Row]) -> str:
    turns = np.concatenate([row.turns for row in rows])
    gaps = {split: np.concatenate([np.zeros(0), *(row.gap for row in rows if row.test == test)])
            for split, test in (("train", False), ("test", True))}
    loud = np.array([row.voice.loudness for row in rows])
    plots = [
        histogram("How far the mouth opens", "millimetres between the inner lips", gaps),
        cloud("Where the head looks", "yaw across, pitch up the side, degrees", turns[:, 0], turns[:, 1]),
        histogram("Tracking", "pixels between seen and fitted points, a frame",
                  {"frames": np.concatenate([row.residual for row in rows])}),
        histogram("Sound", "loudness of a clip, dB of full scale", {"clips": loud}),
    ]
    if len(rows) > 1:
        plots.append(curves("Backdrop's drift", "clip; grey levels up the side", range(len(rows)), {
            "before": [row.painted.drift for row in rows], "after": [row.painted.left for row in rows]}))
    known = [row.sync for row in rows if row.sync is not None]
    if known:
        sync = pooled(known)
        plots.append(curves("Lips against the voice's loudness", "frames that the lips are moved; r up the side",
                            sync.shifts.tolist(), {"r": sync.curve.tolist()}))
    return f'<h2>Plots</h2><div class="row">{"".join(plots)}</div>'


def _table(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        turn = [f"{low:.0f} … {high:.0f}" for low, high in zip(row.turns.min(axis=0), row.turns.max(axis=0))]
        clipped = f"{100 * row.voice.clipped:.2f}"
        late = "" if row.sync is None or row.sync.fine is None else f"{row.sync.fine:+.1f} (r {row.sync.r:.2f})"
        if row.voice.clipped > CLIPPED:
            clipped = f'<span class="bad">{clipped}</span>'
        cells = [row.name, "test" if row.test else "train", row.frames, row.pictures, f"{row.off:.2f}",
                 f"{100 * row.off_share:.2f}", f"{row.tremble:.2f}", *turn, f"{np.percentile(row.gap, 95):.1f}",
                 f"{row.voice.loudness:.1f}", f"{row.voice.peak:.1f}", clipped, f"{row.painted.drift:.1f}",
                 f"{row.painted.left:.2f}", late]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(word)}</th>" for word in HEAD)
    return f"<h2>Clips</h2><table><tr>{head}</tr>{''.join(lines)}</table>"

# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html: what was tracked, what was left out and why, on one page that needs nothing from elsewhere.

No times and no paths of this machine stand in it: the same videos give the same page.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from ..metrics import pool_offsets
from ..reports import (
    definition_list,
    format_number,
    histogram,
    html_figure,
    html_table,
    line_plot,
    scatter_plot,
    side_by_side,
    write_page,
)
from .clip_rows import ClipRow, summary
from .identity import PersonIdentity
from .prepare_settings import CLIPPED, TELLING, PrepareSettings

SHEET, WORST = 24, 6  # clips on the contact sheet: evenly chosen, and those that are fitted worst
QUALITY = 85  # of a JPEG
HEAD = (
    "clip",
    "split",
    "frames",
    "pictures",
    "off px",
    "off %",
    "tremble px",
    "yaw °",
    "pitch °",
    "roll °",
    "gap mm",
    "sound dB",
    "peak dB",
    "clipped %",
    "drift",
    "left",
    "lips late",
)
NOTE = (
    "Off: distance between seen and fitted landmarks, in the median; % of the face's width. Tremble: what moves to "
    "and fro from frame to frame. Yaw, pitch, roll: + is to the right of the picture, up, tilted to the right. "
    "Gap: between the inner lips; 95 % of the frames are below it. Drift: grey levels that the backdrop is away "
    "from the common one; left: what remains of it. Lips late: frames against the voice's loudness, with their r; "
    f"only of clips of {TELLING:.0f} s or more, a sentence alone tells nothing."
)


def write_report(
    path: Path,
    name: str,
    rows: Sequence[ClipRow],
    dropped: Mapping[str, str],
    warnings: Sequence[str],
    facts: PersonIdentity,
    shown: Callable[[str], np.ndarray],
    settings: PrepareSettings,
) -> None:
    """shown: the thumbnail [h,w,3] uint8 of a clip."""
    write_page(
        path,
        name,
        f"{name}: what was prepared",
        [
            definition_list(_words(rows, dropped, facts, settings)),
            _sentences("Worth knowing", warnings),
            _left_out(dropped),
            _sheet(rows, shown),
            _plots(rows),
            _clips(rows),
        ],
    )


def _words(
    rows: Sequence[ClipRow], dropped: Mapping[str, str], facts: PersonIdentity, settings: PrepareSettings
) -> dict[str, str]:
    whole, side, crop = summary(rows), facts.side, facts.crop
    minutes, seconds = divmod(round(whole["seconds"]), 60)
    sync = (
        "not measured (clips too short)"
        if whole["lips_r"] is None
        else (
            f"lips {format_number(whole['lips_late_frames'] or 0, '+z.2f')} frames against the voice's loudness (r = "
            f"{whole['lips_r']:.2f}); lips open a little before and close after the sound: one or two frames are natural"
        )
    )
    return {
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
        f"{whole['backdrop_left']:.2f} after evening"
        if facts.backdrop.plain
        else f"{facts.backdrop.why}: cut out by a person mask instead of a colour key",
        "Sound and lips": sync,
        "Below the chin": "fades out" if settings.torso == "fade" else "kept",
    }


def _sentences(title: str, sentences: Sequence[str]) -> str:
    few = [sentence for sentence in sentences if not sentence.endswith("is left out.")]
    items = "".join(f"<li>{escape(_without_folder(sentence))}</li>" for sentence in few)
    return f"<h2>{title}</h2><ul>{items}</ul>" if few else ""


def _left_out(dropped: Mapping[str, str]) -> str:
    if not dropped:
        return ""
    rows = [(escape(name), f'<div class="why">{escape(_without_folder(why))}</div>') for name, why in dropped.items()]
    return "<h2>Left out</h2>" + html_table(("clip", '<div class="why">why</div>'), rows)


def _without_folder(why: str) -> str:
    """A sentence that begins with a path, with the last name alone; spaces in the path do not matter."""
    return re.sub(r"^.*[/\\](?=[^/\\]+(\.\w+ |: ))", "", why)


def _sheet(rows: Sequence[ClipRow], shown: Callable[[str], np.ndarray]) -> str:
    even = set(np.unique(np.linspace(0, len(rows) - 1, min(SHEET, len(rows))).astype(int)).tolist())
    worst = set(np.argsort([-row.off_share for row in rows])[:WORST].tolist()) if len(rows) > SHEET else set()
    chosen = [(k, rows[k]) for k in sorted(even | worst)]
    figures = [
        html_figure(
            _jpeg(shown(clip.name)),
            "jpeg",
            f"{clip.name}{', fitted worst' if k in worst else ''}: "
            f"{100 * clip.off_share:.1f} % off, {clip.pictures} pictures",
        )
        for k, clip in chosen
    ]
    return (
        "<h2>Pictures</h2><p>Filmed, with the fitted landmarks; cut out, over grey; labels: head, inside of the "
        f"mouth. The moment of each clip with the mouth widest open.</p>{side_by_side(figures)}"
    )


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def _plots(rows: Sequence[ClipRow]) -> str:
    turns = np.concatenate([row.turns for row in rows])
    gaps = {
        split: np.concatenate([np.zeros(0), *(row.gap for row in rows if row.test == test)])
        for split, test in (("train", False), ("test", True))
    }
    loud = np.array([row.voice.loudness for row in rows])
    plots = [
        histogram("How far the mouth opens", "millimetres between the inner lips", gaps),
        scatter_plot(
            "Where the head looks",
            "degrees to the right of the picture; upwards up the side",
            turns[:, 0],
            -turns[:, 1],
        ),
        histogram(
            "Tracking",
            "pixels between seen and fitted points, a frame",
            {"frames": np.concatenate([row.residual for row in rows])},
        ),
        histogram("Sound", "loudness of a clip, dB of full scale", {"clips": loud}),
    ]
    if len(rows) > 1 and any(clip.painted.drift for clip in rows):
        plots.append(
            line_plot(
                "Backdrop's drift",
                "clip; grey levels up the side",
                range(len(rows)),
                {"before": [row.painted.drift for row in rows], "after": [row.painted.left for row in rows]},
            )
        )
    known = [row.sync for row in rows if row.sync is not None]
    if known:
        sync = pool_offsets(known)
        plots.append(
            line_plot(
                "Lips against the voice's loudness",
                "frames that the lips are moved; r up the side",
                sync.shifts.tolist(),
                {"r": sync.curve.tolist()},
            )
        )
    return f"<h2>Plots</h2>{side_by_side(plots)}"


def _clips(rows: Sequence[ClipRow]) -> str:
    head = [escape(word) for word in HEAD]
    return f'<h2>Clips</h2><p class="note">{escape(NOTE)}</p>{html_table(head, map(_cells, rows))}'


def _cells(clip: ClipRow) -> list[str]:
    turns = clip.turns * (1, -1, 1)
    turn = [
        f"{format_number(a, 'z.0f')} … {format_number(b, 'z.0f')}" for a, b in zip(turns.min(axis=0), turns.max(axis=0))
    ]
    sync = clip.sync
    told = clip.seconds >= TELLING and sync is not None and sync.fine is not None
    late = "" if not told else f"{format_number(sync.fine, '+z.1f')} (r {format_number(sync.r, 'z.2f')})"
    clipped = f"{100 * clip.voice.clipped:.2f}"
    if clip.voice.clipped > CLIPPED:
        clipped = f'<span class="bad">{clipped}</span>'
    frames = f'{clip.frames}, <span class="bad">{clip.damaged} damaged</span>' if clip.damaged else str(clip.frames)
    return [
        escape(clip.name),
        "test" if clip.test else "train",
        frames,
        str(clip.pictures),
        f"{clip.off:.2f}",
        f"{100 * clip.off_share:.2f}",
        f"{clip.tremble:.2f}",
        *turn,
        f"{np.percentile(clip.gap, 95):.1f}",
        format_number(clip.voice.loudness, "z.1f"),
        format_number(clip.voice.peak, "z.1f"),
        clipped,
        f"{clip.painted.drift:.1f}",
        f"{clip.painted.left:.2f}",
        late,
    ]

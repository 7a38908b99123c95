# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html: what was tracked, what was left out and why, on one self-contained page.

It holds no times and no paths of this machine: the same videos give the same page.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from ..matting import MAX_LEAK, Backdrop
from ..metrics import LipOffset, pool_offsets
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
from .alpha_method import KEY
from .backdrop_leak import methods_used
from .clip_rows import ClipRow, summarize
from .prepare_settings import MAX_CLIPPED_SHARE, PrepareSettings
from .prepared_clips import PreparedClips

SHEET_CLIPS, WORST_CLIPS = 24, 6  # on the contact sheet: evenly chosen, and those with the worst fits
JPEG_QUALITY = 85
HEADINGS = (
    "clip",
    "split",
    "frames",
    "pictures",
    "error px",
    "error %",
    "jitter px",
    "yaw °",
    "pitch °",
    "roll °",
    "lip gap mm",
    "sound dB",
    "peak dB",
    "clipped %",
    "drift",
    "drift left",
    "leak %",
    "speech %",
    "lips late",
)
NOTE = (
    "Error: the median distance between detected and fitted landmarks, in pixels and in % of the face's width. Jitter: "
    "how much the landmarks shake from frame to frame. Yaw, pitch, roll: + means to the right of the picture, up, "
    "tilted to the right. Lip gap: the distance between the inner lips that 95 % of the frames stay below. Drift: how "
    "many grey levels the clip's backdrop is away from the common one, and how many are left after the colour match. "
    "Leak: the share of the kept pixels that a person mask says are not the person. "
    "Speech: the share of the sound in which somebody seems to talk. Lips late: by how many frames the lips come after "
    "the voice's loudness, with the correlation r; only for clips whose sentences agree, because a single one says too "
    "little."
)


def write_report(
    path: Path,
    name: str,
    rows: Sequence[ClipRow],
    prepared: PreparedClips,
    warnings: Sequence[str],  # sentences
    settings: PrepareSettings,
) -> None:
    """Write the page. name: the footage's; rows: one for each clip."""
    parts = [
        definition_list(_overview(rows, prepared, settings)),
        _warning_list(warnings),
        _dropped_table(prepared.dropped),
        _contact_sheet(rows, prepared.thumbnail_of),
        f"<h2>Plots</h2>{side_by_side(_plots(rows))}",
        _clip_table(rows),
    ]
    write_page(path, name, f"{name}: preparation report", parts)


def _overview(rows: Sequence[ClipRow], prepared: PreparedClips, settings: PrepareSettings) -> dict[str, str]:
    figures, identity = summarize(rows), prepared.identity
    minutes, seconds = divmod(round(figures["seconds"]), 60)
    crop, size = identity.crop, f"{identity.crop.side}x{identity.crop.side} pixels"
    focal_note = "" if settings.focal else " (assumed: a talking head does not reveal it)"
    return {
        "Clips": f"{len(rows)} kept ({len(prepared.test_clips)} held back for tests), {len(prepared.dropped)} left out",
        "Length": f"{minutes} min {seconds} s at {settings.rate} frames a second",
        "Pictures": f"{prepared.picture_count} of {size}, cropped from {crop.video_side}x{crop.video_side} at "
        f"({crop.left}, {crop.top}) of the video",
        "Camera": f"focal length {identity.K[0, 0]:.0f} pixels of the video{focal_note}",
        "Tracking": f"{figures['off_px']:.2f} px between detected and fitted points in the median, "
        f"{figures['off_percent_of_face']:.2f} % of the face's width; the landmarks' jitter is "
        f"{figures['tremble_px']:.2f} px",
        "Backdrop": _backdrop_text(figures, identity.backdrop, methods_used(prepared.extracted)),
        "Sound and lips": _sync_text(figures),
        "Below the chin": "fades out" if settings.torso == "fade" else "kept",
    }


def _backdrop_text(figures: dict, backdrop: Backdrop, methods: Mapping[str, int]) -> str:
    leak = f"the person mask denies {figures['leak_percent']:.2f} % of what is kept (leak)"
    if not backdrop.plain:
        return f"{backdrop.why}: cut out by a person mask instead of a colour key; {leak}"
    drift = (
        f"a clip's median drift is {figures['backdrop_drift']:.1f} grey levels, "
        f"{figures['backdrop_left']:.2f} after the colour match"
    )
    if set(methods) <= {KEY}:
        return f"{backdrop.why}; {leak}; {drift}"
    counts = ", ".join(f"{method} ({count} clip{'s' * (count > 1)})" for method, count in methods.items())
    return f"plain round the head but not everywhere, so clips are cut out by {counts}; {leak}; {drift}"


def _sync_text(figures: dict) -> str:
    speech = f"{figures['speech_percent']:.0f} % of the sound is speech; "
    if figures["lips_follow_sound"] is False:
        return f"{speech}the lips do not move with it"
    if figures["lips_late_frames"] is None:
        return f"{speech}whether the lips are late: too short to tell"
    late = format_number(figures["lips_late_frames"], "+z.2f")
    return (
        f"{speech}the lips come {late} frames after the voice's loudness (r = {figures['lips_r']:.2f}); lips open a "
        "little before the sound and close after it: one or two frames are natural"
    )


def _warning_list(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(_without_folder(sentence))}</li>" for sentence in warnings)
    return f"<h2>Worth knowing</h2><ul>{items}</ul>" if items else ""


def _dropped_table(dropped: Mapping[str, str]) -> str:
    if not dropped:
        return ""
    rows = [(escape(name), f'<div class="why">{escape(_without_folder(why))}</div>') for name, why in dropped.items()]
    return "<h2>Left out</h2>" + html_table(("clip", '<div class="why">why</div>'), rows)


def _without_folder(sentence: str) -> str:
    """A sentence that begins with a path, with the file's name alone; paths may contain spaces."""
    return re.sub(r"^.*[/\\](?=[^/\\]+(\.\w+ |: ))", "", sentence)


def _contact_sheet(rows: Sequence[ClipRow], thumbnail_of: Callable[[str], np.ndarray]) -> str:
    shown = set(np.unique(np.linspace(0, len(rows) - 1, min(SHEET_CLIPS, len(rows))).astype(int)).tolist())
    by_error = np.argsort([-row.error_share for row in rows])
    worst = set(by_error[:WORST_CLIPS].tolist()) if len(rows) > SHEET_CLIPS else set()
    figures = []
    for k in sorted(shown | worst):
        row, worst_note = rows[k], ", among the worst fits" if k in worst else ""
        caption = f"{row.name}{worst_note}: {100 * row.error_share:.1f} % error, {row.picture_count} pictures"
        figures.append(html_figure(_jpeg(thumbnail_of(row.name)), "jpeg", caption))
    return (
        "<h2>Pictures</h2><p>As filmed, with the fitted landmarks; cut out, over grey; labels: head, inside of the "
        f"mouth. Each clip is shown where its mouth is open widest.</p>{side_by_side(figures)}"
    )


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _plots(rows: Sequence[ClipRow]) -> list[str]:
    gaps = {
        split: np.concatenate([np.zeros(0), *(row.lip_gap for row in rows if row.split == split)])
        for split in ("train", "test")
    }
    angles = np.concatenate([row.angles for row in rows])
    residual = np.concatenate([row.residual for row in rows])
    loudness = np.array([row.voice.loudness for row in rows])
    return [
        histogram("How far the mouth opens", "millimetres between the inner lips", gaps),
        scatter_plot(
            "Where the head looks", "degrees to the right of the picture; vertical: up", angles[:, 0], -angles[:, 1]
        ),
        histogram("Tracking", "pixels between detected and fitted points in a frame", {"frames": residual}),
        histogram("Sound", "loudness of a clip, dB of full scale", {"clips": loudness}),
        *_drift_plots(rows),
        *_sync_plots(rows),
    ]


def _drift_plots(rows: Sequence[ClipRow]) -> list[str]:
    """Empty for a single clip, and where no backdrop was matched."""
    drift: dict[str, Sequence[float]] = {
        "before": [row.extracted.drift for row in rows],
        "after": [row.extracted.residual_drift for row in rows],
    }
    if len(rows) == 1 or not any(drift["before"]):
        return []
    return [line_plot("Backdrop drift", "clip; vertical: grey levels", range(len(rows)), drift)]


def _sync_plots(rows: Sequence[ClipRow]) -> list[str]:
    """Empty where every clip is too short."""
    measured = [stretch for row in rows for stretch in row.sync]
    if not measured:
        return []
    sync = pool_offsets(measured)
    axis = "frames by which the lips are shifted; vertical: r"
    return [line_plot("Lips against the voice's loudness", axis, sync.shifts.tolist(), {"r": sync.curve.tolist()})]


def _clip_table(rows: Sequence[ClipRow]) -> str:
    headings = [escape(word) for word in HEADINGS]
    return f'<h2>Clips</h2><p class="note">{escape(NOTE)}</p>{html_table(headings, map(_cells, rows))}'


def _cells(row: ClipRow) -> list[str]:
    """HTML, one for each of HEADINGS."""
    angles = row.angles * (1, -1, 1)  # pitch: up +
    clipped, leak = f"{100 * row.voice.clipped:.2f}", f"{100 * row.extracted.leak:.2f}"
    damaged = f', <span class="bad">{row.damaged_count} damaged</span>' if row.damaged_count else ""
    return [
        escape(row.name),
        row.split,
        f"{row.frame_count}{damaged}",
        str(row.picture_count),
        f"{row.error:.2f}",
        f"{100 * row.error_share:.2f}",
        f"{row.jitter:.2f}",
        *(
            f"{format_number(low, 'z.0f')} … {format_number(high, 'z.0f')}"
            for low, high in zip(angles.min(axis=0), angles.max(axis=0))
        ),
        f"{np.percentile(row.lip_gap, 95):.1f}",
        format_number(row.voice.loudness, "z.1f"),
        format_number(row.voice.peak, "z.1f"),
        f'<span class="bad">{clipped}</span>' if row.voice.clipped > MAX_CLIPPED_SHARE else clipped,
        f"{row.extracted.drift:.1f}",
        f"{row.extracted.residual_drift:.2f}",
        f'<span class="bad">{leak}</span>' if row.extracted.leak > MAX_LEAK else leak,
        f"{100 * row.speech:.0f}",
        _sync_cell(row.certain_sync),
    ]


def _sync_cell(sync: LipOffset | None) -> str:
    if sync is None or sync.fine is None:
        return ""
    return f"{format_number(sync.fine, '+z.1f')} (r {format_number(sync.r, 'z.2f')})"

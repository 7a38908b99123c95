# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `write`: files of earlier runs are deleted, the table and the report are written, the card comes last."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..footage import SPLIT_CODES, write_footage_card, write_frame_table
from ..formats import from_json, is_nonempty_file, to_json
from ..jobs import Prepare
from ..tracking import EXPRESSION_CHANNELS
from .alpha_method import BOTH, KEY, MASK
from .backdrop_leak import methods_used
from .clip_rows import make_row, summarize
from .prepare_report import write_report
from .prepare_settings import VERSION, PrepareSettings
from .prepared_clips import PreparedClips
from .sound_faults import sound_warnings
from .source_videos import SourceVideo
from .stage_cache import Key, StageCache, fingerprint
from .work_folder import FOOTAGE_FOLDERS

# Where 0.1.0 kept the result of a finished preparation: with other names it would be prepared again.
STAGE, NAME = "whole", "footage"
RESULT_SHAPES = {"words": ("L",), "files": ("N",)}
PROVENANCE = (
    "prepared by talksplat from {count} video{s}: landmarks and blendshapes by MediaPipe Face Landmarker "
    "(Apache-2.0), pose and expression by ICT-FaceKit (MIT), alpha by {how}"
)
HOW = {
    KEY: "colour key over a plain backdrop",
    BOTH: "colour key inside the mask of MediaPipe Selfie Segmentation",
    MASK: "MediaPipe Selfie Segmentation",
}


def finished_key(job: Prepare, settings: PrepareSettings, sources: Sequence[SourceVideo]) -> Key:
    """The fingerprint of a finished preparation; 0.1.0 made the same."""
    videos = [[source.name, source.size, source.modified] for source in sources]
    return fingerprint(VERSION, videos, settings, job.name, job.licence)


def load_result(cache: StageCache, out: Path, key: Key) -> dict | None:
    """The result of a finished preparation; None where it was another, or a file of the footage is missing."""
    arrays = cache.get(STAGE, NAME, key, RESULT_SHAPES)
    if arrays is None:
        return None
    files = arrays["files"].tobytes().decode().splitlines()
    if not all(is_nonempty_file(out / name) for name in files):
        return None
    return from_json(arrays["words"].tobytes(), str(cache.path(STAGE, NAME))) | _result_paths(out)


def write_footage(
    job: Prepare, settings: PrepareSettings, prepared: PreparedClips, out: Path, cache: StageCache, key: Key
) -> tuple[dict, list[str]]:
    """Table, report, card; returns the job's result, and a sentence for each fault of the sound."""
    _delete_leftovers(out, prepared)
    _write_table(out, prepared)
    rows = [make_row(clip, prepared, out / "audio" / f"{clip.name}.wav") for clip in prepared.clips]
    figures = summarize(rows)
    of_sound = list(sound_warnings(out, figures, settings.rate))
    name = job.name or out.resolve().name
    write_report(out / "report.html", name, rows, prepared, [*prepared.warnings, *of_sound], settings)
    _write_card(out, name, job.licence, prepared, settings)
    result = {
        **_result_paths(out),
        "clips": len(prepared.clips),
        "left_out": len(prepared.dropped),
        "test_clips": len(prepared.test_clips),
        "pictures": prepared.picture_count,
        **figures,
    }
    texts = {"words": to_json(result), "files": "\n".join(path.as_posix() for path in prepared.files)}
    cache.put(STAGE, NAME, key, {array: np.frombuffer(text.encode(), np.uint8) for array, text in texts.items()})
    return result, of_sound


def _result_paths(out: Path) -> dict[str, str]:
    return {"footage": str(out), "report": str(out / "report.html")}


def _write_card(out: Path, name: str, licence: str, prepared: PreparedClips, settings: PrepareSettings) -> None:
    count = len({clip.path for clip in prepared.clips})
    how = ", ".join(HOW[method] for method in methods_used(prepared.extracted)) or HOW[MASK]
    side = prepared.identity.crop.side
    write_footage_card(
        out,
        name,
        settings.rate,
        (side, side),
        EXPRESSION_CHANNELS,
        [(clip.name, prepared.split_of(clip.name)) for clip in prepared.clips],
        licence or "not stated; ask whoever made the videos",
        PROVENANCE.format(count=count, s="s" * (count != 1), how=how),
    )


def _write_table(out: Path, prepared: PreparedClips) -> None:
    """Write frames.npz."""
    tables = []
    for number, clip in enumerate(prepared.clips):
        fit, split = prepared.fit_of(clip.name), prepared.split_of(clip.name)
        frames = np.array(prepared.selections[clip.name].frames, np.int64)
        tables.append(
            {
                "clip": np.full(len(frames), number),
                "time": frames / float(clip.rate),
                "split": np.full(len(frames), SPLIT_CODES[split]),
                "viewmat": fit.viewmat[frames],
                "landmarks2d": prepared.identity.crop.to_crop_pixels(fit.landmarks2d[frames]),
                "expression": fit.channels[frames],
            }
        )
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    write_frame_table(out, K=np.tile(prepared.identity.camera, (len(columns["clip"]), 1, 1)), **columns)


def _delete_leftovers(out: Path, prepared: PreparedClips) -> None:
    """Delete, in our own folders, pictures and sounds of other footage, and halves that a kill has left."""
    wanted = {path.as_posix() for path in prepared.files}
    for folder, suffix in FOOTAGE_FOLDERS.items():
        for path in (out / folder).glob(f"*.{suffix}"):
            if path.relative_to(out).as_posix() not in wanted:
                path.unlink()
    for folder in (out, *(out / folder for folder in FOOTAGE_FOLDERS), out / "work", *(out / "work").iterdir()):
        if folder.is_dir():
            for path in folder.glob(".*"):
                if path.is_file() and re.fullmatch(r"\.[^.].*\.(png|wav|npz|json|html)", path.name):
                    path.unlink()

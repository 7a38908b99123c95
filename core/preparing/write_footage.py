# SPDX-License-Identifier: GPL-3.0-or-later
"""The end: what lies about from earlier runs goes, the table and the report are written, the card comes last.

Letters: F pictures.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..footage import SPLIT_CODES, picture_paths, write_footage_card, write_frame_table
from ..formats import from_json, is_nonempty_file, to_json
from ..jobs import Prepare
from ..tracking import EXPRESSION_CHANNELS
from .clip_rows import ClipRow, lateness, row_of, summary
from .clips import SourceClip
from .extract import ExtractedClip, FrameSelection
from .fit_clips import Fit
from .identity import PersonIdentity
from .prepare_report import write_report
from .prepare_settings import PrepareSettings
from .probe import ClipVoice
from .stage_cache import Key, StageCache

STAGE, NAME = "whole", "footage"
PARTS = {"image": "png", "label": "png", "depth": "png", "audio": "wav", "tracks": "npz"}
PROVENANCE = (
    "prepared by talksplat from {count} video{s}: landmarks and blendshapes by MediaPipe Face Landmarker "
    "(Apache-2.0), pose and expression by ICT-FaceKit (MIT), alpha by {how}"
)


@dataclass(frozen=True)
class PreparedClips:
    """Everything that is known at the end."""

    clips: Sequence[SourceClip]
    track: Callable[[str], Fit]  # of a clip
    picked: Mapping[str, FrameSelection]
    painted: Mapping[str, ExtractedClip]
    shown: Callable[[str], np.ndarray]  # thumbnail [h,w,3] of a clip
    voices: Mapping[str, ClipVoice]
    damaged: Mapping[str, int]  # frames of a clip
    dropped: Mapping[str, str]  # clip or video -> why
    warnings: Sequence[str]
    test: set[str]  # names of clips
    facts: PersonIdentity


def result_of(store: StageCache, out: Path, key: Key) -> dict | None:
    """What an earlier run with the same words ended in, if all files of its footage still stand."""
    found = store.get(STAGE, NAME, key, {"words": ("L",), "files": ("N",)})
    if found is None or not all(
        is_nonempty_file(out / name) for name in found["files"].tobytes().decode().splitlines()
    ):
        return None
    return from_json(found["words"].tobytes(), store.path(STAGE, NAME)) | _places(out)


def _places(out: Path) -> dict[str, str]:
    return {"footage": str(out), "report": str(out / "report.html")}


def _files(whole: PreparedClips) -> Iterator[Path]:
    """Of the footage, within its folder."""
    yield from map(Path, ("footage.json", "frames.npz", "report.html"))
    for name, picked in whole.picked.items():
        yield from (Path("audio", f"{name}.wav"), Path("tracks", f"{name}.npz"))
        for number, deep in picked.files:
            yield from (path for kind, path in picture_paths(Path(), number).items() if deep or kind != "depth")


def write(
    job: Prepare, settings: PrepareSettings, whole: PreparedClips, out: Path, store: StageCache, key: Key
) -> tuple[dict, str]:
    """Table, report, card; returns what the deed answers, and a sentence where the lips seem late (else empty)."""
    _tidy(out, whole)
    name = job.name or out.resolve().name
    rows = _table(out, whole)
    overall = summary(rows)
    late = lateness(overall, settings.rate)
    warnings = [*whole.warnings, *([f"{out}: {late}"] if late else [])]
    write_report(out / "report.html", name, rows, whole.dropped, warnings, whole.facts, whole.shown, settings)
    videos = len({clip.path for clip in whole.clips})
    how = "colour key over a plain backdrop" if whole.facts.backdrop.plain else "MediaPipe Selfie Segmentation"
    write_footage_card(
        out,
        name,
        settings.rate,
        (whole.facts.side, whole.facts.side),
        EXPRESSION_CHANNELS,
        [(clip.name, "test" if clip.name in whole.test else "train") for clip in whole.clips],
        job.licence or "not stated; ask whoever made the videos",
        PROVENANCE.format(count=videos, s="s" * (videos != 1), how=how),
    )
    result = {
        **_places(out),
        "clips": len(whole.clips),
        "left_out": len(whole.dropped),
        "test_clips": len(whole.test),
        "pictures": sum(len(picked.frames) for picked in whole.picked.values()),
        **overall,
    }
    store.put(
        STAGE,
        NAME,
        key,
        {
            "words": np.frombuffer(to_json(result).encode(), np.uint8),
            "files": np.frombuffer("\n".join(map(Path.as_posix, _files(whole))).encode(), np.uint8),
        },
    )
    return result, warnings[-1] if late else ""


def _table(out: Path, whole: PreparedClips) -> list[ClipRow]:
    """Write frames.npz; returns what the report says of each clip."""
    columns: dict[str, list] = {name: [] for name in ("clip", "time", "split", "viewmat", "landmarks2d", "expression")}
    rows = []
    for number, clip in enumerate(whole.clips):
        fit, frames = whole.track(clip.name), np.array(whole.picked[clip.name].frames, np.int64)
        test = clip.name in whole.test
        rows.append(
            row_of(
                clip,
                test,
                fit,
                whole.painted[clip.name],
                whole.voices[clip.name],
                len(frames),
                whole.damaged[clip.name],
                out / "audio" / f"{clip.name}.wav",
            )
        )
        split = SPLIT_CODES["test" if test else "train"]
        columns["clip"].append(np.full(len(frames), number))
        columns["time"].append(frames / float(clip.rate))
        columns["split"].append(np.full(len(frames), split))
        columns["viewmat"].append(fit.viewmat[frames])
        columns["landmarks2d"].append(whole.facts.placed(fit.landmarks2d[frames]))
        columns["expression"].append(fit.channels[frames])
    joined = {name: np.concatenate(values) for name, values in columns.items()}
    write_frame_table(out, K=np.tile(whole.facts.camera, (len(joined["clip"]), 1, 1)), **joined)
    return rows


def _tidy(out: Path, whole: PreparedClips) -> None:
    """Delete, in our own folders, pictures and sounds that are not this footage's, and halves that a kill has left."""
    pictures = sum(len(picked.frames) for picked in whole.picked.values())
    numbered = {f"{i:06d}" for i in range(pictures)}
    named = {clip.name for clip in whole.clips}
    for part, suffix in PARTS.items():
        wanted = numbered if suffix == "png" else named
        for path in (out / part).glob(f"*.{suffix}"):
            if path.stem not in wanted:
                path.unlink()
    for folder in (out, *(out / part for part in PARTS), out / "work", *(out / "work").iterdir()):
        if folder.is_dir():
            for path in folder.glob(".*"):
                if path.is_file() and re.fullmatch(r"\.[^.].*\.(png|wav|npz|json|html)", path.name):
                    path.unlink()

# SPDX-License-Identifier: GPL-3.0-or-later
"""What one of our files holds, as (name, value) pairs for `talksplat info`. The content decides, not the name."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import (
    AXES_COMMENT,
    BAKE_MAGIC,
    COLOUR_COMMENT,
    HEAD_FORMAT,
    BakeReader,
    UserError,
    from_json,
    open_untrusted,
    read_head,
    read_metadata,
    read_ply,
    read_ply_header,
    read_tensors,
)
from ..performance import PERFORMANCE_FORMAT, read_performance

CHECKPOINT_FORMAT = "talksplat.checkpoint"  # core/head/checkpoint.py, which stands above this floor
FOOTAGE_CARD = "footage.json"
MOST_JSON = 16 << 20  # bytes
LONGEST = 400  # characters a value
Pairs = list[tuple[str, str]]


def describe(path: Path | str) -> Pairs:
    """A .head, .bake, .performance or .ply file or a footage folder, read wholly and checked.

    Names are single words, values one line of text. Raises UserError for a damaged file and for one
    that is not ours.
    """
    path = Path(path)
    if path.is_dir() or path.name == FOOTAGE_CARD:
        return _tidied(_footage(path))
    with open_untrusted(path) as (file, size):
        start = file.read(9)
    if start.startswith(BAKE_MAGIC):
        found = _bake(path)
    elif start.startswith((b"ply\n", b"ply\r")):
        found = _ply(path)
    elif start[8:] == b"{":
        found = _tensors(path)
    else:
        raise _stranger(path)
    return _tidied([*found, ("bytes", size)])


def _head(path: Path) -> Iterable[tuple[str, Any]]:
    head = read_head(path)
    card = head.card
    yield from [("kind", "head"), ("name", card.name), ("version", card.version)]
    for branch in card.branches:
        yield f"{branch}_gaussians", len(head.gaussians(branch))
    yield "sh_degree", head.gaussians("face").sh_degree
    yield "model_rate", card.model_rate
    yield "audio_encoder", card.audio_encoder
    yield "audio_code", ", ".join(f"{branch} {width}" for branch, width in card.audio_code.items())
    yield "expression", ", ".join(card.expression) or "none"
    yield "fusion", card.fusion
    yield "camera", f"{card.camera.width}x{card.camera.height} {card.camera.kind}" if card.camera else "none"
    yield from [
        ("colour_space", card.colour_space),
        ("licence", card.licence or "not stated"),
        ("provenance", card.provenance or "not stated"),
        ("hash", card.content_hash),
    ]


def _bake(path: Path) -> Iterable[tuple[str, Any]]:
    with BakeReader.open(path) as bake:
        bake.verify()
        card = bake.card
        yield from [
            ("kind", "bake"),
            ("name", card.name),
            ("version", card.version),
            ("frames", len(bake.frames)),
            ("complete", "yes" if bake.complete else f"no, {card.frame_count - len(bake.frames)} frames lack"),
            ("frame_start", card.frame_start),
            ("frame_count", card.frame_count),
            ("fps", card.fps),
            ("seconds", f"{float(card.frame_count / card.fps):.3f}"),
            ("gaussians", len(bake.canonical)),
            ("sh_degree", card.sh_degree),
            ("head", card.head),
            ("head_hash", card.head_hash),
            ("audio", card.audio),
            ("audio_hash", card.audio_hash),
            ("offset", f"{card.offset:g}"),
            ("colour_space", card.colour_space),
            ("shot", card.shot),
        ]
        if bake.manifest:
            error = bake.manifest.error
            yield from [
                ("position_error", f"{error.position:.3g} m"),
                ("quaternion_error", f"{error.quaternion:.3g}"),
                ("log_scale_error", f"{error.log_scale:.3g}"),
            ]


def _ply(path: Path) -> Iterable[tuple[str, Any]]:
    header, gaussians = read_ply_header(path), read_ply(path)
    yield from [
        ("kind", "ply"),
        ("gaussians", len(gaussians)),
        ("sh_degree", gaussians.sh_degree),
        ("axes", header.comment(AXES_COMMENT) or "not stated, taken as rdf"),
        ("colour_space", header.comment(COLOUR_COMMENT) or "not stated"),
    ]
    if len(gaussians):
        size = np.ptp(gaussians.means, axis=0)
        yield "extent", " x ".join(f"{side:.4g}" for side in size)


def _tensors(path: Path) -> Iterable[tuple[str, Any]]:
    metadata = read_metadata(path)
    form = metadata.get("format")
    if form == HEAD_FORMAT:
        return _head(path)
    if form == PERFORMANCE_FORMAT:
        return _performance(path)
    if form == CHECKPOINT_FORMAT:
        arrays, _ = read_tensors(path)
        return [
            ("kind", "checkpoint"),
            ("version", metadata.get("version", "")),
            ("arrays", len(arrays)),
            ("notes", metadata.get("notes", "")),
        ]
    raise _stranger(path)


def _performance(path: Path) -> Iterable[tuple[str, Any]]:
    performance = read_performance(path)
    yield from [
        ("kind", "performance"),
        ("audio", performance.audio_name),
        ("audio_hash", performance.audio_hash),
        ("head_hash", performance.head_hash),
        ("seconds", f"{performance.duration:.3f}"),
        ("samples", len(performance.loudness)),
        ("rate", performance.rate),
        ("start", f"{float(performance.start):g}"),
        ("audio_code", ", ".join(f"{name} {codes.shape[1]}" for name, codes in performance.audio.items())),
        ("expression", ", ".join(performance.expression_names) or "none"),
    ]


def _footage(path: Path) -> Iterable[tuple[str, Any]]:
    card = path / FOOTAGE_CARD if path.is_dir() else path
    if not card.is_file():
        raise UserError(f"{path}: is a folder without {FOOTAGE_CARD}; name a footage folder or one of our files.")
    with open_untrusted(card) as (file, size):
        if size > MOST_JSON:
            raise UserError(f"{card}: is {size} bytes long; a footage card is smaller, prepare the footage again.")
        value = from_json(file.read(size), str(card))
    if not isinstance(value, dict):
        raise UserError(f"{card}: is not a footage card; prepare the footage again.")
    pairs = [("kind", "footage")]
    for name, item in value.items():
        pairs.append((name, len(item) if isinstance(item, list | dict) else item))
    return pairs


def _tidied(pairs: Iterable[tuple[str, Any]]) -> Pairs:
    def text(value: Any) -> str:
        line = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value)
        line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
        return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."

    return [("_".join(text(name).replace(":", " ").split()), text(value)) for name, value in pairs]


def _stranger(path: Path) -> UserError:
    return UserError(
        f"{path}: is none of our files; name a .head, .performance, .bake or Gaussian .ply file or a footage folder."
    )

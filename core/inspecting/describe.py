# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file holds, as (name, value) pairs for `talksplat info`. Its content decides the kind, not its name."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..formats import (
    AXES_COMMENT,
    BAKE_MAGIC,
    BLEND_COMMENT,
    COLOUR_COMMENT,
    HEAD_FORMAT,
    BakeReader,
    HeadFile,
    UserError,
    from_json,
    open_untrusted,
    read_head,
    read_metadata,
    read_ply,
    read_ply_header,
    read_tensors,
    rig_of,
    translate_read_errors,
)
from ..performance import PERFORMANCE_FORMAT, read_performance

# As core/head and core/footage define them; importing those would load torch and Pillow.
CHECKPOINT_FORMAT = "talksplat.checkpoint"
FOOTAGE_CARD = "footage.json"
MAX_JSON = 16 << 20  # bytes
MAX_VALUE_LENGTH = 400  # characters
Facts = Iterable[tuple[str, object]]


def describe(path: Path | str) -> list[tuple[str, str]]:
    """(name, value) pairs of a .head, .bake, .performance, .ply or checkpoint file or a footage folder, which is read
    and checked.

    Names are single words, values one line of text. Raises UserError for a damaged file and for one of another kind.
    """
    path = Path(path)
    with translate_read_errors(path):
        if path.is_dir() or path.name == FOOTAGE_CARD:
            return _as_text(_footage(path))
        with open_untrusted(path) as (file, size):
            start = file.read(9)
        if start.startswith(BAKE_MAGIC):
            facts = _bake(path)
        elif start.startswith(b"ply"):
            facts = _ply(path)
        elif start[8:] == b"{":
            facts = _tensors(path)
        else:
            raise _unknown_kind(path)
        return _as_text([*facts, ("bytes", size)])


def _head(path: Path) -> Facts:
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
    yield "rig", _rig(head)
    yield "camera", f"{card.camera.width}x{card.camera.height} {card.camera.kind}" if card.camera else "none"
    yield from [
        ("colour_space", card.colour_space),
        ("blend", card.blend),
        *([("antialiased", "yes")] if card.antialiased else []),
        ("licence", card.licence or "not stated"),
        ("provenance", card.provenance or "not stated"),
        ("hash", card.content_hash),
    ]


def _rig(head: HeadFile) -> str:
    rig = rig_of(head)
    if rig is None:
        return "none"
    named = [channel.name for channel in rig.card.channels if "_detail_" not in channel.name]
    return (
        f"{len(rig.card.channels)} channels (bound {rig.card.bound:g} mm RMS): {', '.join(named) or 'none has a name'}"
    )


def _bake(path: Path) -> Facts:
    with BakeReader.open(path) as bake:
        bake.verify()
        card = bake.card
        yield from [
            ("kind", "bake"),
            ("name", card.name),
            ("version", card.version),
            ("frames", len(bake.frames)),
            ("complete", "yes" if bake.complete else f"no, {card.frame_count - len(bake.frames)} frames are missing"),
            ("frame_start", card.frame_start),
            ("frame_count", card.frame_count),
            ("fps", card.fps),
            ("seconds", f"{float(card.frame_count / card.fps):.3f}"),
            ("gaussians", len(bake.canonical)),
            ("sh_degree", card.sh_degree),
            ("head", card.head),
            ("head_hash", card.head_hash),
            ("audio", card.audio if card.has_sound else "none: the head is at rest"),
            ("audio_hash", card.audio_hash),
            ("words", ", ".join(filter(None, card.words)) or "none"),
            ("offset", f"{card.offset:g}"),
            ("colour_space", card.colour_space),
            ("blend", card.blend),
            ("shot", card.shot),
        ]
        if bake.manifest:
            error = bake.manifest.error
            yield "position_error", f"{error.position:.3g} m"
            yield "quaternion_error", f"{error.quaternion:.3g}"
            yield "log_scale_error", f"{error.log_scale:.3g}"


def _ply(path: Path) -> Facts:
    header, gaussians = read_ply_header(path), read_ply(path)
    yield from [("kind", "ply"), ("gaussians", len(gaussians))]
    if without_size := header.vertices.count - len(gaussians):
        yield "left_out", f"{without_size} of {header.vertices.count}, infinitely small"
    yield from [
        ("sh_degree", gaussians.sh_degree),
        ("axes", header.comment(AXES_COMMENT) or "not stated, read as rdf"),
        ("colour_space", header.comment(COLOUR_COMMENT) or "not stated"),
        ("blend", header.comment(BLEND_COMMENT) or "not stated"),
    ]
    if len(gaussians):
        size = np.ptp(gaussians.means, axis=0)
        yield "extent", " x ".join(f"{side:.4g}" for side in size)


def _tensors(path: Path) -> Facts:
    metadata = read_metadata(path)
    file_format = metadata.get("format")
    if file_format == HEAD_FORMAT:
        return _head(path)
    if file_format == PERFORMANCE_FORMAT:
        return _performance(path)
    if file_format == CHECKPOINT_FORMAT:
        arrays, _ = read_tensors(path)
        return [
            ("kind", "checkpoint"),
            ("version", metadata.get("version", "")),
            ("arrays", len(arrays)),
            ("notes", metadata.get("notes", "")),
        ]
    raise _unknown_kind(path)


def _performance(path: Path) -> Facts:
    performance = read_performance(path)
    yield from [
        ("kind", "performance"),
        ("audio", performance.audio_name),
        ("audio_hash", performance.audio_hash),
        ("words", performance.words_name or "none"),
        ("head_hash", performance.head_hash),
        ("seconds", f"{performance.duration:.3f}"),
        ("samples", len(performance.loudness)),
        ("rate", performance.rate),
        ("start", f"{float(performance.start):g}"),
        ("audio_code", ", ".join(f"{name} {codes.shape[1]}" for name, codes in performance.audio.items())),
        ("expression", ", ".join(performance.expression_names) or "none"),
    ]


def _footage(path: Path) -> Facts:
    card = path / FOOTAGE_CARD if path.is_dir() else path
    if not card.is_file():
        raise UserError(f"{path}: is a folder without {FOOTAGE_CARD}; choose a footage folder or a talksplat file.")
    with open_untrusted(card) as (file, size):
        if size > MAX_JSON:
            raise UserError(f"{card}: is too large for a footage card ({size} bytes); prepare the footage again.")
        value = from_json(file.read(size), str(card))
    if not isinstance(value, dict):
        raise UserError(f"{card}: is not a footage card; prepare the footage again.")
    yield "kind", "footage"
    for name, item in value.items():
        yield name, len(item) if isinstance(item, list | dict) else item


def _as_text(facts: Facts) -> list[tuple[str, str]]:
    return [("_".join(_one_line(name).replace(":", " ").split()), _one_line(value)) for name, value in facts]


def _one_line(value: object) -> str:
    """At most MAX_VALUE_LENGTH printable characters."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 3] + "..."


def _unknown_kind(path: Path) -> UserError:
    return UserError(
        f"{path}: is not a talksplat file; choose a .head, .performance, .bake or .ply file or a footage folder."
    )

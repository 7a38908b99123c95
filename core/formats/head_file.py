# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained head on disk: one safetensors file, its card as JSON in the metadata, no pickle.

Knows not what the networks compute; their settings and tensors pass through.

Tensor names, with branch = face | mouth:
  {branch}.gaussians.{means,quats,scales,opacities,sh0,shN}    the canonical Gaussians
  {branch}.field.*   {branch}.audio.*                          the networks (core/deformation names them)
  rig.*                                                        the rig, optional (rig.py)
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from .blending import check_blend
from .camera import Camera
from .gaussians import COLUMNS, Gaussians
from .json_codec import LATER, from_json, from_json_values, require_version, to_json
from .open_untrusted import translate_read_errors
from .tensors import read_tensors, write_tensors
from .user_error import UserError

HEAD_FORMAT = "talksplat.head"  # "format" in the metadata of a head's safetensors file
# 2: has a rig, whose tensors the head's hash leaves out; 3: is blended in linear light; 4: is antialiased. A head is
# written as the oldest version that can say what it is.
HEAD_VERSION = 4
RIG = "rig."  # how the names of a rig's tensors begin
BRANCHES = ("face", "mouth")  # of a head, in the order of its joint table; "mouth" is the inside of the mouth


@dataclass(frozen=True)
class HeadCard:
    """What a head says about itself. Raises UserError for a rate, a branch, a width or a blend that makes no sense."""

    name: str
    model_rate: Fraction  # frames a second it was trained at; "25/1" in JSON
    audio_encoder: str  # a name in audio.ENCODERS
    audio_code: dict[str, int]  # branch -> width of its audio code
    expression: tuple[str, ...]  # channel names, in the order of the condition's vector
    fusion: str  # a name in deformation.FUSIONS
    branches: dict[str, dict]  # branch -> performance.BranchSettings, opaque here
    camera: Camera | None = None  # the head's own view
    colour_space: str = "srgb_rec709_display"  # of its SH coefficients: max(0, SH + 0.5) is a code in it
    training: dict = field(default_factory=dict)  # settings and results, opaque here
    licence: str = ""
    provenance: str = ""  # who or what it shows and how it came to be
    content_hash: str = ""  # `content_hash` of the tensors but the rig's; `write_head` fills it in
    version: int = 1
    blend: str = field(default="display", metadata=LATER)  # of BLENDS: as what its Gaussians were trained to be blended
    antialiased: bool = field(default=False, metadata=LATER)  # trained with opacities that make up for the low-pass

    def __post_init__(self) -> None:
        check_blend(self.blend)
        if not 0 < self.model_rate <= 1000:
            raise UserError(f"model_rate {self.model_rate} is out of range; use 1 to 1000 frames a second.")
        unknown = sorted((set(self.branches) | set(self.audio_code)) - set(BRANCHES))
        if unknown or "face" not in self.branches:
            raise UserError(
                f"branches must be face, or face and mouth, not {', '.join(unknown) or 'mouth alone'}; export it again."
            )
        if not all(0 < width <= 4096 for width in self.audio_code.values()):
            raise UserError("audio_code widths must be within 1 to 4096; export the head again.")


@dataclass(frozen=True)
class HeadFile:
    """A head in memory: the card and every tensor by its name."""

    card: HeadCard
    tensors: dict[str, np.ndarray]
    source: str = "the head"  # names the file in errors
    rig_card: str = ""  # JSON of rig.RigCard; empty: it has no rig

    def gaussians(self, branch: str) -> Gaussians:
        """The canonical Gaussians of "face" or "mouth". Raises UserError for missing or invalid columns."""
        columns = self.part(f"{branch}.gaussians")
        if set(columns) != set(COLUMNS):
            odd = sorted(set(columns) ^ set(COLUMNS))
            raise UserError(
                f"{self.source}: its {branch} Gaussians have missing or unknown columns ({', '.join(odd)[:80]}); "
                "export the head again."
            )
        return Gaussians.checked(f"{self.source} ({branch})", **columns)

    def part(self, prefix: str) -> dict[str, np.ndarray]:
        """The tensors named `prefix`.* (such as "face.field"), by their names after the prefix."""
        dotted = prefix + "."
        return {name[len(dotted) :]: array for name, array in self.tensors.items() if name.startswith(dotted)}

    @cached_property
    def rig_hash(self) -> str:
        """sha256 of the rig, "" for a head without one: what its channels move depends on it, not on `content_hash`."""
        return _rig_hash(self.tensors, self.rig_card) if self.rig_card else ""


def content_hash(tensors: Mapping[str, np.ndarray]) -> str:
    """sha256 over names, dtypes, shapes and values, sorted by name: equal tensors, equal hash. The rig does not count:
    with it and without it a head does the same."""
    return _hash(tensors, [name for name in tensors if not name.startswith(RIG)])


def _rig_hash(tensors: Mapping[str, np.ndarray], card: str) -> str:
    return _sha256(card + _hash(tensors, [name for name in tensors if name.startswith(RIG)]))


def _hash(tensors: Mapping[str, np.ndarray], names: list[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        array = np.ascontiguousarray(tensors[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(json.dumps([name, array.dtype.kind, array.itemsize, np.shape(tensors[name])]).encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read_head(path: Path | str) -> HeadFile:
    """A head with everything checked: version, card, hashes, finite tensors, the Gaussians of each branch.

    Raises UserError.
    """
    with translate_read_errors(path):
        tensors, metadata = read_tensors(path)
        card = _read_card(metadata, path)
        if content_hash(tensors) != card.content_hash:
            raise UserError(f"{path}: its tensors do not match their checksum; copy the file again.")
        rig_card = metadata.get("rig", "")
        if rig_card and metadata.get("rig_sha256") != _rig_hash(tensors, rig_card):
            raise UserError(f"{path}: its rig does not match its checksum; copy the file again.")
        head = HeadFile(card, tensors, str(path), rig_card)
        _check(head)
        return head


def _read_card(metadata: Mapping[str, str], path: Path | str) -> HeadCard:
    """The card from a file's metadata. Raises UserError."""
    if metadata.get("format") != HEAD_FORMAT or "card" not in metadata:
        raise UserError(f"{path}: is not a talksplat head; choose a .head file.")
    card = require_version(from_json(metadata["card"], str(path)), HEAD_VERSION, path)
    if metadata.get("card_sha256") != _sha256(metadata["card"]):
        raise UserError(f"{path}: its card does not match its checksum; copy the file again.")
    return from_json_values(HeadCard, card, str(path))


def write_head(path: Path | str, head: HeadFile) -> HeadCard:
    """Write atomically; returns the card with its content hash. Raises UserError for a head that could not be read
    again."""
    _check(head)
    card = replace(head.card, content_hash=content_hash(head.tensors), version=_version(head))
    text = to_json(card)
    metadata = {"format": HEAD_FORMAT, "card": text, "card_sha256": _sha256(text)}
    if head.rig_card:
        metadata |= {"rig": head.rig_card, "rig_sha256": _rig_hash(head.tensors, head.rig_card)}
    write_tensors(path, head.tensors, metadata)
    return card


def _version(head: HeadFile) -> int:
    if head.card.antialiased:
        return HEAD_VERSION
    if head.card.blend != "display":
        return 3
    return 2 if head.rig_card else 1


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check(head: HeadFile) -> None:
    for name, array in head.tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UserError(
                f"{head.source}: tensor {name[:60]!r} holds NaN or infinite values; train or export the head again."
            )
    if len({head.gaussians(branch).sh_degree for branch in head.card.branches}) != 1:
        raise UserError(f"{head.source}: the SH degrees of its branches differ; export the head again.")

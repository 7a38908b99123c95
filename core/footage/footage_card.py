# SPDX-License-Identifier: GPL-3.0-or-later
"""footage.json: what a footage folder says about itself, read without trusting it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from ..formats import UserError, atomic_write, open_untrusted
from ..performance import parse_rate

FOOTAGE_VERSION = 1
FORMAT = "talksplat footage"
COLOUR_SPACE = "srgb_rec709_display"
MIN_PICTURE_SIDE, MAX_PICTURE_SIDE = 16, 8192  # pixels a side
MAX_CARD_BYTES = 16 << 20
MAX_CHANNELS = 1000  # of expression
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")

ClipSplit = Literal["train", "test"]


@dataclass(frozen=True)
class Clip:
    """One clip of the footage: its name, its sound, and whether training may use it."""

    name: str
    audio: Path
    split: ClipSplit


@dataclass(frozen=True)
class FootageCard:
    """The checked contents of footage.json."""

    name: str
    rate: Fraction  # model frames a second, 1..240
    width: int  # pixels of the pictures as stored
    height: int
    expression_names: tuple[str, ...]
    clips: tuple[Clip, ...]  # at least one
    colour_space: str
    licence: str
    provenance: str


def read_footage_card(folder: Path) -> FootageCard:
    """Read and check footage.json of a folder. Raises UserError."""
    path = folder / "footage.json"
    card = _read_json(path)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise UserError(f"{path} is not a talksplat footage card; choose a folder with prepared footage.")
    if card.get("version") != FOOTAGE_VERSION:
        raise UserError(
            f"{path} has version {card.get('version')!r}, this talksplat reads {FOOTAGE_VERSION}; "
            "use the talksplat that wrote it."
        )
    try:
        return _checked_card(folder, card)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: a field is missing or of the wrong kind ({error}); prepare the footage again."
        ) from None


def write_footage_card(
    out: Path,
    name: str,
    rate: Fraction,  # model frames a second
    size: tuple[int, int],  # width, height in pixels
    expression_names: Sequence[str],
    clips: Sequence[tuple[str, str]],  # name, "train" or "test"
    licence: str,
    provenance: str,
) -> None:
    """Write footage.json into the folder `out`, after everything else: without it nothing opens the folder."""
    card = {
        "format": FORMAT,
        "version": FOOTAGE_VERSION,
        "name": name,
        "rate": f"{rate.numerator}/{rate.denominator}",
        "width": size[0],
        "height": size[1],
        "colour_space": COLOUR_SPACE,
        "expression_names": list(expression_names),
        "clips": [{"name": clip, "audio": f"audio/{clip}.wav", "split": split} for clip, split in clips],
        "licence": licence,
        "provenance": provenance,
    }
    with atomic_write(out / "footage.json") as temporary:
        temporary.write_text(json.dumps(card, indent=1), encoding="utf-8")


def _read_json(path: Path) -> object:
    if not path.exists():
        raise UserError(f"{path} is missing; choose a folder with prepared footage.")
    with open_untrusted(path) as (file, size):
        if size > MAX_CARD_BYTES:
            raise UserError(f"{path} is larger than {MAX_CARD_BYTES >> 20} MiB; this is not a footage card.")
        try:
            return json.loads(file.read(size).decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is not readable JSON; prepare the footage again.") from error


def _checked_card(folder: Path, card: dict) -> FootageCard:
    width, height = card["width"], card["height"]
    if not all(type(side) is int and MIN_PICTURE_SIDE <= side <= MAX_PICTURE_SIDE for side in (width, height)):
        raise ValueError(f"size {width}x{height}")
    rate = parse_rate(card["rate"])
    if not 1 <= rate <= 240:
        raise ValueError(f"rate {rate}")
    names = card["expression_names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > MAX_CHANNELS:
        raise ValueError("expression_names")
    clips = tuple(_checked_clip(folder, clip) for clip in card["clips"])
    if not clips:
        raise ValueError("no clips")
    return FootageCard(
        name=str(card["name"]),
        rate=rate,
        width=width,
        height=height,
        expression_names=tuple(names),
        clips=clips,
        colour_space=str(card.get("colour_space", COLOUR_SPACE)),
        licence=str(card.get("licence", "")),
        provenance=str(card.get("provenance", "")),
    )


def _checked_clip(folder: Path, clip: dict) -> Clip:
    name, audio = clip["name"], clip["audio"]
    sound = isinstance(audio, str) and re.fullmatch(r"audio/(.+)", audio)
    if not isinstance(name, str) or not PLAIN_NAME.fullmatch(name) or not sound or not PLAIN_NAME.fullmatch(sound[1]):
        raise ValueError(f"clip {str(name)[:40]!r}: name and audio must be plain file names inside the folder")
    if clip["split"] not in ("train", "test"):
        raise ValueError(f"split of clip {name}")
    return Clip(name, folder / audio, clip["split"])

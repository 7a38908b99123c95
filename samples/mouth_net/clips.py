# SPDX-License-Identifier: GPL-3.0-or-later
"""The sounds that the net is trained and measured on, and which of them it never hears.

Split by speaker, not by clip: what a net does for a voice that it was trained on says nothing about others.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...core.audio import load_sound
from ...core.metrics import read_align, word_pauses
from ..actor.plan import choose_clips
from .phones import Said

VOICES, TALKERS, OWN = "voices", "grid_talkers", "grid_s1_train"
# Held back: of women and men, one with ten clips (s31) and four with one.
HELD_BACK_TALKERS = ("s3", "s14", "s20", "s27", "s31")
HELD_BACK_SHARE = 0.2  # of the open voices' speakers, by their names' hashes, and these:
# French, Portuguese and Swedish wholly, so that three languages are new to the net; native English with transcripts;
# the other Spaniard; the singer.
HELD_BACK_SPEAKERS = (
    "fleurs-en-unlabelled",
    "fleurs-fr-unlabelled",
    "fleurs-pt-unlabelled",
    "nst-sv",
    "mls-13697",
    "vocadito-1",
)
SENTENCES = Path(__file__).with_name("sentences.toml")
ENGLISH = ("en", "en-US", "en-GB", "en (L1 zh)")


@dataclass(frozen=True)
class Clip:
    """A sound, and the picture of its speaker where there is one."""

    name: str  # unique, a relative path without suffix
    file: Path
    speaker: str
    language: str  # "en", "de" ...; "" unknown
    kind: str  # "read", "singing" ... as voices/index.json has it, "child" before it for a speaker under 13; "grid"
    transcript: str  # "" where nobody wrote down what is said
    held_back: bool
    licence: str
    source: str

    @property
    def has_lips(self) -> bool:
        """Whether it is a video."""
        return self.kind == "grid"

    @property
    def said(self) -> Said:
        """What `phones` needs to know."""
        return Said(self.name, partial(load_sound, self.file), self.transcript, self.language)


def all_clips(data: Path) -> list[Clip]:
    """In a fixed order: GRID talkers, talker s1, open voices. SystemExit where a folder is missing."""
    for folder in (VOICES, TALKERS, OWN):
        if not (data / folder).is_dir():
            raise SystemExit(f"{data / folder} is missing; pass the data folder with --data.")
    return [*_talkers(data / TALKERS), *_own(data / OWN), *_open_voices(data / VOICES)]


def _talkers(folder: Path) -> Iterator[Clip]:
    for file in sorted(folder.glob("*.mpg")):
        speaker = file.stem.split("_")[1]
        yield _grid(file, f"grid/{file.stem}", speaker, speaker in HELD_BACK_TALKERS)


def _own(folder: Path) -> Iterator[Clip]:
    files = sorted(folder.glob("*.mpg"))
    test, _ = choose_clips([file.stem for file in files])
    for file in files:
        yield _grid(file, f"s1/{file.stem}", "s1", file.stem in test)


def _grid(file: Path, name: str, speaker: str, held_back: bool) -> Clip:
    words = read_align(file.with_suffix(".align"))
    pauses = {pause.start for pause in word_pauses(words)}
    transcript = " ".join(word.label for word in words if word.start not in pauses)
    source = "GRID corpus (Cooke, Barker, Cunningham & Shao, JASA 120:2421, 2006)"
    return Clip(name, file, speaker, "en", "grid", transcript, held_back, "CC BY 4.0", source)


def _open_voices(folder: Path) -> Iterator[Clip]:
    for row in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        file = folder / row["file"]
        english = row["lang"] in ENGLISH
        child = str(row["age"]).isdigit() and int(row["age"]) < 13
        yield Clip(
            str(Path(row["file"]).with_suffix("")),
            file,
            row["speaker"],
            "en" if english else row["lang"].strip("?"),
            "child, " * child + row["style"],
            _transcript(file),
            row["speaker"] in HELD_BACK_SPEAKERS or _falls_below(row["speaker"], HELD_BACK_SHARE),
            row["licence"],
            f"Precise Community Data ({row['repo']})" if "waiver" in row["upstream"] else row["upstream"],
        )


def _transcript(file: Path) -> str:
    beside = file.with_suffix(".txt")
    if beside.exists():
        return beside.read_text(encoding="utf-8").strip()
    listed = tomllib.loads(SENTENCES.read_text(encoding="utf-8")).get(file.parent.name, {})
    return listed.get("all", listed.get(file.stem[2:5], ""))


def _falls_below(text: str, share: float) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") < share * 2**64

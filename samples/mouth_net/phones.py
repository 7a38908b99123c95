# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phones are spoken when, by PocketSphinx: aligned to a transcript, or without one in any language.

Phones are those of PocketSphinx's US English model (ARPAbet without stress, SIL for silence). A foreign phone becomes
the English one that sounds most like it, which for lips is nearly always one of the same lips: a French y (tu) becomes
UW or IY, a German x (ach) HH or K. `pronunciations.json` says what is in no English dictionary: language -> word ->
phones, by espeak-ng 1.52 (`espeak-ng -q --ipa -v LANGUAGE WORD`, GPL-3.0-or-later), its IPA spelt in these phones.

Letters: S phones.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.audio import Sound
from ...core.formats import TimedLabel, atomic_write

if TYPE_CHECKING:
    from pocketsphinx import Decoder

PEAK = 0.7  # of full scale: the recogniser wants a healthy level
FRAME = 0.01  # seconds
# Weight of its phone language model, and how many hypotheses it keeps. Not in the paper: chosen because a heavier
# language model hears English in foreign speech.
ALLPHONE = {"lw": 2.0, "beam": 1e-20, "pbeam": 1e-20}
SILENCE, NOISE = "SIL", "NOISE"
FILLERS = {"<sil>": SILENCE, "SIL": SILENCE, "+NSN+": NOISE, "+SPN+": NOISE}
WORD = re.compile(r"\w+(?:'\w+)*")
PRONUNCIATIONS = Path(__file__).with_name("pronunciations.json")
# One after the other: each finds paths that the other loses.
BEAMS = ((), (("beam", 1e-80), ("wbeam", 1e-60), ("pbeam", 1e-80)))


def recognise(sound: Sound) -> list[TimedLabel]:
    """The phones of speech in any language."""
    decoder = _phone_recogniser()
    _run(decoder, sound)
    return [_phone(s.start_frame, s.end_frame + 1, s.word) for s in decoder.seg() or ()]


def align(sound: Sound, transcript: str, language: str) -> list[TimedLabel]:
    """The phones of a transcript; none where it cannot be aligned or has a word that nobody knows how to say."""
    for beams in BEAMS:
        decoder = _aligner(beams)
        words = [_known_word(decoder, word, language) for word in WORD.findall(transcript.lower())]
        if not words or not all(words):
            return []
        decoder.set_align_text(" ".join(words))
        try:
            _run(decoder, sound)
            if decoder.hyp() is None:
                continue
            decoder.set_alignment()
            _run(decoder, sound)
        except RuntimeError:  # the search found no path to the last word
            continue
        return [_phone(p.start, p.start + p.duration, p.name) for word in decoder.get_alignment() or () for p in word]
    return []


@dataclass(frozen=True)
class Said:
    """A sound, and what is said in it."""

    name: str
    sound: Callable[[], Sound]
    transcript: str  # "" where it is not known
    language: str


def load_phones(sounds: Iterable[Said], cache_folder: Path) -> Iterator[tuple[str, list[TimedLabel], bool]]:
    """(name, phones, whether they are aligned to a transcript), kept in a folder with their transcript."""
    for said in sounds:
        file = cache_folder / f"{said.name}.json"
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if stored.get("transcript") != said.transcript:
            sound = said.sound()
            aligned = align(sound, said.transcript, said.language) if said.transcript else []
            phones = aligned or recognise(sound)
            stored = {"transcript": said.transcript, "aligned": bool(aligned), "phones": phones}
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as temporary:
                temporary.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
        yield said.name, [TimedLabel(*row) for row in stored["phones"]], stored["aligned"]


@cache
def _phone_recogniser() -> "Decoder":
    from pocketsphinx import Decoder, get_model_path

    model = get_model_path("en-us/en-us-phone.lm.bin")
    return Decoder(allphone=model, loglevel="FATAL", cmn="batch", **ALLPHONE)


@cache
def _aligner(beams: tuple[tuple[str, float], ...]) -> "Decoder":
    from pocketsphinx import Decoder

    decoder = Decoder(lm=None, loglevel="FATAL", cmn="batch", **dict(beams))
    for language, words in json.loads(PRONUNCIATIONS.read_text(encoding="utf-8")).items():
        for word, phones in words.items():
            decoder.add_word(f"{language}_{word}", phones, False)
    decoder.add_word("the_end", "DH AH", True)  # True: the dictionary is built anew, once
    return decoder


def _known_word(decoder: "Decoder", word: str, language: str) -> str:
    """The dictionary's entry; "" for none."""
    own = f"{language}_{word}"
    names = [word, own] if language == "en" else [own]
    return next((name for name in names if decoder.lookup_word(name) is not None), "")


def _run(decoder: "Decoder", sound: Sound) -> None:
    samples = sound.samples * np.float32(PEAK / max(float(np.abs(sound.samples).max(initial=0.0)), 1e-9))
    decoder.start_utt()
    decoder.process_raw(np.rint(samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()


def _phone(start: int, end: int, name: str) -> TimedLabel:
    return TimedLabel(start * FRAME, end * FRAME, FILLERS.get(name, name))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phones are spoken when, by PocketSphinx: without a transcript in any language, or aligned to an English one.

Phones are those of PocketSphinx's US English model (ARPAbet without stress, SIL for silence). A foreign phone becomes
the English one that sounds most like it, which for lips is nearly always one of the same lips: a French y (tu) becomes
UW or IY, a German x (ach) HH or K.

Letters: S phones.
"""

import json
from collections.abc import Iterable, Iterator
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
MARKS = ".,;:!?\"'-"


def recognise(sound: Sound) -> list[TimedLabel]:
    """The phones of speech in any language."""
    decoder = _phone_recogniser()
    _run(decoder, sound)
    return [_phone(s.start_frame, s.end_frame + 1, s.word) for s in decoder.seg() or ()]


def align(sound: Sound, transcript: str) -> list[TimedLabel]:
    """The phones of an English transcript; none where it cannot be aligned or has a word that is in no dictionary."""
    decoder = _aligner()
    words = [word for word in (word.strip(MARKS) for word in transcript.lower().split()) if word]
    if not words or any(decoder.lookup_word(word) is None for word in words):
        return []
    decoder.set_align_text(" ".join(words))
    try:
        _run(decoder, sound)
        decoder.set_alignment()
        _run(decoder, sound)
    except RuntimeError:  # the search found no path to the last word
        return []
    return [_phone(p.start, p.start + p.duration, p.name) for word in decoder.get_alignment() or () for p in word]


def load_phones(
    sounds: Iterable[tuple[str, Sound, str]], cache_folder: Path
) -> Iterator[tuple[str, list[TimedLabel], bool]]:
    """(name, phones, whether they are aligned to a transcript) of (name, sound, transcript or ""), kept in a folder."""
    for name, sound, transcript in sounds:
        file = cache_folder / f"{name}.json"
        if not file.exists():
            aligned = align(sound, transcript) if transcript else []
            text = json.dumps({"aligned": bool(aligned), "phones": aligned or recognise(sound)})
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as temporary:
                temporary.write_text(text, encoding="utf-8")
        stored = json.loads(file.read_text(encoding="utf-8"))
        yield name, [TimedLabel(*row) for row in stored["phones"]], stored["aligned"]


@cache
def _phone_recogniser() -> "Decoder":
    from pocketsphinx import Decoder, get_model_path

    model = get_model_path("en-us/en-us-phone.lm.bin")
    return Decoder(allphone=model, loglevel="FATAL", cmn="batch", **ALLPHONE)


@cache
def _aligner() -> "Decoder":
    from pocketsphinx import Decoder

    return Decoder(lm=None, loglevel="FATAL", cmn="batch")  # with wider beams than its own it finds fewer paths


def _run(decoder: "Decoder", sound: Sound) -> None:
    samples = sound.samples * np.float32(PEAK / max(float(np.abs(sound.samples).max(initial=0.0)), 1e-9))
    decoder.start_utt()
    decoder.process_raw(np.rint(samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()


def _phone(start: int, end: int, name: str) -> TimedLabel:
    return TimedLabel(start * FRAME, end * FRAME, FILLERS.get(name, name))

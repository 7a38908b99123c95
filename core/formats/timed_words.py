# SPDX-License-Identifier: GPL-3.0-or-later
"""Which word is spoken when, from the files in which aligners, subtitle editors and corpora say it.

Praat's TextGrid (long and short), SRT and WebVTT, and the label files of HTK (.lab) and of the GRID corpus (.align).
The content decides which of the first three it is, the name's ending what a label file counts in.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from .label_lines import label_lines, unit_of
from .subtitles import is_subtitles, subtitle_cues
from .text_file import read_text
from .textgrid import is_textgrid, textgrid_tiers
from .timed_label import TimedLabel
from .user_error import UserError

WORD_SUFFIXES = (".textgrid", ".vtt", ".srt", ".align", ".lab")  # lower case; the best first, where several lie there
WORD_FILES = "a TextGrid, SRT, VTT, .lab or .align file"
MOST = 1_000_000  # labels
# What is written where nobody speaks, in lower case: by MFA, WebMAUS, Festival, Kaldi, and Praat's search for silences.
SILENCE = {"", "sil", "sp", "spn", "ssil", "silence", "silent", "sounding", "pau", "h#", "#", "_", "..."}
BRACKETED = ("sil", "silence", "sp", "spn", "eps", "p", "p:", "sl")
SILENCE |= {f"{left}{name}{right}" for left, right in ("<>", "[]", "()", "{}") for name in BRACKETED}
WORD_TIERS = {"word", "words", "ort", "orthography", "orthographic", "transcript", "transcription"}
PHONE_TIERS = {"phone", "phones", "phoneme", "phonemes", "phonetic", "segment", "segments"}


@dataclass(frozen=True)
class WordTimings:
    """Words and phones in rising order of their start, without silences. Times are seconds of the sound."""

    words: tuple[TimedLabel, ...]  # of subtitles: the cues
    phones: tuple[TimedLabel, ...] = ()  # empty where the file has none

    @cached_property
    def phone_hash(self) -> str:
        """SHA-256 of what is spoken when, to the microsecond; "" without phones. Words are in it by their phones."""
        lines = (f"{phone.start:.6f} {phone.end:.6f} {phone.label}\n" for phone in self.phones)
        return hashlib.sha256("".join(lines).encode()).hexdigest() if self.phones else ""


def read_words(path: Path | str) -> WordTimings:
    """The words of a file, checked. Raises UserError."""
    text = read_text(path, WORD_FILES)
    if is_textgrid(text):
        tiers = [(name, _spoken(labels)) for name, labels in textgrid_tiers(text, path)]
        words, phones = _word_tier(tiers), _phone_tier(tiers)
        timings = WordTimings(words, phones if phones != words else ())
    elif is_subtitles(text):
        timings = WordTimings(_spoken(subtitle_cues(text, path)))
    else:
        timings = WordTimings(_spoken(label_lines(text, unit_of(text, path), path)))
    if not timings.words:
        raise UserError(f"{path}: holds no words; choose a TextGrid, SRT, VTT, .lab or .align file with some.")
    return timings


def words_beside(sound: Path | str) -> str:
    """The file of words that lies beside a sound and has its name; "" for none."""
    sound = Path(sound)
    for suffix in WORD_SUFFIXES:
        names = (suffix, ".TextGrid") if suffix == ".textgrid" else (suffix,)
        for name in names:
            if (path := sound.with_suffix(name)).is_file():
                return str(path)
    return ""


def _word_tier(tiers: list[tuple[str, tuple[TimedLabel, ...]]]) -> tuple[TimedLabel, ...]:
    """The tier whose name says words; else the first that is not named phones; else the first."""
    others = [labels for name, labels in tiers if labels and not _is_phones(name)]
    any_tier = [labels for _, labels in tiers if labels]
    return next((labels for name, labels in tiers if labels and _is_words(name)), (others or any_tier or [()])[0])


def _phone_tier(tiers: list[tuple[str, tuple[TimedLabel, ...]]]) -> tuple[TimedLabel, ...]:
    return next((labels for name, labels in tiers if labels and _is_phones(name)), ())


def _is_words(tier: str) -> bool:
    """ "words", "Anna - words" of MFA, "ORT-MAU" of WebMAUS."""
    return bool(WORD_TIERS.intersection(_parts(tier)))


def _is_phones(tier: str) -> bool:
    """ "phones", "Anna - phones" of MFA, "MAU" of WebMAUS."""
    return bool(PHONE_TIERS.intersection(_parts(tier))) or _parts(tier) == ["mau"]


def _parts(tier: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in tier.lower()).split()


def _spoken(labels: Iterable[TimedLabel]) -> tuple[TimedLabel, ...]:
    """The labels that last some time and are no silence, in order."""
    return tuple(sorted(_checked(islice(labels, MOST)), key=lambda label: label.start))


def _checked(labels: Iterable[TimedLabel]) -> Iterator[TimedLabel]:
    for start, end, label in labels:
        text = " ".join(label.split())
        if text.lower() not in SILENCE and math.isfinite(end) and 0 <= start < end:
            yield TimedLabel(start, end, text)

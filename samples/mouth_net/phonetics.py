# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones over time -> the mouth's shape over time, by dominance (Cohen & Massaro 1993); the table is phonetics.toml.

The shape at a moment is the mean of all phones' shapes, each weighted by its dominance there, which is whole in the
phone's core and falls off exponentially on both sides: M(t) = sum_s D_s(t) T_s / sum_s D_s(t).

Letters: T moments, S phones, K measures.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...core.audio import MOUTH_MEASURES
from ...core.formats import TimedLabel
from .phones import NOISE, SILENCE

TABLE = Path(__file__).with_name("phonetics.toml")
FIRST_PART = 0.55  # of a diphthong; voices.md's recipe


@dataclass(frozen=True)
class PhoneShape:
    """One phone's row of the table."""

    kind: str  # its class, one of the encoder's phone channels
    shape: np.ndarray  # [K] 0..1
    dominance: np.ndarray  # [K]
    is_closure: bool


@dataclass(frozen=True)
class Phonetics:
    """The whole table."""

    phones: dict[str, PhoneShape]
    parts: dict[str, tuple[str, ...]]  # diphthong -> what it is made of
    falls_off: np.ndarray  # [K] seconds
    core: float
    silent_rest: float  # seconds
    settle: float  # seconds

    @property
    def kinds(self) -> list[str]:
        """The classes, silence first, then in the table's order."""
        return list(dict.fromkeys(["silence", *(phone.kind for phone in self.phones.values())]))


@cache
def load_phonetics() -> Phonetics:
    """The shipped table. ValueError where its columns are not the measures."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    if table["columns"] != [measure.name for measure in MOUTH_MEASURES]:
        raise ValueError(f"{TABLE}: its columns are not those of MOUTH_MEASURES")
    default = table["dominance"]["default"]
    rows = {name: row for name, row in table["phones"].items() if "parts" not in row}
    phones = {
        name: PhoneShape(
            row["class"], np.array(row["shape"]), np.array(row.get("dominance", default)), row.get("closure", False)
        )
        for name, row in rows.items()
    }
    parts = {name: tuple(row["parts"]) for name, row in table["phones"].items() if "parts" in row}
    return Phonetics(
        phones, parts, np.array(table["falls_off"]), table["core"], table["silent_rest"], table["settle"]
    )  # fmt: skip


def shapes_of(
    phones: list[TimedLabel],
    times: np.ndarray,  # [T] seconds
) -> np.ndarray:
    """[T,K] 0..1: what the mouth does."""
    table = load_phonetics()
    weighted, weights = np.zeros((len(times), len(MOUTH_MEASURES))), 1e-6
    for start, end, shape, dominance in _shaped(phones, table):
        outside = np.maximum(np.maximum(start - times, times - end), 0.0)
        share = dominance * np.exp(-outside[:, None] / table.falls_off)
        weighted += share * shape
        weights = weights + share
    return weighted / weights


def classes_of(
    phones: list[TimedLabel],
    times: np.ndarray,  # [T] seconds
) -> np.ndarray:
    """[T] int: the class of the phone at each moment, an index into `Phonetics.kinds`; -1 where it is not known."""
    table = load_phonetics()
    out = np.full(len(times), -1)
    for phone in split_diphthongs(phones):
        if phone.label in table.phones:
            out[(times >= phone.start) & (times < phone.end)] = table.kinds.index(table.phones[phone.label].kind)
    return out


def split_diphthongs(phones: Iterable[TimedLabel]) -> Iterator[TimedLabel]:
    """The phones, each diphthong as its parts."""
    parts = load_phonetics().parts
    for phone in phones:
        if phone.label in parts:
            first, second = parts[phone.label]
            middle = phone.start + FIRST_PART * (phone.end - phone.start)
            yield TimedLabel(phone.start, middle, first)
            yield TimedLabel(middle, phone.end, second)
        else:
            yield phone


def rests_of(phones: Iterable[TimedLabel]) -> list[TimedLabel]:
    """The silences in which the mouth comes to rest, neighbouring ones joined."""
    joined: list[TimedLabel] = []
    for phone in phones:
        if phone.label not in (SILENCE, NOISE):
            continue
        if joined and phone.start - joined[-1].end < 0.02:
            phone = TimedLabel(joined.pop().start, phone.end, SILENCE)
        joined.append(phone)
    return [phone for phone in joined if phone.end - phone.start >= load_phonetics().silent_rest]


def _shaped(phones: list[TimedLabel], table: Phonetics) -> Iterator[tuple[float, float, np.ndarray, np.ndarray]]:
    """(core's start, core's end, shape [K], dominance [K]) of all phones, and of rests."""
    for phone in split_diphthongs(phones):
        row = table.phones.get(phone.label)
        if row is not None:
            edge = 0.0 if row.is_closure else (1 - table.core) / 2 * (phone.end - phone.start)
            yield phone.start + edge, phone.end - edge, row.shape, row.dominance
    rest = np.array([measure.rest for measure in MOUTH_MEASURES])
    for phone in rests_of(phones):
        yield phone.start + table.settle, phone.end - table.settle, rest, np.full(len(rest), 4.0)

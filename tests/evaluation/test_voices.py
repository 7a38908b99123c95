# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips on voices that nobody filmed: a mouth that obeys the phones, one that is always shut, one that never stops."""

import numpy as np
import pytest

from talksplat.core.audio import MOUTH_MEASURES, SOUND_RATE, Sound, write_wav
from talksplat.core.evaluation import evaluation_tables, measure_voices
from talksplat.core.formats import UserError

PHONES = ["B", "AA1", "M", "IY", "P", "UW0", "S", "EH"]
LENGTH = 0.12  # seconds of each
SECONDS = LENGTH * len(PHONES)


def _textgrid(labels) -> str:
    rows = "\n".join(f'{i * LENGTH} {(i + 1) * LENGTH} "{label}"' for i, label in enumerate(labels))
    tier = f'"IntervalTier" "phones" 0 {SECONDS} {len(labels)}'
    return f'"ooTextFile"\n"TextGrid"\n0 {SECONDS}\n<exists>\n1\n{tier}\n{rows}\n'


@pytest.fixture
def folder(tmp_path):
    sound = Sound(np.random.default_rng(0).normal(size=round(SECONDS * SOUND_RATE)).astype(np.float32) * 0.1)
    for group in ("german", "music"):
        (tmp_path / group).mkdir()
        write_wav(tmp_path / group / "one.wav", sound)
    (tmp_path / "german" / "one.TextGrid").write_text(_textgrid(PHONES), encoding="utf-8")
    return tmp_path


def _obedient(sound):
    """Closed in p, b and m, narrow in oo, wide in ee."""
    times = np.arange(0, SECONDS, 0.01)
    said = [PHONES[min(int(t / LENGTH), len(PHONES) - 1)] for t in times]
    measures = np.full((len(times), len(MOUTH_MEASURES)), 0.5)
    measures[:, 0] = [0.0 if name in "BMP" else 0.6 + 0.4 * (name == "AA1") for name in said]
    measures[:, 1] = [{"UW0": 0.0, "IY": 1.0}.get(name, 0.5) for name in said]
    return times, measures


def _run(lips, folder):
    steps = measure_voices(lips, folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_mouth_that_obeys_hits_every_closure_and_no_vowel(folder):
    figures = _run(_obedient, folder)["german"]
    assert (figures["p b m"], figures["closed"]) == (3, 1.0)
    assert (figures["vowels"], figures["closed vowels"]) == (4, 0.0)
    assert figures["closure auc"] == figures["rounding auc"] == 1.0


def test_a_mouth_that_is_always_shut_is_told_by_its_vowels(folder):
    def shut(sound):
        times, measures = _obedient(sound)
        measures[:, 0] = 0.0
        return times, measures

    figures = _run(shut, folder)["german"]
    assert figures["closed"] == figures["closed vowels"] == 1.0
    assert figures["closure auc"] == 0.5


def test_a_mouth_that_moves_to_music_moves_as_much_as_in_speech(folder):
    assert _run(_obedient, folder)["music"]["movement"] == pytest.approx(1.0)


def test_the_table_shows_both_kinds(folder):
    table = evaluation_tables({"voices": _run(_obedient, folder)})
    assert "| german | 1 | 3 | 1.0 | 4 | 0.0 | 1.0 | 1.0 |" in table
    assert "| music | 1 | 1.0 |" in table


def test_a_folder_without_groups_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match=r"has no sounds in folders of its own"):
        _run(_obedient, tmp_path)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A wider Mouth Open is suggested for a line that is livelier than ordinary reading, whatever its level is."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.audio import load_sound
from talksplat.core.listening.audio_codes import loudness
from talksplat.core.performance import Performance, suggested_opening
from talksplat.core.performance.line_dynamics import LIVELY, WIDEST, level_change

RATE = Fraction(100)


def line(swing, seconds=4.0, scale=0.3, syllables=4.5):
    """The loudness of syllables that rise and fall by `swing` dB, silence before and after."""
    t = np.arange(round(seconds * 100)) / 100
    level = scale * 10 ** (swing * (np.cos(2 * np.pi * syllables * t) - 1) / 40)
    return np.pad(level, 50).astype(np.float32)


def said(level) -> Performance:
    codes = np.zeros((len(level), 4), np.float32)
    return Performance(
        {"face": codes}, {"face": codes[0]}, codes[:, :0], (), level, "h", "a", duration=max(len(level) / 100 - 1, 0.0)
    )


def test_the_livelier_the_line_the_wider_to_a_limit_and_a_calm_one_gets_nothing():
    assert suggested_opening([said(line(8))]) is None
    found = [suggested_opening([said(line(swing))]) for swing in (18, 20, 22, 29)]
    assert found == sorted(found)
    assert 1.1 <= found[0] < found[-1] == WIDEST


@given(st.floats(1e-3, 1.0), st.sampled_from([8, 12, 18, 24]))
def test_how_loud_it_was_recorded_does_not_matter(scale, swing):
    assert level_change(line(swing, scale=scale), RATE) == pytest.approx(
        level_change(line(swing, scale=0.1), RATE), rel=0.02
    )


@pytest.mark.parametrize(
    "level",
    [np.zeros(500), np.ones(500), line(20, seconds=0.4), np.zeros(1), np.ones(1), line(20, scale=1e-7)],
    ids=["silence", "a tone", "half a second", "one moment", "one loud moment", "a level below hearing"],
)
def test_what_is_no_line_gets_nothing(level):
    assert suggested_opening([said(np.asarray(level, np.float32))]) is None


def test_of_several_sounds_the_longer_counts_more_and_none_is_nothing():
    calm, lively = said(line(8, seconds=20)), said(line(22, seconds=2))
    assert suggested_opening([lively]) is not None
    assert suggested_opening([calm, lively]) is None
    assert suggested_opening([replace(calm, duration=0.1), lively]) is not None
    assert suggested_opening([]) is None


def test_other_rates_tell_the_same():
    level = line(20, seconds=6)
    assert level_change(np.repeat(level, 2), 2 * RATE) == pytest.approx(level_change(level, RATE), rel=0.05)


def test_it_tells_acted_anger_from_reading(shared_data):
    """The recordings that the limit was measured on: every tenth reading, every third of those acted."""
    rows = json.loads((shared_data / "voices/index.json").read_text(encoding="utf-8"))
    styles = {"lively": ("acted: anger", "acted: happiness"), "read": ("read",)}

    def share(style, step):
        paths = [row["file"] for row in rows if row["style"] in styles[style]][::step]
        changes = []
        for path in paths:
            sound = load_sound(shared_data / "voices" / path)
            times = np.arange(round(100 * sound.duration)) / 100
            changes.append(level_change(np.pad(loudness(sound, times), 50), RATE))
        return np.mean(np.array([change for change in changes if change]) > LIVELY)

    assert share("lively", 3) > 0.75
    assert share("read", 20) < 0.2

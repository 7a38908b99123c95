# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample's performance comes ready-made: it is what the worker would make of the sample head and voice."""

from pathlib import Path

import numpy as np

from talksplat.core.dispatch import run_job
from talksplat.core.jobs import Finished, Perform
from talksplat.core.performance import read_performance

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def test_the_shipped_performance_is_that_of_the_shipped_head_and_voice(tmp_path):
    """samples/README.md has the command that makes it again."""
    out = tmp_path / "voice.performance"
    *_, last = run_job(Perform(str(SAMPLES / "sample.head"), str(SAMPLES / "voice.wav"), str(out)))
    assert isinstance(last, Finished)
    shipped, made = read_performance(SAMPLES / "voice.performance"), read_performance(out)
    assert (shipped.head_hash, shipped.audio_hash) == (made.head_hash, made.audio_hash)
    assert (shipped.duration, shipped.rate, shipped.start) == (made.duration, made.rate, made.start)
    for branch, codes in made.audio.items():
        np.testing.assert_allclose(shipped.audio[branch], codes, atol=1e-4 * np.abs(codes).max())
    np.testing.assert_allclose(shipped.expression, made.expression, atol=1e-4)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance holds what the ears would say at any moment; it is kept for its head and sound only."""

import numpy as np
import pytest

from talksplat.core.audio.decode import load_sound
from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.audio_codes import AudioCodes
from talksplat.core.baking.perform import load_or_perform, perform
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs.events import Finished, Progress, Started
from talksplat.core.jobs.messages import Perform
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls

PLAIN = Controls(blinks=0.0)


def result(events):
    """Run a deed's part to its end; what it gives back."""
    seen = []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as end:
            return end.value, seen


def test_it_answers_as_the_ears_do_at_any_moment(tiny_head, voice, tmp_path):
    events = list(perform(Perform(str(tiny_head), str(voice), str(tmp_path / "a.performance"))))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert all(isinstance(e, Progress) and e.total == events[0].total for e in events[1:-1])
    kept, head, sound = read_performance(tmp_path / "a.performance"), read_head(tiny_head), load_sound(voice)
    assert (kept.head_hash, kept.audio_hash) == (head.card.content_hash, sound.content_hash)
    ears, rng = AudioCodes(head), np.random.default_rng(3)
    times = np.concatenate([rng.uniform(-0.4, sound.duration + 0.4, 60), np.arange(-20, 100) / 100])
    [codes] = list(ears.codes(sound, times))
    for branch, true in codes.items():
        told = np.stack([kept.at(float(t), PLAIN).audio[branch] for t in times])
        spread = np.ptp(true, axis=0).max()
        assert np.abs(told[60:] - true[60:]).max() < 1e-5 * spread + 1e-6, "on its own samples it is exact"
        assert np.abs(told - true).max() < 0.1 * spread, "between them it is close"
        np.testing.assert_allclose(kept.at(-3.0, PLAIN).audio[branch], ears.rest()[branch], atol=1e-6)
        np.testing.assert_allclose(kept.at(9.0, PLAIN).audio[branch], ears.rest()[branch], atol=1e-6)
    assert not kept.expression.any()
    assert kept.loudness.max() > 0.05
    assert kept.loudness[0] == kept.loudness[-1] == 0


def test_silence_is_rest_all_along(tiny_head, tmp_path):
    write_wav(tmp_path / "silent.wav", Sound(np.zeros(SOUND_RATE // 2, np.float32)))
    list(perform(Perform(str(tiny_head), str(tmp_path / "silent.wav"), str(tmp_path / "s.performance"))))
    kept = read_performance(tmp_path / "s.performance")
    for branch, codes in kept.audio.items():
        np.testing.assert_allclose(codes, np.broadcast_to(kept.rest[branch], codes.shape), atol=1e-6)


def test_a_kept_performance_is_used_for_its_head_and_sound_only(tiny_head, make_tiny_head, voice, tmp_path):
    head, other = read_head(tiny_head), read_head(make_tiny_head(tmp_path / "other.head", seed=9))
    sound, kept = load_sound(voice), tmp_path / "shot.performance"
    first, heard = result(load_or_perform(head, sound, str(voice), kept))
    again, silence = result(load_or_perform(head, sound, str(voice), kept))
    assert heard
    assert not silence, "the second time nobody listens"
    np.testing.assert_array_equal(first.audio["face"], again.audio["face"])
    others, heard = result(load_or_perform(other, sound, str(voice), kept))
    assert heard
    assert others.head_hash == read_performance(kept).head_hash == other.card.content_hash
    kept.write_bytes(kept.read_bytes()[:1000])
    _, heard = result(load_or_perform(other, sound, str(voice), kept))
    assert heard, "a damaged one is made again"


@pytest.mark.parametrize("which", ["head", "audio"])
def test_what_it_cannot_read_is_refused_and_nothing_is_left(tiny_head, voice, tmp_path, which):
    (tmp_path / "odd").write_text("no head, no sound\n")
    files = {"head": str(tiny_head), "audio": str(voice)} | {which: str(tmp_path / "odd")}
    with pytest.raises(UserError, match="odd"):
        list(perform(Perform(**files, out=str(tmp_path / "a.performance"))))
    assert [p.name for p in tmp_path.iterdir()] == ["odd"]

# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance holds the audio codes of any moment; a cached one is used for its head and sound only."""

import numpy as np
import pytest

from talksplat.core.audio.decode import load_sound
from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.baking.bake import bake
from talksplat.core.baking.perform import load_or_compute_performance, perform
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Bake, Perform
from talksplat.core.jobs.events import Finished, Progress, Started
from talksplat.core.listening.audio_codes import AudioCodes
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls

PLAIN = Controls(blinks=0.0)


def result(generator):
    """Run a generator to its end: (its result, what it yielded)."""
    events = []
    while True:
        try:
            events.append(next(generator))
        except StopIteration as end:
            return end.value, events


def test_it_has_the_audio_codes_of_any_moment(tiny_head, voice, tmp_path):
    events = list(perform(Perform(str(tiny_head), str(voice), str(tmp_path / "a.performance"))))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert all(isinstance(e, Progress) and e.total == events[0].total for e in events[1:-1])
    kept, head, sound = read_performance(tmp_path / "a.performance"), read_head(tiny_head), load_sound(voice)
    assert (kept.head_hash, kept.audio_hash) == (head.card.content_hash, sound.content_hash)
    audio_codes, rng = AudioCodes(head), np.random.default_rng(3)
    times = np.concatenate([rng.uniform(-0.4, sound.duration + 0.4, 60), np.arange(-20, 100) / 100])
    [codes] = list(audio_codes.codes(sound, times))
    for branch, target in codes.items():
        stored = np.stack([kept.at(float(t), PLAIN).audio[branch] for t in times])
        spread = np.ptp(target, axis=0).max()
        assert np.abs(stored[60:] - target[60:]).max() < 1e-5 * spread + 1e-6, "on its own samples it is exact"
        assert np.abs(stored - target).max() < 0.1 * spread, "between them it is close"
        np.testing.assert_allclose(kept.at(-3.0, PLAIN).audio[branch], audio_codes.rest()[branch], atol=1e-6)
        np.testing.assert_allclose(kept.at(9.0, PLAIN).audio[branch], audio_codes.rest()[branch], atol=1e-6)
    assert not kept.expression.any()
    assert kept.loudness.max() > 0.05
    assert kept.loudness[0] == kept.loudness[-1] == 0


def test_silence_is_rest_throughout(tiny_head, tmp_path):
    write_wav(tmp_path / "silent.wav", Sound(np.zeros(SOUND_RATE // 2, np.float32)))
    list(perform(Perform(str(tiny_head), str(tmp_path / "silent.wav"), str(tmp_path / "s.performance"))))
    kept = read_performance(tmp_path / "s.performance")
    for branch, codes in kept.audio.items():
        np.testing.assert_allclose(codes, np.broadcast_to(kept.rest[branch], codes.shape), atol=1e-6)


def test_a_cached_performance_is_used_for_its_head_and_sound_only(tiny_head, make_tiny_head, voice, tmp_path):
    head, other = read_head(tiny_head), read_head(make_tiny_head(tmp_path / "other.head", seed=9))
    sound, cached = load_sound(voice), tmp_path / "shot.performance"
    first, computing = result(load_or_compute_performance(head, sound, str(voice), cached))
    again, nothing = result(load_or_compute_performance(head, sound, str(voice), cached))
    assert computing
    assert not nothing, "the second time it is read"
    np.testing.assert_array_equal(first.audio["face"], again.audio["face"])
    others, computing = result(load_or_compute_performance(other, sound, str(voice), cached))
    assert computing
    assert others.head_hash == read_performance(cached).head_hash == other.card.content_hash
    cached.write_bytes(cached.read_bytes()[:1000])
    _, computing = result(load_or_compute_performance(other, sound, str(voice), cached))
    assert computing, "a damaged one is computed again"


@pytest.mark.parametrize("which", ["head", "audio"])
def test_what_it_cannot_read_is_an_error_and_leaves_nothing(tiny_head, voice, tmp_path, which):
    (tmp_path / "odd").write_text("no head, no sound\n")
    files = {"head": str(tiny_head), "audio": str(voice)} | {which: str(tmp_path / "odd")}
    with pytest.raises(UserError, match="odd"):
        list(perform(Perform(**files, out=str(tmp_path / "a.performance"))))
    assert [p.name for p in tmp_path.iterdir()] == ["odd"]


def test_a_bake_that_has_to_listen_first_shows_how_far_that_is(tiny_head, voice, tmp_path):
    """It said "0 of 86400" for the minutes in which it listened to an hour."""
    job = Bake(str(tiny_head), str(voice), str(tmp_path / "shot.bake"), frame_count=3)
    events = list(bake(job))
    phases = [event for event in events if isinstance(event, Started)]
    assert ["listens to" in phase.title for phase in phases] == [True, False]
    listening = [e for e in events[: events.index(phases[1])] if isinstance(e, Progress)]
    assert (listening[0].done, listening[-1].done) == (0, phases[0].total)
    assert [phase.title for phase in list(bake(job)) if isinstance(phase, Started)] == [phases[1].title]

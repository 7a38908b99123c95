# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake is the replay at every frame's own time, however often it was interrupted; another shot replaces it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.audio.decode import load_sound
from talksplat.core.baking.bake import bake
from talksplat.core.baking.shot import Shot
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Bake
from talksplat.core.jobs.events import Finished, Progress, Started, Warned
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.replay import Replay


@pytest.fixture
def job(tiny_head, voice, tmp_path):
    return Bake(str(tiny_head), str(voice), str(tmp_path / "shot.bake"))


def baked(job):
    """The finished bake's reader and the events."""
    events = list(bake(job))
    assert isinstance(events[-1], Finished)
    return BakeReader.open(job.out), events


def has_baked(event, count):
    """Whether so many frames are done; listening to the sound has progress of its own."""
    return isinstance(event, Progress) and event.note.startswith("frame") and event.done >= count


def frames_of(job):
    with baked(job)[0] as reader:
        return {n: tuple(a.copy() for a in reader.frame(n)) for n in reader.frames}


@pytest.mark.parametrize(
    ("fps", "rate"), [("24", 24), ("23.976", Fraction(24000, 1001)), ("30000/1001", Fraction(30000, 1001)), ("60", 60)]
)
def test_each_frame_is_the_replay_at_its_own_time(job, fps, rate):
    reader, events = baked(replace(job, fps=fps, frame_start=1001, offset=0.25))
    with reader:
        assert reader.card.fps == rate
        assert reader.complete
        performance = read_performance(job.out.replace(".bake", ".performance"))
        replay, error = Replay(read_head(job.head)), reader.manifest.error
        count = -(-(Fraction(0.25) + Fraction(len(load_sound(job.audio).samples), 16000)) * rate // 1)
        assert reader.frames == tuple(range(1001, 1001 + count))
        motion = 0.0
        for n in reader.frames:
            target = replay.at(performance.at(Fraction(n - 1001) / rate - Fraction(1, 4), Controls()))
            means, quats, scales = reader.frame(n)
            assert np.linalg.norm(means - target.means, axis=1).max() <= error.position
            sign = np.sign(np.einsum("ij,ij->i", quats, target.quats))[:, None]
            assert np.linalg.norm(sign * quats - target.quats, axis=1).max() <= error.quaternion * 1.01 + 1e-6
            assert np.abs(np.log(scales / target.scales)).max() <= error.log_scale * 1.01 + 1e-6
            motion = max(motion, np.abs(target.means - replay.canonical.means).max())
        assert motion > 1000 * error.position, "or there was nothing to store"
    assert isinstance(events[0], Started)
    last_phase = max(i for i, event in enumerate(events) if isinstance(event, Started))
    progress = [e for e in events[last_phase:] if isinstance(e, Progress)]
    assert (progress[-1].done, progress[-1].total) == (count, count)
    assert [e.done for e in progress] == sorted(e.done for e in progress)


def test_before_and_after_the_sound_the_head_rests(job):
    frames = frames_of(replace(job, frame_start=-12, frame_count=72, offset=1.0, controls=Controls(blinks=0)))
    rest = frames_of(replace(job, out=job.out + "2.bake", frame_count=1, offset=50.0, controls=Controls(blinks=0)))[1]
    still = [n for n in frames if np.abs(frames[n][0] - rest[0]).max() < 1e-6]
    assert set(still) >= {*range(-12, -12 + 18), *range(-12 + 60, 60)}  # 0.25 s before 1.0 s, 0.3 s after 2.2 s
    assert len(still) < 60


def test_a_cancelled_bake_continues_to_the_same_bytes(job):
    uninterrupted = replace(job, out=job.out + ".uninterrupted.bake")
    list(bake(uninterrupted))
    for until in (3, 4, 17):
        events = bake(job)
        while not has_baked(next(events), until):
            pass
        events.close()
        with BakeReader.open(job.out) as reader:
            assert not reader.complete
            assert len(reader.frames) == until
    with open(job.out, "ab") as file:
        file.write(b"FRAM torn by a kill")
    _, events = baked(job)
    assert events[-1].result["new"] == events[-1].result["frames"] - 17
    data, expected = open(job.out, "rb").read(), open(uninterrupted.out, "rb").read()
    with BakeReader.open(job.out) as one, BakeReader.open(uninterrupted.out) as other:
        one.verify()
        assert len(data) == len(expected) - len(other.card.name) + len(one.card.name)
        for n in other.frames:
            for a, b in zip(one.frame(n), other.frame(n)):
                np.testing.assert_array_equal(a, b)
    assert baked(job)[1][-1].result["new"] == 0
    assert open(job.out, "rb").read() == data


def test_keyframed_controls_hold_for_their_own_frame(job):
    moods = [Controls(intensity=i / 4, delay=0.01 * i, brows=i / 10, blinks=0) for i in range(8)]
    keyed = frames_of(replace(job, frame_count=8, offset=-0.3, controls_per_frame=tuple(moods)))
    for i in (0, 3, 7):
        constant = frames_of(replace(job, out=f"{job.out}{i}.bake", frame_count=8, offset=-0.3, controls=moods[i]))
        np.testing.assert_allclose(keyed[1 + i][0], constant[1 + i][0], atol=2e-6)
    assert np.abs(keyed[8][0] - keyed[1][0]).max() > 1e-4


def test_a_moved_strip_moves_the_frames_and_nothing_else(job):
    early = frames_of(replace(job, frame_count=48))
    late = frames_of(replace(job, out=job.out + "2.bake", frame_count=60, offset=0.5))
    for n in range(1, 49):
        for a, b in zip(early[n], late[n + 12]):
            np.testing.assert_allclose(a, b, atol=1e-4)


def test_another_shot_of_that_name_is_replaced_with_a_warning(job):
    before = frames_of(job)
    reader, events = baked(replace(job, controls=Controls(intensity=0.5)))
    reader.close()
    [warning] = [e.sentence for e in events if isinstance(e, Warned)]
    assert "controls" in warning
    assert "shot.bake" in warning
    after = frames_of(replace(job, controls=Controls(intensity=0.5)))
    assert any(np.abs(before[n][0] - after[n][0]).max() > 1e-4 for n in before)


def test_what_is_no_bake_and_what_another_process_writes_is_left_alone(job):
    with open(job.out, "wb") as file:
        file.write(b"my holiday pictures")
    with pytest.raises(UserError, match=r"shot\.bake"):
        list(bake(job))
    assert open(job.out, "rb").read() == b"my holiday pictures"
    other = replace(job, out=job.out + "2.bake")
    events = bake(replace(other, fps="240"))
    while not has_baked(next(events), 2):
        pass
    with pytest.raises(UserError, match="another process is writing"):
        list(bake(other))
    events.close()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"fps": "fast"}, "fast"),
        ({"fps": "0"}, "frame rate"),
        ({"frame_count": -1}, "frame_count"),
        ({"offset": -5.0}, "no frame"),
        ({"offset": float("nan")}, "offset"),
        ({"frame_count": 3, "controls_per_frame": (Controls(),) * 2}, "2 controls for 3 frames"),
        ({"controls": Controls(delay=float("inf"))}, "finite"),
        ({"frame_count": 10**9}, "out of range"),
    ],
)
def test_impossible_shots_are_an_error_before_anything_is_written(job, tmp_path, change, problem):
    with pytest.raises(UserError, match=problem):
        list(bake(replace(job, **change)))
    assert not list(tmp_path.glob("*.bake"))


def test_frame_times_are_exact_after_hours():
    shot = Shot.of(Bake("", "", "", "23.976", 1, 400_000, 1 / 3), Fraction(1))
    assert shot.sound_time(360_001) == Fraction(360_000 * 1001, 24000) - Fraction(1 / 3)


def test_the_writer_is_not_left_locked_by_a_failure(job, monkeypatch):
    monkeypatch.setattr(BakeWriter, "append", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left", job.out)))
    with pytest.raises(OSError, match="No space"):
        list(bake(job))
    monkeypatch.undo()
    assert baked(job)[1][-1].result["frames"] == 29

# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes return results in any order, end with their pool, and never outlive their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from talksplat.core.formats.user_error import UserError
from talksplat.core.preparing.process_pool import ProcessPool, TaskProgress, TaskResult

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def tasks(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import pool_tasks

    return pool_tasks


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids(folder, count):
    end = time.monotonic() + 30
    while len(list(folder.glob("*.beat"))) < count and time.monotonic() < end:
        time.sleep(0.05)
    return [int(path.read_text()) for path in folder.glob("*.pid")]


def gone(numbers, within):
    end = time.monotonic() + within
    while any(alive(pid) for pid in numbers) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(pid) for pid in numbers)


def test_every_task_has_one_result_and_processes_are_reused(tasks):
    with ProcessPool(2) as pool:
        for numbers in (range(7), range(3)):
            events = list(pool.run(tasks.square, [(n,) for n in numbers]))
            results = [event for event in events if isinstance(event, TaskResult)]
            assert sorted((event.index, event.outcome) for event in results) == [(n, n * n) for n in numbers]
            assert sum(event.steps for event in events if isinstance(event, TaskProgress)) == len(numbers)
        assert list(pool.run(tasks.square, [])) == []
        assert {int(e.outcome) for e in pool.run(tasks.thread_count, [(), ()]) if isinstance(e, TaskResult)} <= {
            1,
            2,
            4,
            8,
            16,
        }


def test_user_errors_are_outcomes_and_mistakes_are_raised(tasks):
    with ProcessPool(1) as pool:
        outcomes = [
            event.outcome
            for event in pool.run(tasks.fail_differently, [(0,), (1,), (4,)])
            if isinstance(event, TaskResult)
        ]
        assert outcomes[0] == 0
        assert isinstance(outcomes[1], UserError)
        assert str(outcomes[1]) == "one.mp4: is odd; fix it."
        assert outcomes[2] == 4
    with ProcessPool(1) as pool, pytest.raises(OSError, match="No space") as caught:
        list(pool.run(tasks.fail_differently, [(2,)]))
    assert (caught.value.errno, caught.value.filename) == (28, "/full")
    with ProcessPool(1) as pool, pytest.raises(RuntimeError, match="our mistake"):
        list(pool.run(tasks.fail_differently, [(3,)]))


@pytest.mark.skipif(sys.platform == "win32", reason="crashes with a signal")
def test_whatever_a_clip_throws_is_its_outcome_and_the_others_are_done(tasks, capfd):
    """Also a crash of a decoder, which takes its process along: another takes its place."""
    names = ["crash", "good", "thrown", "large", "unpicklable", "fine"]
    with ProcessPool(2) as pool:
        events = list(pool.run(tasks.fail_on_a_clip, [(tasks.Named(name),) for name in names]))
        again = list(pool.run(tasks.fail_on_a_clip, [(tasks.Named(name),) for name in ("one", "two", "three")]))
    outcomes = {names[event.index]: event.outcome for event in events if isinstance(event, TaskResult)}
    assert (outcomes.pop("good"), outcomes.pop("fine")) == ("good", "fine")
    for name, why in (
        ("crash", "SIGSEGV"),
        ("thrown", "cannot be used"),
        ("large", "memory"),
        ("unpicklable", "cannot be used"),
    ):
        assert isinstance(outcomes[name], UserError)
        sentence = str(outcomes[name])
        assert sentence.startswith(name)
        assert why in sentence
        assert "\n" not in sentence
    assert {event.outcome for event in again if isinstance(event, TaskResult)} == {"one", "two", "three"}
    assert "words\nof a library" in capfd.readouterr().err  # for whoever looks for the cause


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_process_is_a_sentence(tasks):
    for what, named in (("clip7", "clip7"), (tasks.Named("clip8"), "clip8"), ([], "The work")):
        with ProcessPool(2) as pool, pytest.raises(UserError, match=rf"^{named}: .*workers"):
            list(pool.run(tasks.kill_itself, [(what,)]))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_closing_the_generator_ends_the_processes(tasks, tmp_path):
    def handler():
        with ProcessPool(2) as pool:
            yield from pool.run(tasks.run_forever, [(str(tmp_path), 0), (str(tmp_path), 1)])

    events = handler()
    assert next(events) == TaskProgress(0)
    numbers = pids(tmp_path, 2)
    assert len(numbers) == 2
    assert all(alive(pid) for pid in numbers)
    events.close()
    assert not any(alive(pid) for pid in numbers)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_processes_end_with_a_killed_parent(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import pool_tasks; from talksplat.core.preparing.process_pool import ProcessPool\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPool(2) as pool:\n"
        "        list(pool.run(pool_tasks.run_forever, [(sys.argv[2], 0), (sys.argv[2], 1)]))\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script), str(HERE), str(tmp_path)])
    numbers = pids(tmp_path, 2)
    assert len(numbers) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone(numbers, 5)

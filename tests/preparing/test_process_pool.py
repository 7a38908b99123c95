# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes answer in any order, end when they are dismissed, and never outlive their parent."""

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


def test_every_task_is_answered_once_and_processes_serve_again(tasks):
    with ProcessPool(2) as crew:
        for numbers in (range(7), range(3)):
            events = list(crew.over(tasks.square, [(n,) for n in numbers]))
            ended = [event for event in events if isinstance(event, TaskResult)]
            assert sorted((event.task, event.answer) for event in ended) == [(n, n * n) for n in numbers]
            assert sum(event.steps for event in events if isinstance(event, TaskProgress)) == len(numbers)
        assert list(crew.over(tasks.square, [])) == []
        assert {int(e.answer) for e in crew.over(tasks.threads, [(), ()]) if isinstance(e, TaskResult)} <= {
            1,
            2,
            4,
            8,
            16,
        }


def test_refusals_are_answers_and_mistakes_are_raised(tasks):
    with ProcessPool(1) as crew:
        answers = [
            event.answer for event in crew.over(tasks.moody, [(0,), (1,), (4,)]) if isinstance(event, TaskResult)
        ]
        assert answers[0] == 0
        assert isinstance(answers[1], UserError)
        assert str(answers[1]) == "one.mp4: is odd; mend it."
        assert answers[2] == 4
    with ProcessPool(1) as crew, pytest.raises(OSError, match="No space") as caught:
        list(crew.over(tasks.moody, [(2,)]))
    assert (caught.value.errno, caught.value.filename) == (28, "/full")
    with ProcessPool(1) as crew, pytest.raises(RuntimeError, match="our mistake"):
        list(crew.over(tasks.moody, [(3,)]))


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_process_is_a_sentence(tasks):
    for what, said in (("clip7", "clip7"), (tasks.Named("clip8"), "clip8"), ([], "The work")):
        with ProcessPool(2) as crew, pytest.raises(UserError, match=rf"^{said}: .*workers"):
            list(crew.over(tasks.die, [(what,)]))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_closing_the_generator_ends_the_processes(tasks, tmp_path):
    def deed():
        with ProcessPool(2) as crew:
            yield from crew.over(tasks.linger, [(str(tmp_path), 0), (str(tmp_path), 1)])

    events = deed()
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
        "    with ProcessPool(2) as crew: list(crew.over(pool_tasks.linger, [(sys.argv[2], 0), (sys.argv[2], 1)]))\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script), str(HERE), str(tmp_path)])
    numbers = pids(tmp_path, 2)
    assert len(numbers) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone(numbers, 5)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker: who may connect, in which order jobs run, who hears what, when it ends.

The handler is a stand-in that says how far it came and whether it was closed; real jobs through a real
process are in tests/journeys.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import pytest

import talksplat.core.worker as module
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Bake, Info
from talksplat.core.jobs.events import Cancelled, Failed, Finished, Progress, Started
from talksplat.core.wire import MAX_MESSAGE_BYTES, PROTOCOL, Cancel, Hello, Quit, from_bytes, to_bytes
from talksplat.core.worker import KEY, Worker

SECRET = secrets.token_bytes(32)
LONG = Bake("h", "a", "long")


class Handler:
    """Yields for ever for `out="long"`, breaks for "broken", else finishes; notes what was closed."""

    def __init__(self):
        self.log = []

    def __call__(self, job):
        out = job.out if isinstance(job, Bake) else job.file
        self.log.append(f"start {out}")
        if out == "broken":
            raise KeyError("our own mistake")
        try:
            yield Started(out, 0)
            done = 0
            while out == "long":
                done += 1
                time.sleep(0.005)
                yield Progress(done, 0, -1.0)
            yield Finished({"out": out})
        finally:
            time.sleep(0.05)  # closing a real handler takes a moment too: `Cancelled` must not come before its end
            self.log.append(f"end {out}")


@contextmanager
def serving(idle=0.0):
    handler = Handler()
    worker = Worker(SECRET, idle, handler)
    thread = threading.Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        yield worker, handler, thread
    finally:
        worker.stopping.set()
        thread.join(10)


@contextmanager
def client(worker, key=SECRET, greet=True):
    with Client(worker.listener.address, authkey=key) as connection:
        if greet:
            connection.send_bytes(to_bytes(Hello(PROTOCOL, "test")))
            assert from_bytes(connection.recv_bytes()).protocol == PROTOCOL
        yield connection


def ask(connection, message):
    connection.send_bytes(to_bytes(message))


def answers(connection, until=(Finished, Failed, Cancelled), patience=10.0):
    """Events up to the first of `until`."""
    events = []
    while not (events and isinstance(events[-1], until)):
        assert connection.poll(patience), f"no answer after {events[-3:]}"
        events.append(from_bytes(connection.recv_bytes()))
    return events


def until(condition, patience=10.0):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def is_alive(worker):
    with client(worker) as connection:
        ask(connection, Info("after"))
        return answers(connection)[-1] == Finished({"out": "after"})


def test_jobs_run_in_order_and_each_answers():
    with serving() as (worker, handler, _), client(worker) as connection:
        for name in "abc":
            ask(connection, Info(name))
        for name in "abc":
            assert answers(connection) == [Started(name, 0), Finished({"out": name})]
        until(lambda: len(handler.log) == 6)
        assert handler.log == [f"{what} {name}" for name in "abc" for what in ("start", "end")]


def test_cancel_ends_the_running_and_the_waiting_job_and_closes_the_handler():
    with serving() as (worker, handler, _), client(worker) as connection:
        ask(connection, LONG)
        answers(connection, until=(Progress,))
        ask(connection, Bake("h", "a", "waiting"))
        ask(connection, Cancel())
        assert "long" in answers(connection)[-1].sentence
        assert handler.log == ["start long", "end long"]
        assert "waiting" in answers(connection)[-1].sentence
        assert "start waiting" not in handler.log
        ask(connection, Info("next"))
        assert answers(connection)[-1] == Finished({"out": "next"})


def test_a_vanished_client_cancels_its_job_and_the_next_is_served():
    with serving() as (worker, handler, _):
        with client(worker) as connection:
            ask(connection, LONG)
            ask(connection, Bake("h", "a", "never"))
            answers(connection, until=(Progress,))
        assert is_alive(worker)
        assert handler.log[:2] == ["start long", "end long"]
        assert "start never" not in handler.log


def test_two_clients_share_it_and_hear_only_their_own():
    with serving() as (worker, _, _), client(worker) as first, client(worker) as second:
        ask(first, LONG)
        answers(first, until=(Progress,))
        ask(second, Info("mine"))
        ask(second, Cancel())  # ends nothing of the first one's
        until(lambda: any(t.cancelled.is_set() for c in list(worker.clients) for t in c.pending))
        answers(first, until=(Progress,))
        ask(first, Cancel())
        assert isinstance(answers(first)[-1], Cancelled)
        assert isinstance(answers(second)[-1], Cancelled)


def test_our_own_mistake_is_said_logged_and_survived(capfd):
    with serving() as (worker, _, _), client(worker) as connection:
        ask(connection, Info("broken"))
        assert "internal error" in answers(connection)[-1].sentence
        assert "KeyError" in capfd.readouterr().err
        assert is_alive(worker)


def test_wrong_key_is_refused():
    with serving() as (worker, _, _):
        with pytest.raises(AuthenticationError):
            Client(worker.listener.address, authkey=b"guess")
        assert is_alive(worker)


@pytest.mark.parametrize("first", [Hello(PROTOCOL + 1, "9.9"), Cancel(), Info("x")])
def test_unlike_protocols_part_with_a_sentence(first):
    with serving() as (worker, handler, _):
        with client(worker, greet=False) as connection:
            ask(connection, first)
            [answer] = answers(connection)
            assert f"protocol {PROTOCOL}" in answer.sentence
            with pytest.raises((EOFError, OSError)):
                connection.recv_bytes()
        assert handler.log == []
        assert is_alive(worker)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95",
        b"{}",
        b'{"kind":"Info","body":{"file":7}}',
        b"[" * 100_000,
        b'{"kind":"Finished","body":{"result":{}}}',
    ],
)
def test_garbage_gets_a_sentence_and_the_line_stays(data):
    with serving() as (worker, _, _), client(worker) as connection:
        connection.send_bytes(data)
        assert isinstance(answers(connection)[-1], Failed)
        ask(connection, Info("after"))
        assert answers(connection)[-1] == Finished({"out": "after"})


def test_an_oversized_message_is_dropped_before_it_is_read():
    with serving() as (worker, _, _):
        with client(worker) as connection:
            os.write(connection.fileno(), (MAX_MESSAGE_BYTES + 1).to_bytes(4, "big") + b"x")
            with pytest.raises((EOFError, OSError)):
                connection.recv_bytes()
        with client(worker) as connection:  # a header that promises 2^60 bytes
            os.write(connection.fileno(), b"\xff\xff\xff\xff" + (1 << 60).to_bytes(8, "big"))
            with pytest.raises((EOFError, OSError)):
                connection.recv_bytes()
        assert is_alive(worker)


def test_silent_strangers_hold_up_nobody_and_are_shown_out(monkeypatch):
    monkeypatch.setattr(module, "HANDSHAKE_TIMEOUT", 1.0)
    with serving() as (worker, _, _):
        strangers = [socket.create_connection(worker.listener.address) for _ in range(8)]
        with client(worker) as connection:
            until(lambda: len(worker.clients) == 1)
            time.sleep(1.2)  # a known client may be silent as long as it likes
            ask(connection, Info("late"))
            assert answers(connection)[-1] == Finished({"out": "late"})
        for stranger in strangers:
            stranger.close()


def closed(stranger, patience=10.0):
    """Whether the worker ends the connection; what it says first (its challenge) is read and dropped."""
    stranger.settimeout(patience)
    try:
        while stranger.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_a_stranger_who_sends_a_byte_now_and_then_has_no_more_time_than_a_silent_one(monkeypatch):
    monkeypatch.setattr(module, "HANDSHAKE_TIMEOUT", 1.0)
    with serving() as (worker, _, _), socket.create_connection(worker.listener.address) as stranger:
        stopped = threading.Event()

        def drip():
            with suppress(OSError):
                stranger.sendall((200).to_bytes(4, "big"))
                while not stopped.wait(0.2):
                    stranger.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        assert closed(stranger)
        stopped.set()
        thread.join(10)
        assert is_alive(worker)


def test_strangers_in_any_number_do_not_keep_the_add_on_out():
    """They say nothing and are shown out only after ten seconds; whoever has the key is in at once."""
    with serving() as (worker, _, _):
        strangers = [socket.create_connection(worker.listener.address) for _ in range(150)]
        assert is_alive(worker)
        strangers += [socket.create_connection(worker.listener.address) for _ in range(150)]
        assert is_alive(worker)
        assert closed(strangers[0]), "the longest waiting one makes room"
        assert not closed(strangers[-1], 0.5), "the others have their time"
        until(lambda: len(worker.strangers) <= module.MAX_STRANGERS)
        assert threading.active_count() < 4 * module.MAX_STRANGERS
        for stranger in strangers:
            stranger.close()
        until(lambda: not worker.strangers)


@pytest.mark.parametrize("header", [(1 << 30).to_bytes(4, "big"), b"\xff\xff\xff\xff" + (1 << 60).to_bytes(8, "big")])
def test_a_stranger_cannot_announce_a_large_message(header):
    with serving() as (worker, _, _), socket.create_connection(worker.listener.address) as stranger:
        stranger.sendall(header + b"x")
        assert closed(stranger, 5.0), "at once, not at the deadline"
        assert is_alive(worker)


def test_quit_cancels_and_ends():
    with serving() as (worker, handler, thread), client(worker) as connection:
        ask(connection, LONG)
        answers(connection, until=(Progress,))
        ask(connection, Quit())
        thread.join(10)
        assert not thread.is_alive()
        assert handler.log[-1] == "end long"


def test_it_ends_when_idle_but_not_while_a_client_is_there():
    with serving(idle=0.2) as (worker, _, thread):
        with client(worker) as connection:
            time.sleep(1.2)
            ask(connection, Info("late"))
            assert answers(connection)[-1] == Finished({"out": "late"})
        thread.join(10)
        assert not thread.is_alive()


# --- the real process ---------------------------------------------------------------------------


START_WORKER = Path(__file__).resolve().parents[2] / "core" / "start_worker.py"


def started(environment=(), arguments=(), script=START_WORKER, **options):
    key = secrets.token_hex(32)
    process = subprocess.Popen(
        [sys.executable, "-I", str(script), *arguments],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, KEY: key, **dict(environment)},
        **options,
    )
    return process, bytes.fromhex(key)


def test_the_process_greets_works_and_refuses_a_real_bad_file(tmp_path):
    process, key = started()
    hello = json.loads(process.stdout.readline())
    assert hello["protocol"] == PROTOCOL
    assert hello["pid"] == process.pid
    with Client(("127.0.0.1", hello["port"]), authkey=key) as connection:
        ask(connection, Hello(PROTOCOL, "test"))
        assert from_bytes(connection.recv_bytes()) == Hello(PROTOCOL, hello["version"])
        ask(connection, Info(str(tmp_path / "none.head")))
        assert "none.head" in answers(connection, patience=60)[-1].sentence
        ask(connection, Quit())
    assert process.wait(20) == 0


def test_it_starts_from_a_folder_of_any_name(tmp_path):
    (tmp_path / "odd name").symlink_to(START_WORKER.parents[1])
    process, _ = started(script=tmp_path / "odd name" / "core" / "start_worker.py", cwd=tmp_path)
    assert json.loads(process.stdout.readline())["port"]
    process.terminate()
    assert process.wait(20) == 0


def test_it_says_what_it_needs_without_a_key():
    process, _ = started(environment=[(KEY, "short")], stderr=subprocess.PIPE)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert KEY in error


def test_it_ends_with_the_process_that_started_it():
    starter = (
        "import os, subprocess, sys\n"
        f"os.environ[{KEY!r}] = '0' * 64\n"
        f"command = [sys.executable, '-I', {str(START_WORKER)!r}]\n"
        "w = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
        "print(w.stdout.readline(), flush=True)\n"
        "os._exit(0)"
    )  # no goodbye
    done = subprocess.run([sys.executable, "-c", starter], capture_output=True, text=True, timeout=30)
    pid = json.loads(done.stdout)["pid"]

    def ended():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().split()[2] == "Z"

    until(ended)


def number_of_an_ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return str(process.pid)


def test_it_ends_where_blender_was_killed_while_the_worker_was_still_starting():
    """Its parent is another process by then: only the number that it was given says whom it belongs to."""
    process, _ = started(arguments=["--parent", number_of_an_ended_process()])
    assert process.wait(60) == 0


def test_it_ends_with_blender_although_the_main_thread_is_deep_in_a_library():
    stuck = (
        "import sys, threading, time\n"
        "from talksplat.core import parent_process\n"
        "parent_process.GRACE = 0.1\n"
        "parent_process.end_with_parent(int(sys.argv[1]), threading.Event())\n"
        "time.sleep(1000)"
    )
    command = [sys.executable, "-c", stuck, number_of_an_ended_process()]
    assert subprocess.run(command, timeout=60).returncode == 1


def test_an_event_that_cannot_be_sent_is_our_mistake_not_the_clients():
    def handler(job):
        yield Finished({"value": float("nan")})

    with pytest.raises(UserError):
        to_bytes(Finished({"value": float("nan")}))
    with serving() as (worker, _, _), client(worker) as connection:
        worker.run = handler
        ask(connection, Info("x"))
        assert "internal error" in answers(connection)[-1].sentence

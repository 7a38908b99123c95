# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's way: a worker bakes over the wire; killed, cancelled or disconnected, the bake continues to its end."""

import json
import os
import secrets
import signal
import subprocess
import sys
from contextlib import contextmanager
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.formats import BakeReader
from talksplat.core.jobs import Bake, Cancelled, Failed, Finished, Info, Progress, Render, Started
from talksplat.core.wire import PROTOCOL, Cancel, Hello, Quit, from_bytes, to_bytes

START_WORKER = Path(__file__).resolve().parents[2] / "core" / "start_worker.py"
TIMEOUT = 200  # seconds; a loaded machine imports torch slowly


class WorkerUnderTest:
    """A worker process and how to reach it."""

    def __init__(self, log):
        self.key = secrets.token_bytes(32)
        environment = {**os.environ, "TALKSPLAT_WORKER_KEY": self.key.hex()}
        with open(log, "ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(START_WORKER)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
            )
        self.port = json.loads(self.process.stdout.readline())["port"]

    @contextmanager
    def connect(self):
        with Client(("127.0.0.1", self.port), authkey=self.key) as connection:
            connection.send_bytes(to_bytes(Hello(PROTOCOL, "test")))
            assert isinstance(from_bytes(connection.recv_bytes()), Hello)
            yield connection

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def start_worker(tmp_path):
    """Start worker processes; they end with the test."""
    running = []

    def start():
        running.append(WorkerUnderTest(tmp_path / "worker.log"))
        return running[-1]

    yield start
    for process in running:
        process.close()


@pytest.fixture
def job(tiny_head, voice, tmp_path):
    (tmp_path / "killed").mkdir()
    return Bake(str(tiny_head), str(voice), str(tmp_path / "killed" / "shot.bake"), fps="480")


def events(connection, job):
    """What the worker answers to `job`, to its last event."""
    connection.send_bytes(to_bytes(job))
    while True:
        assert connection.poll(TIMEOUT), "the worker does not answer"
        event = from_bytes(connection.recv_bytes())
        yield event
        if isinstance(event, (Finished, Failed, Cancelled)):
            return


def until(connection, job, done):
    """Send `job` and read events until `done` frames are finished."""
    for event in events(connection, job):
        assert not isinstance(event, (Finished, Failed)), event
        if isinstance(event, Progress) and event.note.startswith("frame") and event.done >= done:
            return
    raise AssertionError("the job ended too soon")


def test_killed_cancelled_disconnected_and_still_the_same_bake(start_worker, job, tmp_path):
    first = start_worker()
    with first.connect() as connection:
        until(connection, job, 40)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with BakeReader.open(job.out) as reader:
        killed_at = len(reader.frames)
        assert killed_at >= 40
        assert not reader.complete
    second = start_worker()
    with second.connect() as connection:
        until(connection, job, killed_at + 40)
        connection.send_bytes(to_bytes(Cancel()))
        while not isinstance(event := from_bytes(connection.recv_bytes()), Cancelled):
            assert isinstance(event, Progress)
        assert "shot.bake" in event.sentence
    with second.connect() as connection:
        until(connection, job, killed_at + 80)  # and the client disconnects
    with second.connect() as connection:
        *_, last = events(connection, job)
        assert isinstance(last, Finished), last
        assert last.result["frames"] == 576
        assert last.result["new"] < 576 - 80
    uninterrupted = tmp_path / "uninterrupted" / "shot.bake"
    list(bake(Bake(job.head, job.audio, str(uninterrupted), job.fps)))
    assert uninterrupted.read_bytes() == open(job.out, "rb").read()


def test_bake_render_and_info_over_the_wire(start_worker, tiny_head, voice, tmp_path):
    path = str(tmp_path / "shot.bake")
    worker = start_worker()
    with worker.connect() as connection:
        answers = list(events(connection, Bake(str(tiny_head), str(voice), path)))
        assert isinstance(answers[0], Started)
        assert answers[-1].result["frames"] == 29
        *_, last = events(connection, Render(path, str(tmp_path / "render"), 32, last=4))
        assert last.result["rendered"] == 4
        *_, last = events(connection, Info(path))
        assert last.result["frames"] == "29"
        *_, last = events(connection, Bake(str(tiny_head), str(tmp_path / "none.wav"), path))
        assert "none.wav" in last.sentence
        connection.send_bytes(to_bytes(Quit()))
    assert worker.process.wait(TIMEOUT) == 0
    assert len(list((tmp_path / "render").glob("*.png"))) == 4

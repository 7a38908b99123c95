# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's way: a worker bakes over the wire; killed, cancelled or deserted, the bake goes on to the end."""

import json
import os
import secrets
import signal
import subprocess
import sys
from contextlib import contextmanager
from multiprocessing.connection import Client

import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.jobs.events import Cancelled, Failed, Finished, Progress, Started
from talksplat.core.jobs.messages import Bake, Info, Render
from talksplat.core.wire import PROTOCOL, Cancel, Hello, Quit, from_bytes, to_bytes

PATIENCE = 200  # seconds; a loaded machine imports torch slowly


class Process:
    """A worker process and how to reach it."""

    def __init__(self, log):
        self.key = secrets.token_bytes(32)
        environment = {**os.environ, "TALKSPLAT_WORKER_KEY": self.key.hex()}
        with open(log, "ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "talksplat.core.worker"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
            )
        self.port = json.loads(self.process.stdout.readline())["port"]

    @contextmanager
    def line(self):
        with Client(("127.0.0.1", self.port), authkey=self.key) as line:
            line.send_bytes(to_bytes(Hello(PROTOCOL, "test")))
            assert isinstance(from_bytes(line.recv_bytes()), Hello)
            yield line

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path):
    """Start worker processes; they end with the test."""
    running = []

    def one():
        running.append(Process(tmp_path / "worker.log"))
        return running[-1]

    yield one
    for process in running:
        process.close()


@pytest.fixture
def job(tiny_head, voice, tmp_path):
    (tmp_path / "killed").mkdir()
    return Bake(str(tiny_head), str(voice), str(tmp_path / "killed" / "shot.bake"), fps="480")


def events(line, job):
    """What the worker answers to `job`, to its last word."""
    line.send_bytes(to_bytes(job))
    while True:
        assert line.poll(PATIENCE), "the worker says nothing"
        event = from_bytes(line.recv_bytes())
        yield event
        if isinstance(event, (Finished, Failed, Cancelled)):
            return


def until(line, job, done):
    """Ask for `job` and read on until `done` frames are there."""
    for event in events(line, job):
        assert not isinstance(event, (Finished, Failed)), event
        if isinstance(event, Progress) and event.done >= done:
            return
    raise AssertionError("it ended")


def test_killed_cancelled_deserted_and_still_the_very_same_bake(start, job, tmp_path):
    first = start()
    with first.line() as line:
        until(line, job, 40)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with BakeReader.open(job.out) as reader:
        killed_at = len(reader.frames)
        assert killed_at >= 40
        assert not reader.complete
    second = start()
    with second.line() as line:
        until(line, job, killed_at + 40)
        line.send_bytes(to_bytes(Cancel()))
        while not isinstance(event := from_bytes(line.recv_bytes()), Cancelled):
            assert isinstance(event, Progress)
        assert "shot.bake" in event.sentence
    with second.line() as line:
        until(line, job, killed_at + 80)  # and the client is gone without a word
    with second.line() as line:
        *_, last = events(line, job)
        assert isinstance(last, Finished), last
        assert last.result["frames"] == 576
        assert last.result["new"] < 576 - 80
    whole = tmp_path / "whole" / "shot.bake"
    list(bake(Bake(job.head, job.audio, str(whole), job.fps)))
    assert whole.read_bytes() == open(job.out, "rb").read()


def test_bake_render_and_info_over_the_wire(start, tiny_head, voice, tmp_path):
    path = str(tmp_path / "shot.bake")
    worker = start()
    with worker.line() as line:
        told = list(events(line, Bake(str(tiny_head), str(voice), path)))
        assert isinstance(told[0], Started)
        assert told[-1].result["frames"] == 29
        *_, last = events(line, Render(path, str(tmp_path / "plates"), 32, last=4))
        assert last.result["rendered"] == 4
        *_, last = events(line, Info(path))
        assert last.result["frames"] == "29"
        *_, last = events(line, Bake(str(tiny_head), str(tmp_path / "none.wav"), path))
        assert "none.wav" in last.sentence
        line.send_bytes(to_bytes(Quit()))
    assert worker.process.wait(PATIENCE) == 0
    assert len(list((tmp_path / "plates").glob("*.png"))) == 4

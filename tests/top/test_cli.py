# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shell adds to the jobs: flags are their fields, events are printed in three ways, interruption is gentle."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest

from talksplat.core import cli
from talksplat.core.jobs import (
    Align,
    Bake,
    Convert,
    Do,
    Evaluate,
    Export,
    Info,
    Perform,
    Prepare,
    Render,
    Shots,
    Train,
    Warm,
)
from talksplat.core.jobs.events import Finished, Progress, Started, Warned
from talksplat.core.jobs.job_fields import HIDDEN
from talksplat.core.performance.controls import Controls

JOB = Bake("h", "a", "shot.bake")


@pytest.fixture
def asked(monkeypatch):
    """The jobs that the command asks for; nothing is done."""
    jobs = []

    def do(job):
        jobs.append(job)
        yield Finished()

    monkeypatch.setattr(cli, "run_job", do)
    return jobs


@pytest.mark.parametrize(
    ("words", "job"),
    [
        ("align a --text t --out o", Align("a", "t", "o")),
        ("perform --head h --audio a --out p", Perform("h", "a", "p")),
        ("perform --head h --audio a --out p --words w", Perform("h", "a", "p", words="w")),
        ("bake --head h --audio a --fps 24 --out s", Bake("h", "a", "s")),
        (
            "bake --head h --audio a --fps 24000/1001 --out s --frame-start -5 --frame-count 7 --offset -0.25 "
            "--controls.intensity 1.2 --controls.brows -0.5",
            Bake("h", "a", "s", "24000/1001", -5, 7, -0.25, Controls(intensity=1.2, brows=-0.5)),
        ),
        ("render s.bake --size 512 --out d", Render("s.bake", "d")),
        (
            "render s.bake --out d --no-exr --no-movie --first 3 --last 9 --audio v.wav",
            Render("s.bake", "d", exr=False, movie=False, first=3, last=9, audio="v.wav"),
        ),
        ("render s.bake --out d --frames 1-10x2,20", Render("s.bake", "d", frames="1-10x2,20")),
        ("bake --head h --audio a --out s --frames=-5--1", Bake("h", "a", "s", frames="-5--1")),
        ("bake --head h --out s --frames 1-24", Bake("h", "", "s", frames="1-24")),
        ("render s.bake --out d --passes beauty depth", Render("s.bake", "d", passes=("beauty", "depth"))),
        ("do s.job.json --first 1 --last 9", Do("s.job.json", 1, 9)),
        ("warm", Warm()),
        ("shots s.csv --engine ray --cores 4 --check", Shots("s.csv", engine="ray", cores=4, check=True)),
        (
            "render a.bake --out d --more-bakes b.bake --places 0,0,0,0 -0.3,0,0,9 --overscan 5",
            Render("a.bake", "d", more_bakes=("b.bake",), places=("0,0,0,0", "-0.3,0,0,9"), overscan=5.0),
        ),
        (
            "render s.bake --out d --supersampling 3x --pixel-filter gaussian --filter-width 2",
            Render("s.bake", "d", supersampling="3x", pixel_filter="gaussian", filter_width=2.0),
        ),
        (
            "render s.bake --out d --motion-blur --shutter 0.25 --shutter-position start --motion-samples 9",
            Render("s.bake", "d", motion_blur=True, shutter=0.25, shutter_position="start", motion_samples=9),
        ),
        ("export s.bake --out d", Export("s.bake", "d")),
        (
            "export s.bake --out d --format ply --axes rdf --first 3 --last 9 --name anna",
            Export("s.bake", "d", "ply", "rdf", 3, 9, "anna"),
        ),
        (
            "prepare a.mp4 b --out f --size native --pixel-aspect 16/15",
            Prepare(("a.mp4", "b"), "f", "native", pixel_aspect="16/15"),
        ),
        ("train footage --out h --preset quick --seed 3", Train("footage", "h", preset="quick", seed=3)),
        ("evaluate h.head footage --words w --clips 3", Evaluate("h.head", "footage", words="w", clips=3)),
        ("convert a --out b --torso", Convert("a", "b", torso=True)),
        ("info x", Info("x")),
    ],
)
def test_flags_are_the_jobs_fields(asked, words, job):
    assert cli.main(words.split()) == 0
    assert asked == [job]


def test_every_field_of_a_job_has_a_flag_or_is_hidden_on_purpose(capsys):
    hidden = {
        "cameras",
        "controls",
        "controls_per_frame",
        "head_to_world",
        "more_audio",
        "audio_per_frame",
        "pose_change",
    }
    hidden |= {
        "sounds",
        "sound_per_frame",
        "depth_file",
        "region",
        "data_window",
        "more_head_to_world",
        "with_neighbours",
    }  # nested, or for the add-on
    hidden |= {"shutter_curve", "shutter_cameras"}
    hidden |= {"text_name", "more_words"}  # for the add-on
    for name, row in cli.JOBS.items():
        job = row.message
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        said = capsys.readouterr().out
        for field in fields(job):
            flag = "--" + field.name.replace("_", "-")
            first = {
                "adapt": 1,
                "do": 1,
                "shots": 1,
                "align": 1,
                "rig": 1,
                "export-rig": 1,
                "proxy": 1,
                "render": 1,
                "export": 1,
                "prepare": 1,
                "train": 1,
                "evaluate": 2,
                "convert": 1,
                "import-head": 1,
                "info": 1,
            }
            positional = field in fields(job)[: first.get(name, 0)]
            assert (flag in said) != (field.name in hidden - {"controls"} or positional), f"{name} {flag}"


def many(interrupt_at=0, total=1000):
    yield Started("long", total)
    for i in range(1, total + 1):
        if i == interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        yield Progress(i, total, 1.0, f"frame {i}")
    yield Warned("careful.")
    yield Finished({"frames": total, "lips": {"r": 0.7}})


def test_the_log_is_short_and_results_are_lines(capsys):
    assert cli.show(many(), JOB, as_json=False) == 0
    said = capsys.readouterr()
    assert said.out == "frames: 1000\nlips.r: 0.7\n"
    assert said.err.splitlines() == ["long", "1000/1000 frame 1000", "careful."]


def test_a_step_of_unknown_length_has_no_count(capsys):
    """The import of an avatar said "0/0 making the rig of its shapes"."""
    events = (e for e in (Started("Importing anna.zip", 0), Progress(0, 0, -1.0, "making the rig"), Finished({})))
    assert cli.show(events, JOB, as_json=False) == 0
    assert capsys.readouterr().err.splitlines() == ["Importing anna.zip", "making the rig"]


def test_the_terminal_draws_a_bar_and_prints_the_results(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert cli.show(many(total=20), JOB, as_json=False) == 0
    said = capsys.readouterr()
    assert said.out == "frames: 20\nlips.r: 0.7\n"
    assert "careful." in said.err


@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_lets_the_step_end_closes_the_handler_and_says_how_to_continue(capsys, as_json):
    closed = []

    def handler():
        try:
            yield from many(interrupt_at=5)
        finally:
            closed.append(True)
            print("closed", file=sys.stderr)

    before = signal.getsignal(signal.SIGINT)
    assert cli.show(handler(), JOB, as_json) == 130
    assert closed == [True]
    assert signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr()
    if as_json:
        events = [json.loads(line) for line in said.out.splitlines()]
        assert [e["body"].get("done") for e in events[-2:]] == [5, None]
        assert events[-1]["kind"] == "Cancelled"
    else:
        assert said.err.splitlines()[-2] == "closed", "first the end, then what is kept"
        assert "shot.bake" in said.err.splitlines()[-1]


def test_the_second_ctrl_c_does_not_wait():
    def handler():
        yield Started("stuck", 0)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        yield Finished()

    with pytest.raises(KeyboardInterrupt):
        cli.show(handler(), JOB, as_json=False)


def test_demo_reaches_its_module(monkeypatch):
    called = []
    modules = {"..samples.demo": SimpleNamespace(main=lambda words: called.append(words) or 3)}
    monkeypatch.setattr(cli, "import_module", lambda name, package: modules[name])
    assert cli.main(["demo", "--out", "x"]) == 3
    assert called == [["--out", "x"]]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", [("version",), ("info", "FILE"), ("info", "FILE", "--json")])
def test_a_full_disk_under_stdout_is_one_sentence(words, tmp_path):
    """`talksplat info a.head > a.txt` on a full disk ended in a traceback."""
    file = str(Path(__file__).parents[1] / "fixtures" / "v0_1_0" / "tiny.bake")
    command = [sys.executable, "-m", "talksplat.core.cli", *(file if word == "FILE" else word for word in words)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == "stdout: the disk is full; free some space and run it again, everything finished is kept."
    )


def test_a_closed_stdout_before_the_end_is_no_success():
    """A farm must not take a run whose reader went away for a finished one."""
    code = (
        "import sys, time\n"
        "from talksplat.core import cli\n"
        "from talksplat.core.jobs import Bake, Progress\n"
        "def events(job):\n"
        "    while True:\n"
        "        yield Progress(1, 2, -1.0)\n"
        "cli.run_job = events\n"
        "sys.exit(cli.main(['bake', '--head', 'a', '--audio', 'b', '--out', 'c', '--json']))"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run.stdout.readline()
    run.stdout.close()
    assert run.wait(60) == 1
    assert run.stderr.read().strip() == "stdout: was closed before the end; run it again to continue."


@pytest.mark.parametrize("name", sorted(cli.JOBS))
def test_every_flag_says_what_it_is(name):
    """The help of `evaluate` and `export-rig` was silent about the flags whose lines are long."""
    message = cli.JOBS[name].message
    shown = {field.name for field in fields(message) if field.metadata != HIDDEN} - {"controls"}  # those have their own
    assert shown <= set(cli.comments_of(message))

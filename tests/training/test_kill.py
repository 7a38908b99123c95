# SPDX-License-Identifier: GPL-3.0-or-later
"""A real `talksplat train`, killed with no warning in each of its stages: the head at the end is the one of an unbroken
run, to the last bit."""

import json
import os
import subprocess
import sys

import pytest

from talksplat.core.formats.head_file import read_head
from talksplat.core.training import run_log

SETTINGS = [
    "--preset",
    "smoke",
    "--seed",
    "3",
    "--set",
    "audio_net.steps=20",
    "audio_net.every=5",
    "motion_steps=300",
    "static_steps=25",
    "move_steps=30",
    "fuse_steps=25",
    "checkpoint_every=7",
    "face_points=300",
    "density.start=5",
    "density.every=6",
    "density.stop=50",
]
STAGES = {"audio net": 10, "motion": 100, "static": 20, "move": 40, "fuse": 60, "measuring": 3}  # killed from here on


def start(footage, folder, threads):
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)} if threads else {})
    command = [
        sys.executable,
        "-c",
        "import sys; from talksplat.core.cli import main; sys.exit(main())",
        "train",
        str(footage),
        "--out",
        str(folder / "tiny.head"),
        *SETTINGS,
        "--json",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def kill_in(stage, footage, folder, threads):
    """Kill the process in a stage; False where it ended before."""
    with start(footage, folder, threads) as run:
        for line in run.stdout:
            event = json.loads(line)["body"]
            if event.get("note", "").startswith(stage) and event["done"] >= STAGES[stage]:
                run.kill()
                return True
    return False


def finish(footage, folder, threads):
    with start(footage, folder, threads) as run:
        out, err = run.communicate()
    assert run.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["kind"] == "Finished"
    head = read_head(folder / "tiny.head")
    return head.card.content_hash, {k: v for k, v in head.card.training.items() if k != "minutes"}


def killed_and_finished(stages, footage, folder, threads):
    for stage in stages:
        assert kill_in(stage, footage, folder, threads), f"the run ended before {stage}"
        assert not (folder / "tiny.head").exists()
    head = finish(footage, folder, threads)
    steps = [line.t for line in run_log.read_losses(folder / "tiny.work" / run_log.LOSSES)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 80
    return head


def test_killed_while_it_learns_from_pictures(tiny_footage, tmp_path_factory):
    expected = finish(tiny_footage, tmp_path_factory.mktemp("unbroken"), 1)
    assert killed_and_finished(["move"], tiny_footage, tmp_path_factory.mktemp("killed"), 1) == expected


@pytest.fixture(scope="module")
def unbroken(tiny_footage, tmp_path_factory):
    """With as many threads as the machine gives."""
    return finish(tiny_footage, tmp_path_factory.mktemp("unbroken"), 0)


@pytest.mark.slow
def test_killed_once_in_every_stage(unbroken, tiny_footage, tmp_path):
    assert killed_and_finished(STAGES, tiny_footage, tmp_path, 0) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_one_stage(stage, unbroken, tiny_footage, tmp_path):
    assert killed_and_finished([stage], tiny_footage, tmp_path, 0) == unbroken

# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot done by many processes: the bytes of one desk, every frame once, whoever dies whenever; a job file from
anybody reads and writes nothing but its own folder."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.baking.farm.claims import Claims
from talksplat.core.baking.farm.do import do
from talksplat.core.baking.render import render
from talksplat.core.dispatch import run_job
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Bake, Do, Render, Warm
from talksplat.core.jobs.events import Failed, Finished, Started
from talksplat.core.jobs.job_file import read_job_file, write_job_file
from talksplat.core.performance.controls import Controls

FRAMES = 6


@pytest.fixture(scope="module")
def export(tiny_head, voice):
    """A function that exports a job of six frames: keyed controls, a moving camera, a movie without PNGs."""
    eyes = [np.array([0.02 * k, -0.9, 0.0]) for k in range(FRAMES)]
    cameras = tuple(Camera.looking_at(eye, np.zeros(3), 32, 24, 0.5) for eye in eyes)
    controls = tuple(Controls(intensity=0.2 * k) for k in range(FRAMES))
    baked = Bake(str(tiny_head), str(voice), "", "24", -2, FRAMES, controls_per_frame=controls)
    rendered = Render("", "", cameras=cameras, passes=("beauty", "vector"), png=False, publish=True, device="cpu")
    return lambda folder: write_job_file(folder, "sh010", baked, rendered)


@pytest.fixture(scope="module")
def exported(export, tmp_path_factory):
    return export(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def job(exported, tmp_path):
    """A copy on "another machine"."""
    return shutil.copytree(exported.parent, tmp_path / "copy") / exported.name


@pytest.fixture(scope="module")
def one_desk(exported, tmp_path_factory):
    """What `talksplat bake` and `talksplat render` make of the same shot: name -> bytes."""
    file = read_job_file(shutil.copytree(exported.parent, tmp_path_factory.mktemp("desk") / "copy") / exported.name)
    list(bake(file.bake))
    list(render(file.render))
    return made(Path(file.render.out))


def made(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "lock"}


def result_of(events):
    *_, last = events
    assert isinstance(last, Finished), last
    return last.result


def check(folder, one_desk):
    ours = made(folder)
    assert sorted(ours) == sorted(one_desk)
    lists = {"sh010.rendered.txt"}  # in the order of the day
    assert [name for name in ours if ours[name] != one_desk[name] and name not in lists] == []
    assert sorted(ours["sh010.rendered.txt"].split()) == sorted(one_desk["sh010.rendered.txt"].split())


def test_ranges_on_any_machines_give_the_bytes_of_one_desk(job, one_desk):
    first = result_of(do(Do(str(job), first=-2, last=0)))
    assert (first["new"], first["complete"]) == (3, False)
    assert result_of(do(Do(str(job), first=-1, last=1)))["new"] == 1, "what is done is not done again"
    moved = job.parent.rename(job.parent.with_name("moved")) / job.name
    last = result_of(do(Do(str(moved))))
    assert (last["new"], last["complete"]) == (2, True)
    check(moved.parent / "sh010", one_desk)
    assert {p.name for p in (moved.parent / "sh010" / "sh010.work").iterdir()} == {"finished", "job.sha256"}
    assert result_of(do(Do(str(moved))))["new"] == 0
    assert result_of(render(read_job_file(moved).render))["rendered"] == 0, "a desk goes on where the farm ended"


def test_the_same_shot_is_the_same_job_file(export, exported, job, tiny_head):
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in job.parent.rglob("*.*")}
    assert export(job.parent).read_bytes() == exported.read_bytes()
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in job.parent.rglob("*.*")} == before
    assert str(tiny_head.parent) not in job.read_text(), "nothing of the machine"


def test_words_leave_with_the_job(tiny_head, voice, tmp_path):
    """They were named by their place on the machine that exported, where no other finds them."""
    words = tmp_path / "desk" / "line.TextGrid"
    words.parent.mkdir()
    words.write_text("words")
    bake = Bake(str(tiny_head), str(voice), "", words=str(words), more_audio=(str(voice),), more_words=(str(words),))
    exported = write_job_file(tmp_path / "farm", "sh010", bake, Render("", ""))
    assert str(words.parent) not in exported.read_text()
    words.unlink()
    there = read_job_file(shutil.move(exported.parent, tmp_path / "copy") / exported.name).bake
    assert {Path(path).read_text() for path in (there.words, *there.more_words)} == {"words"}


def test_what_has_changed_on_the_way_is_told(job):
    head = next((job.parent / "files").glob("*.head"))
    head.write_bytes(head.read_bytes()[:-1] + b"x")
    *_, last = run_job(Do(str(job)))
    assert isinstance(last, Failed)
    assert head.name in last.sentence
    head.unlink()
    *_, last = run_job(Do(str(job)))
    assert "no such file" in last.sentence


NO_PATHS = {"fps", "channel", "frames", "name", "device", "space", "passes", "exr_layout", "exr_compression"}
NO_PATHS |= {"depth_file", "tokens", "supersampling", "pixel_filter", "places", "head_names", "movie_format"}
NO_PATHS |= {"shutter_position", "view", "display"}
PATHS = [  # every field of texts that is not known as none, so that a new one is tried as well
    (part, field.name, kind == tuple[str, ...])
    for part, message in (("bake", Bake), ("render", Render))
    for field in fields(message)
    if (kind := get_type_hints(message)[field.name]) in (str, tuple[str, ...]) and field.name not in NO_PATHS
]


@pytest.mark.parametrize("path", ["/etc/passwd", "../up.head", "a/../../b", "C:\\x", "a\\..\\b"])
@pytest.mark.parametrize(("part", "name", "is_list"), [*PATHS, ("files", "", False)])
def test_a_job_file_names_nothing_outside_of_its_folder(job, path, part, name, is_list):
    said = json.loads(job.read_text())
    said[part][name or path] = [path] if is_list else path
    job.write_text(json.dumps(said))
    with pytest.raises(UserError, match="not in its own folder"):
        read_job_file(job)


def test_a_job_file_of_another_kind_or_time_is_told(job):
    said = json.loads(job.read_text())
    for change in ({"version": 99}, {"format": "x"}, {"bake": 3}, {"strange": 1}):
        job.write_text(json.dumps(said | change))
        with pytest.raises(UserError, match=job.name):
            read_job_file(job)
    job.write_text(json.dumps(said))
    list(do(Do(str(job), last=-2)))
    job.write_text(json.dumps(said | {"talksplat": "other"}))
    with pytest.raises(UserError, match="another job"):
        list(do(Do(str(job))))


@pytest.mark.parametrize("name", ["{shot}.####", "a_v###.####", "{nothing}", "../up", "####_a"])
def test_the_pictures_of_a_job_have_plain_names(job, name):
    """Two processes could take two versions."""
    said = json.loads(job.read_text())
    said["render"]["name"] = name
    job.write_text(json.dumps(said))
    *_, last = run_job(Do(str(job)))
    assert isinstance(last, Failed)
    assert name in last.sentence


def test_a_job_file_by_hand_needs_little(job, tiny_head):
    """What is left out has the defaults of the shell; the name of its pictures may place the frame."""
    (job.parent / "by.head").write_bytes(tiny_head.read_bytes())
    said = {
        "format": "talksplat-job",
        "version": 1,
        "bake": {"head": "by.head", "out": "by/by.bake", "frame_count": 2},
        "render": {"bake": "by/by.bake", "out": "by", "size": 16, "movie": False, "name": "by_####"},
    }
    (job.parent / "by.job.json").write_text(json.dumps(said))
    assert result_of(do(Do(str(job.parent / "by.job.json"))))["complete"]
    names = {path.name for path in (job.parent / "by").iterdir()}
    assert {"by_0001.png", "by_0002.exr", "by.rendered.txt", "by.bake"} <= names


def test_after_warm_nothing_is_to_be_compiled(job):
    list(run_job(Warm()))
    titles = [event.title for event in do(Do(str(job), last=-2)) if isinstance(event, Started)]
    assert not [title for title in titles if "Compiling" in title]


@pytest.fixture
def clocks():
    return {"now": 0.0}


def watcher(folder, clocks):
    """Claims that live by the test's clock and give no sign by themselves."""
    claims = Claims(folder, 60.0, lambda: clocks["now"])
    claims._live = lambda: None
    claims._thread = type("Still", (), {"start": lambda self: None, "join": lambda self: None})()
    return claims


def test_a_claim_of_a_dead_worker_is_taken_over_once(tmp_path, clocks):
    with watcher(tmp_path, clocks) as a, watcher(tmp_path, clocks) as b, watcher(tmp_path, clocks) as c:
        assert a.take("7")
        assert [w.take("7") for w in (a, b, c)] == [False] * 3
        clocks["now"] = 59.0
        a._beat("1")
        assert not b.take("7"), "a sign of life"
        clocks["now"] = 118.0
        assert not b.take("7"), "counted from when it was seen"
        clocks["now"] = 120.0
        assert b.take("7")
        assert not c.take("7"), "b has it now, and c has not seen b silent yet"
        a.finish("7", {})  # it only slept
        clocks["now"] = 1000.0
        assert not c.take("7"), "what is done is not done again"


def test_who_leaves_gives_its_claims_back_at_once(tmp_path, clocks):
    with watcher(tmp_path, clocks) as a:
        assert a.take("1")
        with watcher(tmp_path, clocks) as b:
            assert not b.take("1")
            assert b.take("2")
        assert a.take("2")
    (tmp_path / "claims" / "3.0").touch()  # its worker died before it wrote its name
    with watcher(tmp_path, clocks) as c:
        assert not c.take("3")
        clocks["now"] += 60.0
        assert c.take("3")


def test_many_workers_share_all_units(tmp_path):
    """Threads race for 200 units: each is taken by one."""
    from concurrent.futures import ThreadPoolExecutor

    def work(claims):
        return [unit for unit in map(str, range(200)) if claims.take(unit)]

    workers = [Claims(tmp_path, 600.0) for _ in range(8)]
    for claims in workers:
        claims.__enter__()
    with ThreadPoolExecutor(8) as pool:
        taken = [unit for units in pool.map(work, workers) for unit in units]
    for claims in workers:
        claims.__exit__()
    assert sorted(taken, key=int) == list(map(str, range(200)))


def test_a_worker_killed_at_any_moment_costs_nothing_but_time(job, one_desk):
    """Kill -9 after the claim, in the middle of a shard's record, between two pictures, before the frame counts as
    done, while all is put together, and after: every frame is done once, with the bytes of one desk."""
    script = Path(__file__).with_name("die_at_moments.py")
    # Its forks may use the kernels that it compiled, which OpenMP does not allow.
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue"}
    run = subprocess.run([sys.executable, script, job], capture_output=True, text=True, timeout=280, env=environment)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "all died"
    check(job.parent / "sh010", one_desk)


def test_a_damaged_shard_and_a_lost_picture_are_made_again(job, one_desk):
    """A power cut loses what was not on the disk yet."""
    list(do(Do(str(job), last=2)))
    folder = job.parent / "sh010"
    (shard,) = (folder / "sh010.work" / "shards").glob("*.bake")
    data = bytearray(shard.read_bytes())
    data[-50] ^= 255
    shard.write_bytes(data)
    next(folder.glob("*.exr")).write_bytes(b"")
    list(do(Do(str(job))))
    check(folder, one_desk)


def test_the_merged_bake_is_complete_and_verifies(job):
    list(do(replace(Do(str(job)), out=str(job.parent / "elsewhere"))))
    with BakeReader.open(job.parent / "elsewhere" / "sh010.bake") as merged:
        assert merged.complete
        merged.verify()

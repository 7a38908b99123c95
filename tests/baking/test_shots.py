# SPDX-License-Identifier: GPL-3.0-or-later
"""Many shots over many processes: the bytes of one desk, whatever dies; a bad shot holds nobody up; a table is looked
at as a whole before anything is made of it."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.baking.farm import shots as shots_module
from talksplat.core.baking.farm.engines import ENGINES
from talksplat.core.baking.farm.shot_table import read_table, write_job_files
from talksplat.core.baking.farm.shot_tasks import Task, TaskResult, run_task, tasks_of
from talksplat.core.baking.farm.shots import MOST_DEATHS, REPORT, shots
from talksplat.core.baking.render import render
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Progress, Shots, Warned
from talksplat.core.jobs.job_file import read_job_file

COLUMNS = "shot,head,audio,fps,frame_start,frame_count,size,movie,device"


@pytest.fixture(scope="module")
def folder(tiny_head, voice, tmp_path_factory):
    """A table of three shots, beside what they need."""
    place = tmp_path_factory.mktemp("shots")
    shutil.copy(tiny_head, place / "tiny.head")
    shutil.copy(voice, place / "voice.wav")
    rows = [f"sh{n}0,tiny.head,voice.wav,24,{n},{n + 2},24,no,cpu" for n in (1, 2, 3)]
    (place / "shots.csv").write_text("\n".join([COLUMNS, *rows]), encoding="utf-8")
    return place


@pytest.fixture
def table(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy") / "shots.csv"


@pytest.fixture(scope="module")
def one_desk(folder, tmp_path_factory):
    """What `bake` and `render` make of the same shots: path from the folder of the jobs -> bytes."""
    place = tmp_path_factory.mktemp("desk") / "shots"
    for path in write_job_files(read_table(folder / "shots.csv"), place):
        file = read_job_file(path)
        list(bake(file.bake))
        list(render(file.render))
    return made(place)


def made(place):
    """Bakes and pictures; the lists beside them are in the order of the day."""
    paths = [path for path in place.rglob("*") if path.suffix in (".bake", ".png", ".exr")]
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in paths}


def in_this_process(calls, deaths=lambda task, count: False):
    """An engine that does each task at once; deaths: whether the process dies that begins the `count`-th time."""

    class Engine:
        slots = 2

        def __init__(self, job):
            self.waiting, self.counts = [], {}

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, task):
            calls.append(task)
            self.waiting.append(task)

        def ended(self, timeout):
            task = self.waiting.pop(0)
            self.counts[task] = self.counts.get(task, 0) + 1
            return [(task, None if deaths(task, self.counts[task]) else run_task(task))]

    return Engine


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_does_tasks_and_says_how_they_ended(name, table):
    """What each of them promises: see engines.Engine."""
    if name == "ray":
        pytest.importorskip("ray")
    missing = Task(str(table.parent / "none.job.json"), patience=2.0)
    (job, *_) = write_job_files(read_table(table), table.with_suffix(""))
    tasks, ends = [missing, Task(str(job), 1, 2, patience=2.0)], {}
    with ENGINES[name](Shots(str(table), engine=name, cores=1)) as engine:
        assert engine.slots >= 1
        for task in tasks:
            engine.submit(task)
        until = time.monotonic() + 120
        while len(ends) < len(tasks) and time.monotonic() < until:
            ends |= dict(engine.ended(1.0))
    assert "none.job.json" in ends[missing].problem
    assert (ends[tasks[1]].problem, ends[tasks[1]].frames, ends[tasks[1]].device) == ("", 2, "the CPU")


def test_processes_of_this_machine_make_the_bytes_of_one_desk(table, one_desk):
    *_, last = shots(Shots(str(table), workers=2, cores=1, chunk=2, patience=5.0))
    place = table.with_suffix("")
    assert made(place) == one_desk
    assert (last.result["shots"], last.result["frames"]) == (3, 12)
    report = json.loads((place / REPORT).read_text())["shots"]
    assert [(row["state"], row["frames_now"], row["devices"]) for row in report] == [
        ("done", 3, ["the CPU"]),
        ("done", 4, ["the CPU"]),
        ("done", 5, ["the CPU"]),
    ]
    assert not list(place.rglob("shards"))


def test_a_second_run_has_nothing_to_do_and_a_stopped_one_goes_on(table, one_desk, monkeypatch):
    calls = []
    monkeypatch.setitem(ENGINES, "local", in_this_process(calls))
    monkeypatch.setattr(shots_module, "LOOK", 0.0)
    with closing(shots(Shots(str(table), chunk=2))) as running:
        next(event for event in running if isinstance(event, Progress) and event.done >= 4)
    *_, last = shots(Shots(str(table), chunk=2))
    assert made(table.with_suffix("")) == one_desk
    assert 0 < last.result["frames"] <= 8
    calls.clear()
    list(shots(Shots(str(table.with_suffix("")))))  # the folder of the jobs is as good as the table
    assert calls == []


def test_a_dead_process_costs_time_and_one_that_always_dies_its_shot(table, one_desk, monkeypatch):
    once = in_this_process([], lambda task, count: count == 1)
    monkeypatch.setitem(ENGINES, "local", once)
    list(shots(Shots(str(table))))
    assert made(table.with_suffix("")) == one_desk
    always = in_this_process(calls := [], lambda task, count: "sh20" in task.job)
    monkeypatch.setitem(ENGINES, "local", always)
    other = str(table.parent / "again")
    with pytest.raises(UserError, match=f"1 of 3 shots failed, sh20.*died {MOST_DEATHS} times"):
        list(shots(Shots(str(table), out=other)))
    assert len([task for task in calls if "sh20" in task.job]) == MOST_DEATHS
    assert {Path(name).parts[0] for name in made(Path(other))} == {"sh10_tiny_v001", "sh30_tiny_v001"}


def test_who_dies_putting_together_is_followed_by_another(table, one_desk, monkeypatch):
    monkeypatch.setitem(ENGINES, "local", in_this_process([]))
    real = shots_module._take
    done = []

    def lost(shot, task, result):  # its process did its frames, and died before the rest
        if not done:
            done.append(shot.work / "finished")
            done[0].unlink(missing_ok=True)
        real(shot, task, result)

    monkeypatch.setattr(shots_module, "_take", lost)
    list(shots(Shots(str(table))))
    assert done[0].is_file()


def test_a_bad_shot_holds_nobody_up(table, one_desk, monkeypatch):
    monkeypatch.setitem(ENGINES, "local", in_this_process([]))
    list(shots(Shots(str(table), check=True)))
    jobs = write_job_files(read_table(table), table.with_suffix(""))
    text = jobs[1].read_text(encoding="utf-8").replace('"fps": "24"', '"fps": "no rate"')
    jobs[1].write_text(text, encoding="utf-8")
    running, events = shots(Shots(str(table.with_suffix("")))), []
    with pytest.raises(UserError, match=r"1 of 3 shots failed, sh20_tiny_v001\.job\.json because: .*no rate"):
        events.extend(running)
    warned = [number for number, event in enumerate(events) if isinstance(event, Warned)]
    assert len(warned) == 1
    assert warned[0] < len(events) - 1, "told while the others go on"
    states = [row["state"] for row in json.loads((table.with_suffix("") / REPORT).read_text())["shots"]]
    assert states == ["done", "failed", "done"]


def test_others_wait_until_the_first_has_listened(table, monkeypatch):
    """Fifty processes that wait for one that listens would hold fifty places."""
    seen = []

    class Watched(in_this_process([])):
        slots = 8

        def submit(self, task):
            shot = Path(task.job).name.removesuffix(".job.json")
            heard = list((Path(task.job).parent / shot).glob("*.performance"))
            seen.append((task.first, bool(heard)))
            super().submit(task)

    monkeypatch.setitem(ENGINES, "local", Watched)
    list(shots(Shots(str(table), chunk=2)))
    assert [heard for first, heard in seen if first not in (1, 2, 3) or heard] == [True] * (len(seen) - 3)


def test_tasks_hold_every_frame_once():
    for span in (range(1, 2), range(-3, 40), range(5, 1005)):
        for chunk, slots in ((0, 1), (0, 50), (7, 3)):
            tasks = tasks_of("a.job.json", span, chunk, slots, "", 60.0)
            frames = [n for task in tasks for n in range(task.first, task.last + 1)]
            assert frames == list(span)
    assert tasks_of("a", range(0), 0, 4, "", 60.0) == [Task("a")]


def test_a_task_says_what_is_wrong(tmp_path):
    assert "no such" in run_task(Task(str(tmp_path / "none.job.json"))).problem.lower()
    (tmp_path / "odd.job.json").write_text("{}")
    assert "is no job file" in run_task(Task(str(tmp_path / "odd.job.json"))).problem
    assert isinstance(run_task(Task("")), TaskResult)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b", "column 'a' is unknown"),
        ("head\ntiny.head", "no column shot"),
        ("shot,head", "holds no shots"),
        ("shot,head\nsh10,tiny.head\nsh10,tiny.head", "two rows are this shot"),
        ("shot,head,colour\na,tiny.head,red", "column 'colour' is unknown"),
        ("shot,head,out\na,tiny.head,x", "column 'out' is unknown"),
        ("shot,head,head\na,tiny.head,x", "a column twice"),
        ("shot,head\na,none.head", "line 2: there is no head .*none.head"),
        ("shot,head\n../a,tiny.head", "line 2: the shot '../a' is no file name"),
        ("shot,head,size\na,tiny.head,large", "line 2: size 'large' cannot be read"),
        ("shot,head,movie\na,tiny.head,maybe", "line 2: movie 'maybe' cannot be read"),
        ("shot,head\na,tiny.head,b", "line 2 has more values"),
        ('shot,head\n"a,tiny.head', "is no row of a table"),
        ("shot,head\na,", "line 2: has no head"),
        (b"shot,head\n\xff,tiny.head", "not UTF-8"),
    ],
)
def test_a_table_that_is_wrong_is_told_and_nothing_is_written(table, text, said):
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=said):
        list(shots(Shots(str(table))))
    assert not table.with_suffix("").exists()


def test_a_table_of_a_spreadsheet(table):
    text = "shot;head;audio;frame_count;passes;controls.intensity;png\r\n"
    table.write_text(
        "\ufeff" + text + "a;tiny.head;voice.wav;2;beauty vector;0,5;no\r\n;;;;;;\r\n".replace("0,5", "0.5")
    )
    (row,) = read_table(table)
    assert (row.bake.frame_count, row.bake.controls.intensity) == (2, 0.5)
    assert (row.render.passes, row.render.png) == (("beauty", "vector"), False)
    assert row.bake.audio
    assert not row.render.audio


@pytest.mark.parametrize(("changes", "said"), [({"engine": "queue"}, "local, ray"), ({"cores": 0}, "at least 1")])
def test_what_there_is_not_is_told(table, changes, said):
    with pytest.raises(UserError, match=said):
        list(shots(Shots(str(table), **changes)))


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(UserError, match="holds no job files"):
        list(shots(Shots(str(tmp_path))))


def test_ray_loses_processes_nodes_and_drivers_and_no_frame(table, one_desk):
    """kill -9 at moments of a run on two local nodes: see ray_dies.py."""
    pytest.importorskip("ray")
    assert run_ray(table, moments=5) == "survived 5"
    assert made(table.with_suffix("")) == one_desk


@pytest.mark.slow
def test_ray_loses_twenty(table, one_desk):
    pytest.importorskip("ray")
    assert run_ray(table, moments=20) == "survived 20"
    assert made(table.with_suffix("")) == one_desk


def run_ray(table, moments):
    write_job_files(read_table(table), table.with_suffix(""))
    script = Path(__file__).with_name("ray_dies.py")
    command = [sys.executable, str(script), str(table.with_suffix("")), str(moments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_without_ray_the_cure_is_named(table, monkeypatch):
    monkeypatch.setattr("talksplat.core.baking.farm.ray_engine.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'talksplat\[ray\]'"):
        list(shots(Shots(str(table), engine="ray")))


def test_a_cluster_that_is_gone_is_one_sentence(table, monkeypatch):
    ray = pytest.importorskip("ray")
    engine = ENGINES["ray"](Shots(str(table), engine="ray"))
    engine._ray, engine._running = ray, {"a task": Task("a")}

    def gone(*_, **__):
        raise ray.exceptions.RaySystemError("the head node died.")

    monkeypatch.setattr(ray, "wait", gone)
    with pytest.raises(UserError, match=r"Ray is gone .*run it again"):
        engine.ended(1.0)

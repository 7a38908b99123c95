# SPDX-License-Identifier: GPL-3.0-or-later
"""The running job as the user meets it: who gets Esc, what the status bar shows, what a late event does."""

from types import SimpleNamespace

import bpy
import pytest

from talksplat.core.jobs.events import Finished, Progress, Started


def waiting_job():
    yield Started("Waiting", 10)
    while True:
        yield Progress(3, 10, 75.0)


@pytest.fixture
def job(blender):
    from talksplat.blender_addon import running

    running.start_local_job("Wait", waiting_job(), lambda _: "done")
    running.pump()
    return running


def region(kind, tab=None):
    return SimpleNamespace(type=kind, active_panel_category=tab)


@pytest.mark.parametrize(
    ("under_the_pointer", "cancels"),
    [
        (region("UI", "TalkSplat"), True),
        (region("UI", "Item"), False),  # another add-on's tab
        (region("WINDOW"), False),  # the 3D view: Esc stops playback there
        (region("HEADER"), False),
        (None, False),
    ],
)
def test_esc_ends_the_job_only_over_our_tab_and_goes_on_to_others_elsewhere(job, under_the_pointer, cancels):
    """It ended a bake of hours when it was meant for G, a text field, the file browser or a playing animation."""
    from talksplat.blender_addon.operators.cancel_job import TALKSPLAT_OT_cancel as Cancel

    class Pressed:  # Blender's operators cannot be made by hand
        invoke, run = Cancel.invoke, Cancel.run

        def execute(self, context):
            self.run(context)
            return {"FINISHED"}

    context, event = SimpleNamespace(region=under_the_pointer), SimpleNamespace(type="ESC")
    assert Pressed().invoke(context, event) == ({"FINISHED"} if cancels else {"PASS_THROUGH"})
    assert (job.now is None) == cancels


def test_no_job_is_modal_because_blender_does_not_autosave_under_a_modal_operator(blender):
    from talksplat.blender_addon import operators

    assert not [cls for cls in operators.CLASSES if "modal" in dir(cls)]


class Layout:
    """What was drawn."""

    def __init__(self):
        self.drawn = []

    def row(self, align):
        return self

    def __getattr__(self, kind):
        return lambda *args, **shown: self.drawn.append((kind, *args, *shown.values()))


def status_bar():
    from talksplat.blender_addon import job_status

    header = SimpleNamespace(layout=Layout())
    job_status.draw(header, None)
    return header.layout.drawn


def test_the_status_bar_shows_progress_estimate_and_cancel_then_the_end_then_nothing(job, monkeypatch):
    assert status_bar() == [
        ("progress", 0.3, "Waiting, 3 of 10, 1:15 left"),
        ("operator", "talksplat.cancel", "", "X"),
    ]
    bpy.ops.talksplat.cancel()
    [(kind, text, icon)] = status_bar()
    assert (kind, icon) == ("label", "INFO")
    assert "Wait was cancelled" in text
    monkeypatch.setattr(job, "ended_at", job.ended_at - job.SHOWN)
    assert status_bar() == []


def test_a_job_that_starts_while_the_end_of_the_last_one_is_shown_does_not_wait_for_that(blender, monkeypatch):
    from talksplat.blender_addon import running

    class Timers:
        waits = {}  # noqa: RUF012

        def register(self, function, first_interval, persistent):
            assert persistent, "opening a .blend must not lose the end of a job"
            self.waits[function] = first_interval

        def unregister(self, function):
            del self.waits[function]

        def is_registered(self, function):
            return function in self.waits

    monkeypatch.setattr(running, "bpy", SimpleNamespace(app=SimpleNamespace(background=False, timers=Timers())))
    running.start_local_job("First", iter([Finished({})]), lambda _: "done")
    Timers.waits[running._on_timer] = running._on_timer()
    assert running.last.sentence == "done"
    assert Timers.waits[running._on_timer] == running.SHOWN
    running.start_local_job("Second", waiting_job(), lambda _: "")
    assert Timers.waits[running._on_timer] == running.TICK


def test_a_new_phase_of_a_job_begins_at_nothing(job):
    job._take(Started("Baking 5998 frames", 5998))
    assert job.now.text == "Baking 5998 frames, 0 of 5998"


def test_events_after_the_last_one_neither_raise_nor_reach_the_next_job(blender):
    from talksplat.blender_addon import running

    def talkative():
        yield Finished({})
        yield Progress(1, 2, 3.0)
        yield Finished({})

    ends = []
    running.start_local_job("First", talkative(), lambda _: ends.append("first") or "first is done")
    running.pump()
    assert ends == ["first"]
    running.start_local_job("Second", waiting_job(), lambda _: "")
    running.pump()
    assert (running.now.label, running.now.title) == ("Second", "Waiting")
    running.cancel()
    for event in (Started("late", 3), Progress(1, 3, 1.0), Finished({})):
        running._take(event)
    assert running.last.label == "Second"


def test_a_disk_that_fails_at_the_end_of_a_job_is_a_sentence(blender):
    from talksplat.blender_addon import running

    def fails(_result):
        raise PermissionError(13, "denied", "shot.bake")

    running.start_local_job("Swap", iter([Finished({})]), fails)
    assert running.wait(5).level == "ERROR"
    assert "shot.bake" in running.last.sentence

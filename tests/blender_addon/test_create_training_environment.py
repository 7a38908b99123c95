# SPDX-License-Identifier: GPL-3.0-or-later
"""The button Create Training Environment: it asks, obeys Blender's online access, and the worker then runs in it."""

from pathlib import Path

import pytest

from talksplat.core.jobs import Failed, Finished, Started


@pytest.fixture
def online(blender):
    blender.context.preferences.system.use_online_access = True
    yield blender
    blender.context.preferences.system.use_online_access = False


@pytest.fixture
def button(blender):
    from talksplat.blender_addon.operators import create_training_environment

    return create_training_environment


@pytest.fixture
def chosen(monkeypatch):
    """The paths that the preferences were set to."""
    from talksplat.blender_addon import preferences

    paths = []
    monkeypatch.setattr(preferences, "choose_python", paths.append)
    return paths


def test_nothing_is_downloaded_without_online_access(blender, button):
    operator = button.TALKSPLAT_OT_create_training_environment
    assert "Allow Online Access" in operator.disabled_reason(blender.context)
    with pytest.raises(RuntimeError):
        blender.ops.talksplat.create_training_environment()


@pytest.mark.parametrize("gpu", [False, True])
def test_the_dialog_says_what_from_where_how_much_and_whereto(button, monkeypatch, gpu):
    monkeypatch.setattr(button, "has_nvidia_driver", lambda: gpu)
    environment = button.training_environment()
    text = " ".join(button.consent_text(environment))
    assert "torch 2.13.0" in text
    assert "GB to download" in text
    assert str(environment.folder) in text
    assert "pypi.org" in text
    assert ("gsplat 1.5.3" in text) == gpu
    assert ("No NVIDIA driver" in text) == (not gpu)


def test_when_it_is_made_the_worker_runs_in_it(online, button, chosen, monkeypatch):
    from talksplat.blender_addon import running

    folders = []

    def created(python, environment):
        folders.append(environment.folder)
        yield Started("Installing 3 packages", 0)
        yield Finished({"folder": str(environment.folder), "sentence": "Python 3.11: torch"})

    monkeypatch.setattr(button, "create_environment", created)
    assert online.ops.talksplat.create_training_environment() == {"FINISHED"}
    assert running.last.sentence == "Python 3.11: torch"
    assert chosen == folders
    assert folders[0].parent.is_dir()


def test_while_it_is_made_again_the_worker_does_not_run_in_it(online, button, chosen, monkeypatch):
    """It would import what is half there."""
    from talksplat.blender_addon import preferences

    def failed(python, environment):
        yield Started("Installing 3 packages", 0)
        yield Failed("The disk is full.")

    folder = button.training_environment().folder
    monkeypatch.setattr(button, "create_environment", failed)
    monkeypatch.setattr(preferences, "preferred_python", lambda: str(folder))
    with pytest.raises(RuntimeError, match="The disk is full"):
        online.ops.talksplat.create_training_environment()
    assert chosen == [None], "left at once, and only a finished one is chosen"


def test_a_worker_without_a_python_is_told_of_the_button(blender, monkeypatch):
    from talksplat.blender_addon import running

    monkeypatch.setattr(running, "core_python", lambda: None)
    assert "create one" in running.no_worker_reason()
    assert Path(running.ROOT, "pyproject.toml").is_file()

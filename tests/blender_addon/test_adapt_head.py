# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that follows its own voice best says so, and its button gives it the audio nets of any voice."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats import read_head, write_head
from talksplat.core.performance import LandmarkCarrier, audio_net_shapes, features_of_silence, part_of

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def adapted_and_old(head):
    """What carries the sample head's landmarks: with its own nets, and with nets of another encoder."""
    part = part_of(head, np.unique(LandmarkCarrier(head)._nearest))
    shapes, rng = audio_net_shapes(len(features_of_silence("logmel")), 32), np.random.default_rng(3)
    nets = {f"{branch}.audio.{name}": rng.normal(0, 0.2, shape).astype(np.float32)
            for branch in ("face", "mouth") for name, shape in shapes.items()}  # fmt: skip
    nets |= {name: np.ones_like(tensor) for name, tensor in nets.items() if name.endswith("feature_std")}
    return part, replace(part, card=replace(part.card, audio_encoder="logmel"), tensors=part.tensors | nets)


@pytest.fixture
def heads():
    return adapted_and_old(read_head(SAMPLES / "sample.head"))


@pytest.fixture
def anna(blender, heads, tmp_path):
    """An object of the old head."""
    write_head(tmp_path / "anna.head", heads[1])
    bpy.ops.talksplat.add_head(filepath=str(tmp_path / "anna.head"))
    return bpy.context.object


@pytest.fixture
def sent(monkeypatch):
    """The jobs that were sent to the worker, each with what is to be done at its end."""
    from talksplat.blender_addon import running

    jobs = []
    monkeypatch.setattr(running, "no_worker_reason", str)
    monkeypatch.setattr(running, "start_job", lambda label, job, on_finished: jobs.append((job, on_finished)))
    return jobs


def offered(obj):
    from talksplat.blender_addon.operators.adapt_head import can_adapt

    return can_adapt(obj)


def test_a_head_of_its_own_voice_is_adapted_beside_and_its_performances_are_to_be_made_again(
    anna, heads, sent, tmp_path
):
    assert offered(anna)
    (tmp_path / "anna_adapted.head").write_bytes(b"somebody's")
    files = [{"name": "a.mp4"}, {"name": "b.wav"}]
    assert bpy.ops.talksplat.adapt_head(directory=str(tmp_path), files=files) == {"FINISHED"}
    [(job, show)] = sent
    assert job.out == str(tmp_path / "anna_adapted_2.head")
    assert job.own_voice == tuple(str(tmp_path / file["name"]) for file in files)
    write_head(job.out, heads[0])
    sentence = show({"head": job.out})
    assert "anna_adapted_2.head" in sentence
    assert "Attach and Bake again" in sentence
    assert (anna.talksplat.head, anna.talksplat.head_hash) == (job.out, read_head(job.out).card.content_hash)
    assert not offered(anna)
    assert not bpy.ops.talksplat.adapt_head.poll()


@pytest.mark.parametrize("chosen", [{}, {"files": [{"name": ""}], "filepath": "."}])
def test_without_recordings_and_into_the_head_itself(anna, heads, sent, tmp_path, chosen):
    chosen = {name: str(tmp_path) if name == "filepath" else value for name, value in chosen.items()}
    bpy.ops.talksplat.adapt_head(write_to="REPLACE", **chosen)
    [(job, show)] = sent
    assert (job.head, job.out, job.own_voice) == (str(tmp_path / "anna.head"), "", ())
    write_head(job.head, heads[0])
    show({"head": job.head})
    from talksplat.blender_addon import playback

    assert not playback.problems_of(anna)
    assert not offered(anna)


def test_the_attached_sound_can_be_the_own_voice(anna, sent, sound_path):
    anna.talksplat.sound = str(sound_path)
    bpy.ops.talksplat.adapt_head()
    bpy.ops.talksplat.adapt_head(use_attached=True)
    assert [job.own_voice for job, _ in sent] == [(), (str(sound_path),)]


def test_where_torch_is_missing_the_button_says_what_gets_it(anna, sent, monkeypatch):
    from talksplat.blender_addon.operators import adapt_head

    operator = adapt_head.TALKSPLAT_OT_adapt_head
    assert operator.disabled_reason(bpy.context) == ""
    monkeypatch.setattr(adapt_head, "package_folders", lambda _: [SAMPLES])  # as of Blender's own Python
    monkeypatch.setattr(adapt_head.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(adapt_head.running, "core_python", lambda: Path("/blender/python"))
    assert "Create Training Environment" in operator.disabled_reason(bpy.context)


def test_an_imported_head_and_one_that_hears_any_voice_are_offered_nothing(blender, head_path, sent):
    bpy.ops.talksplat.add_head(filepath=str(head_path))  # its card knows of no training
    assert not offered(bpy.context.object)
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.talksplat.adapt_head()
    bpy.ops.talksplat.add_sample_head()
    assert not offered(bpy.context.object)

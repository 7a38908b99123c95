# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint under the names of 0.1.0 continues as one of today does."""

import json
from dataclasses import replace

import pytest
import torch

from talksplat.core.formats import read_tensors, write_tensors
from talksplat.core.training.overrides import setting_names
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import RENAMED, SMOKE, TrainingSettings, current_name
from talksplat.core.training.training_step import picture_step

SETTINGS = replace(
    SMOKE,
    static_steps=8,
    move_steps=8,
    fuse_steps=0,
    density=replace(SMOKE.density, strategy="pixel_aware_budget", start=2, every=3, stop=16, tau=1.0),
)


def as_0_1_0_wrote_it(path):
    """Rename in place: settings, stages, results; the density rule's numbers go from the tensors to the notes."""
    arrays, metadata = read_tensors(path)
    notes = json.loads(metadata["notes"])
    old = {new: name for name, new in RENAMED.items()}
    notes["settings"] = {old.get(name, name): value for name, value in notes["settings"].items()}
    assert {"ear", "rate_ear", "quiet_pictures", "quiet_moments"} <= set(notes["settings"])
    results = notes["results"]
    results["heard"] = {"ear_mean_r": 0.5, "ear_step": 9, "landmarks_mm": 0.3} | results.pop("before_pictures")
    notes["before"] = ["ears" if stage == "audio net" else stage for stage in notes["before"]]
    notes["density"] = {
        branch: [
            int(arrays.pop(f"extra.{branch}.initial_count")),
            float(arrays.pop(f"extra.{branch}.threshold_factor")),
        ]
        for branch in ("face", "mouth")
    }
    write_tensors(path, arrays, metadata | {"notes": json.dumps(notes)})


def run_until(run, end):
    while run.t < end:
        picture_step(run)


@pytest.mark.usefixtures("one_thread")
def test_it_continues_to_the_same_head(tiny_footage, tmp_path):
    unbroken, resumed = TrainingRun(tiny_footage, SETTINGS), TrainingRun(tiny_footage, SETTINGS)
    unbroken.begin()
    run_until(unbroken, 7)
    unbroken.save(tmp_path / "checkpoint")
    as_0_1_0_wrote_it(tmp_path / "checkpoint")
    run_until(unbroken, SETTINGS.total)
    assert resumed.load(tmp_path / "checkpoint") == ""
    assert resumed.pending_stages == ["audio net", "motion"]
    fits = {"audio_net_mean_r": 0.5, "audio_net_step": 9, "landmarks_mm": 0.3}
    assert resumed.results == {"minutes": 0.0, "before_pictures": fits}
    run_until(resumed, SETTINGS.total)
    for branch, cloud in unbroken.model.clouds.items():
        for column, values in cloud.named_parameters():
            assert torch.equal(values, getattr(resumed.model.clouds[branch], column))
        factors = [run.density_states[branch].threshold_factor for run in (unbroken, resumed)]
        assert factors[0] == factors[1] != 1.0


def test_every_renamed_setting_is_one_of_today():
    assert {current_name(f"{name}.x").partition(".")[0] for name in RENAMED} <= set(vars(TrainingSettings()))
    assert not set(RENAMED) & {name.partition(".")[0] for name in setting_names(TrainingSettings())}

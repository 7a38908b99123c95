# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shell sets reaches the settings and the rules; a mistake is one sentence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Train
from talksplat.core.training.density import STRATEGIES
from talksplat.core.training.overrides import (
    AT_LEAST_1,
    POSITIVE,
    SHARES,
    setting_names,
    settings_from_job,
    with_overrides,
    with_steps,
)
from talksplat.core.training.training_settings import CPU, NEUTRAL, PRESETS, TrainingSettings


def test_a_head_that_is_gone_on_from_brings_its_own_settings(make_tiny_head, tmp_path):
    """All of them, groups too, under the names of today; the job's flags come after, and steps are those of fuse."""
    changes = ["encoder=moonshine", "dssim=0.3", "density.strategy=mcmc", "density.mcmc.noise=3", "seed=9"]
    own = with_overrides(PRESETS["portrait"], changes)
    head = read_head(make_tiny_head(tmp_path / "a.head", encoder="moonshine"))
    stored = {**own.to_dict(), "ear": own.to_dict()["audio_net"], "gone": 1}
    del stored["audio_net"], stored["blend"], stored["antialiased"]
    head.card.training["settings"] = stored
    assert settings_from_job(Train("f", "o", seed=9), head) == own
    job = Train("f", "o", steps=50, blend="linear", set=("dssim=0.1",))
    assert settings_from_job(job, head) == replace(
        own, seed=0, fuse_steps=50, blend="linear", fuse_appearance=1.0, dssim=0.1
    )
    head.card.training["settings"] = {"dssim": [1], "smallest": "x"}
    with pytest.raises(UserError):
        settings_from_job(job, head)
    head.card.training["settings"] = "none"
    assert settings_from_job(Train("f", "o"), head) == replace(CPU, encoder="moonshine")


def test_every_flag_reaches_its_setting():
    job = Train(
        "f",
        "o",
        preset="portrait",
        seed=7,
        fusion="concat",
        density="mcmc",
        encoder="logmel",
        steps=1000,
        budget=5000,
        set=("density.mcmc.noise=1e4", "mouth_gain=2", "density.long_axis=no", "audio_net.steps = 5"),
    )
    s = settings_from_job(job)
    assert (s.seed, s.fusion, s.density.strategy, s.encoder, s.total) == (7, "concat", "mcmc", "logmel", 1000)
    assert (s.density.budget, s.density.mcmc.noise, s.mouth_gain, s.density.long_axis, s.audio_net.steps) == (
        5000,
        1e4,
        2.0,
        False,
        5,
    )
    assert s.torso_gain == PRESETS["portrait"].torso_gain
    assert settings_from_job(Train("f", "o")) == CPU


@pytest.mark.parametrize(
    ("strategy", "name", "value"),
    [("absgrad", "tau", 3.0), ("mcmc", "growth", 0.2), ("pixel_aware_budget", "most", 0.3)],
)
def test_a_rule_works_with_its_own_numbers(strategy, name, value):
    settings = with_overrides(TrainingSettings(), [f"density.{strategy}.{name}={value}"]).density
    assert getattr(STRATEGIES[strategy](settings).own_settings, name) == value


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("density.stratgy=adc", "did you mean 'density.strategy'"),
        ("density.strategy=best", "choose pixel_aware, adc"),
        ("ear.steps=9", "did you mean 'audio_net.steps'"),
        ("density=adc", "'density' is unknown"),
        ("mouth_gain.x=1", "'mouth_gain.x' is unknown"),
        ("fusion=none", "choose gated"),
        ("encoder=hubert", "choose moonshine"),
        ("mouth_gain=high", "must be a number"),
        ("move_steps=1.5", "must be a whole number"),
        ("density.long_axis=maybe", "must be true or false"),
        ("windows=1.5", "within 0 to 1"),
        ("density.tau=nan", "must be 0 or more"),
        ("dssim=-1", "within 0 to 1"),
        ("extent=0", "must be above 0"),
        ("density.budget=0", "must be 1 or more"),
        ("largest=1e-5", "keep smallest below largest"),
        ("mouth_gain", "has no value"),
        ("__class__=1", "unknown"),
    ],
)
def test_nonsense_is_one_sentence(override, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        with_overrides(CPU, [override])
    assert "\n" not in str(error.value)


@given(st.sampled_from(setting_names(TrainingSettings())), st.text(max_size=8))
def test_any_text_is_a_value_or_a_user_error(name, text):
    try:
        assert isinstance(with_overrides(TrainingSettings(), [f"{name}={text}"]), TrainingSettings)
    except UserError:
        pass


def test_the_lists_of_ranges_name_settings():
    assert {*AT_LEAST_1, *SHARES, *POSITIVE, *NEUTRAL} <= set(setting_names(TrainingSettings()))


@given(st.integers(10, 100_000), st.sampled_from(sorted(PRESETS)))
def test_fewer_steps_keep_the_stages_shares(steps, name):
    before, after = PRESETS[name], with_steps(PRESETS[name], steps)
    assert after.total == steps
    for part in ("static_steps", "fuse_steps"):
        assert abs(getattr(after, part) / steps - getattr(before, part) / before.total) <= 1 / steps
    assert abs(after.density.stop / steps - before.density.stop / before.total) <= 1 / steps
    assert (after.audio_net, after.motion_steps) == (before.audio_net, before.motion_steps)


def test_new_heads_start_from_the_net_of_any_voice_and_the_papers_own_audio_branch_can_be_chosen():
    assert {settings.encoder for name, settings in PRESETS.items() if name != "smoke"} == {"mouth_shapes"}
    assert settings_from_job(Train("footage", "a.head", encoder="moonshine")).encoder == "moonshine"

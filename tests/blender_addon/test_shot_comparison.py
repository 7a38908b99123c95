# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake has changed exactly when something was changed: never by noise, always by a change that can be seen."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from talksplat.blender_addon.shot.comparison import as_baked, differences
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.jobs import Bake
from talksplat.core.performance.controls import CONTROLS, Controls, controls_card
from talksplat.core.performance.pose_change import PoseChange

COUNT = 48


def random_shot(rng) -> Bake:
    """A shot as the panel samples it: constant or keyed, at any rate, anywhere."""

    def moment():
        values = {name: np.float32(rng.uniform(row.low, row.high)) for name, row in CONTROLS.items()}
        return Controls(**{name: float(value) for name, value in values.items()})

    rate = rng.choice(["24", "24000/1001", "25", "60"])
    moments = tuple(moment() for _ in range(COUNT)) if rng.random() < 0.5 else ()
    start, offset = int(rng.integers(-1000, 100_000)), float(rng.uniform(-3600, 3600))
    return Bake("h", "a", "o", str(rate), start, COUNT, offset, moments[0] if moments else moment(), moments)


def baked(job: Bake) -> tuple[BakeCard, dict]:
    """(card, keyed controls) of the bake of this shot."""
    moments = job.controls_per_frame or (job.controls,)
    card = BakeCard("b", Fraction(job.fps), job.frame_start, job.frame_count, 1, "h", "a", offset=job.offset)
    curves = {name: np.array([getattr(m, name) for m in moments]) for name in CONTROLS} if len(moments) > 1 else {}
    return replace(card, controls=controls_card(moments)), curves


def with_noise(job: Bake, rng) -> Bake:
    """As another Blender, or another reading of the same file, samples it."""

    def shaken(moment):
        return Controls(
            **{n: v * (1 + rng.uniform(-3e-7, 3e-7)) + rng.uniform(-1e-6, 1e-6) for n, v in vars(moment).items()}
        )

    moments = tuple(map(shaken, job.controls_per_frame))
    offset = job.offset + rng.uniform(-1e-6, 1e-6)
    return replace(job, controls=shaken(job.controls), controls_per_frame=moments, offset=offset)


@pytest.mark.parametrize("seed", range(60))
def test_nothing_has_changed_where_nobody_changed_anything(seed):
    rng = np.random.default_rng(seed)
    job = random_shot(rng)
    card, curves = baked(job)
    noisy = with_noise(job, rng)
    assert differences(noisy, card, curves) == []
    continued, _ = baked(as_baked(noisy, card, curves))
    assert continued.shot == card.shot, "and the bake is continued, not begun as the next version"


@pytest.mark.parametrize("seed", range(60))
def test_every_change_that_can_be_seen_is_told(seed):
    rng = np.random.default_rng(1000 + seed)
    job = random_shot(rng)
    card, curves = baked(job)
    name = rng.choice(list(CONTROLS))
    step = (CONTROLS[name].high - CONTROLS[name].low) / 500
    moments, one = list(job.controls_per_frame), int(rng.integers(COUNT))
    if moments:
        moments[one] = replace(moments[one], **{name: getattr(moments[one], name) + step})
    moved = replace(job.controls, **{name: getattr(job.controls, name) + step})
    changes = {
        "the sliders": replace(job, controls=moved, controls_per_frame=tuple(moments)),
        "the strip's position": replace(job, offset=job.offset + float(1 / (10 * Fraction(job.fps)))),
        "the frame rate": replace(job, fps="50"),
    }
    for what, changed in changes.items():
        assert differences(changed, card, curves) == [what]


def test_another_range_of_the_same_shot_differs_in_nothing_else():
    job = random_shot(np.random.default_rng(1))
    card, curves = baked(job)
    later = replace(
        job,
        frame_start=job.frame_start + 10,
        offset=float(Fraction(job.offset) - 10 / Fraction(job.fps)),
        controls_per_frame=(*job.controls_per_frame[10:], *job.controls_per_frame[:10]),
    )
    assert differences(later, card, curves) == ["the frame range"]


def test_a_slider_as_the_shell_writes_it_is_the_slider():
    """59.9 is no float32: Blender holds 59.90000152."""
    job = Bake("h", "a", "o", frame_count=COUNT, controls=Controls(blinks=59.9, intensity=1.2))
    in_blender = Controls(blinks=float(np.float32(59.9)), intensity=float(np.float32(1.2)))
    assert differences(replace(job, controls=in_blender), *baked(job)) == []


def test_keys_that_hold_the_same_value_change_nothing():
    job = Bake("h", "a", "o", frame_count=COUNT)
    keyed = replace(job, controls_per_frame=(Controls(), *([Controls(brows=1e-9)] * (COUNT - 1))))
    assert differences(keyed, *baked(job)) == []
    assert differences(job, *baked(keyed)) == []


def test_a_bake_without_stored_curves_goes_by_its_hash():
    keyed = replace(Bake("h", "a", "o", frame_count=2), controls_per_frame=(Controls(), Controls(brows=0.5)))
    card, _ = baked(keyed)
    assert differences(keyed, card, {}) == []
    assert differences(replace(keyed, controls_per_frame=(Controls(),) * 2), card, {}) == ["the sliders"]


def posed(rng, values=None) -> PoseChange:
    values = rng.uniform(-5, 5, (COUNT, 2)) if values is None else values
    return PoseChange(("lips_apart", "smile"), tuple(map(tuple, values.tolist())))


@pytest.mark.parametrize("seed", range(10))
def test_curves_that_moved_by_a_hair_are_the_same_and_a_tenth_of_a_millimetre_is_not(seed):
    rng = np.random.default_rng(seed)
    change = posed(rng)
    job = replace(random_shot(rng), pose_change=change)
    card, curves = baked(job)
    card = replace(card, pose_change=change.to_card("rig"))
    stored = change.columns(COUNT)
    noisy = replace(job, pose_change=posed(rng, np.array(change.values) + rng.uniform(-1e-5, 1e-5, (COUNT, 2))))
    assert differences(noisy, card, curves, stored) == []
    assert as_baked(noisy, card, curves, stored).pose_change.to_card("rig") == card.pose_change
    moved = np.array(change.values)
    moved[rng.integers(COUNT), rng.integers(2)] += 0.1
    for other in (posed(rng, moved), PoseChange()):
        assert differences(replace(job, pose_change=other), card, curves, stored) == [
            "the curves, corrections or weights"
        ]


def test_a_shot_sampled_in_parts_is_the_shot_in_one():
    rng = np.random.default_rng(5)
    change = posed(rng)
    parts = [
        (PoseChange(change.channels, change.values[a : a + 10]), len(change.values[a : a + 10]))
        for a in range(0, COUNT, 10)
    ]
    assert PoseChange.joined(parts) == change
    assert PoseChange.joined([(PoseChange(), 3)]) == PoseChange()
    assert PoseChange.joined([(PoseChange(), 1), (PoseChange(("blink",), ((2.0,),)), 2)]).values == (
        (0.0,),
        (2.0,),
        (2.0,),
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of controls: what a new one changes, and what it must not change."""

import math
from dataclasses import asdict, dataclass, fields, replace

import pytest

from talksplat.core.performance import CONTROLS, Controls, controls_card
from talksplat.core.performance.controls import control


@dataclass(frozen=True)
class SixControls(Controls):
    """What `Controls` becomes when a sixth control is added."""

    jaw: float = control(0.5, 0.0, 1.0, label="Jaw", digits=2, description="Opens the jaw")


KEYED = [{}, {"blink": 0.5}, {"blink": 1.0, "brows": -0.25}]


def test_the_table_describes_every_control():
    assert list(CONTROLS) == [f.name for f in fields(Controls)]
    for name, shown in CONTROLS.items():
        assert shown.low <= shown.default <= shown.high
        assert getattr(Controls(), name) == shown.default
        assert f"{name}: {shown.description}" in Controls.__doc__, "the shell's help reads it there"
        assert shown.label
        assert shown.digits > 0


def test_the_card_of_0_1_0_is_its_five_values():
    values = Controls(intensity=1.2, brows=0.3)
    five = ("intensity", "delay", "blink", "blinks", "brows")
    assert controls_card([values]) == {name: asdict(values)[name] for name in five}


def test_a_sixth_control_at_its_default_changes_no_card_and_no_hash():
    assert controls_card([SixControls()]) == controls_card([Controls()])
    assert controls_card([SixControls(brows=1.0)]) == controls_card([Controls(brows=1.0)])
    old, new = ([kind(**values) for values in KEYED] for kind in (Controls, SixControls))
    assert controls_card(new) == controls_card(old)


def test_a_sixth_control_elsewhere_is_another_shot():
    assert controls_card([SixControls(jaw=0.6)]) == controls_card([Controls()]) | {"jaw": 0.6}
    moments = [SixControls(**values) for values in KEYED]
    cards = [controls_card([*moments[:2], replace(moments[2], jaw=jaw)]) for jaw in (0.5, 0.0, 0.6)]
    assert len({card["sha256"] for card in cards}) == 3
    assert {card["keyframed"] for card in cards} == {3}


def test_the_hash_of_keyframed_controls_sees_order_and_values():
    a, b = Controls(), Controls(blink=1.0)
    cards = [controls_card(moments) for moments in ([a, b], [b, a], [a, a], [a, b, b])]
    assert len({card["sha256"] for card in cards}) == 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", [f.name for f in fields(SixControls)])
def test_every_control_must_be_finite(name, value):
    assert SixControls(**{name: value}).non_finite() == [name]
    assert SixControls().non_finite() == []

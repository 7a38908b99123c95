# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's controls: their one table. The panel's sliders, the shell's help, the check for finite values and the
bake's card read it; what a control does to a head is applied in this package, so that viewport, bake and render agree.

A new control is one line in `Controls` and its effect in `condition.py` or `upper_face.py`.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from ..formats import to_json

IN_0_1_0 = ("intensity", "delay", "blink", "blinks", "brows")


@dataclass(frozen=True)
class Control:
    """One control as a user interface shows it."""

    default: float
    low: float  # the slider's range; a value outside it is allowed and extrapolates
    high: float
    label: str
    digits: int  # decimals shown
    description: str  # a sentence without its full stop
    unit: str = ""  # "s", "1/min"; empty: a ratio
    keyable: bool = True  # whether it can be keyframed


def control(
    default: float,
    low: float,
    high: float,
    *,
    label: str,
    digits: int,
    description: str,
    unit: str = "",
    keyable: bool = True,
) -> float:
    """A field of `Controls`; the parameters are the fields of `Control`."""
    shown = Control(default, low, high, label, digits, description, unit, keyable)
    return field(default=default, metadata={"control": shown})


@dataclass(frozen=True)
class Controls:
    """One moment's values of all controls."""

    intensity: float = control(
        1.0,
        0.0,
        2.0,
        label="Intensity",
        digits=2,
        description="How far the speech moves the head; 0 keeps the mouth at rest",
    )
    delay: float = control(
        0.0,
        -1.0,
        1.0,
        label="Delay",
        digits=3,
        unit="s",
        description="Seconds; above 0 the head speaks later than the sound, below 0 earlier",
    )
    blink: float = control(
        0.0, 0.0, 1.0, label="Blink", digits=2, description="Closes the eyes, on top of what the performance does"
    )
    blinks: float = control(
        12.0,
        0.0,
        60.0,
        label="Blinks/min",
        digits=1,
        unit="1/min",
        description="Natural blinks a minute; 0 switches them off",
    )
    brows: float = control(0.0, -1.0, 1.0, label="Brows", digits=2, description="Lowers or raises the brows")

    def non_finite(self) -> list[str]:
        """The names of the controls that are NaN or infinite."""
        return [f.name for f in fields(self) if not math.isfinite(getattr(self, f.name))]

    def to_card(self) -> dict[str, float]:
        """Name -> value, as a bake's card holds it: a control that 0.1.0 did not have only where it is not at its
        default, so that older bakes keep their shot key."""
        values = {f.name: (getattr(self, f.name), f.default) for f in fields(self)}
        return {name: value for name, (value, default) in values.items() if name in IN_0_1_0 or value != default}


CONTROLS: dict[str, Control] = {f.name: f.metadata["control"] for f in fields(Controls)}  # name -> how it is shown

# The shell's help and Python's `help` read the docstring.
Controls.__doc__ = f"{Controls.__doc__}\n\nAttributes:\n" + "\n".join(
    f"    {name}: {shown.description} ({shown.low:g} to {shown.high:g})" for name, shown in CONTROLS.items()
)


def controls_card(controls: Sequence[Controls]) -> dict:
    """What a bake's card says of a shot's controls: one `Controls` for all frames, or one a frame, of which it holds
    their number and sha256. Two shots with equal cards move alike."""
    if len(controls) == 1:
        return controls[0].to_card()
    text = to_json([moment.to_card() for moment in controls])
    return {"keyframed": len(controls), "sha256": hashlib.sha256(text.encode()).hexdigest()}

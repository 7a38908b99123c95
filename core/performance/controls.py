# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's controls: their one table. The panel's sliders, the shell's help, the check for finite values and the
bake's card read it; what a control does to a head is applied in this package, so that viewport, bake and render agree.

A new control is one line in `Controls` and its effect in `condition.py` (time), `upper_face.py` (expression channels)
or `pose_controls.py` (channels of the head's rig).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

from ..formats import to_json

MOUTH, UPPER_FACE, TIMING = "Mouth", "Upper Face", "Timing"
GROUPS = (MOUTH, UPPER_FACE, TIMING)  # of controls, as a panel divides them


def both(shape: str) -> tuple[str, str]:
    """ARKit's names of a shape that it has once for each side."""
    return f"{shape}Left", f"{shape}Right"


OPENING_SHAPES = ("jawOpen", "mouthClose", "mouthFunnel", *both("mouthUpperUp"), *both("mouthLowerDown"))
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
    unit: str = ""  # "s", "ms", "1/min"; empty: a ratio
    keyable: bool = True  # whether it can be keyframed
    group: str = MOUTH  # of GROUPS
    rig: tuple[str, ...] = ()  # acts on these channels of the head's rig, ARKit's names too, where it has one of them
    expression: str = ""  # acts on the head's expression channels whose names begin so

    def missing_in(self, expression: Sequence[str], rig: Sequence[str] | None) -> str:
        """Why a head with these expression channels and these of a rig (None: it has none) does not follow the control,
        as the end of a sentence; "" where it does."""
        if self.expression and not any(name.startswith(self.expression) for name in expression):
            return "the head was trained without it"
        if self.rig and rig is None:
            return "needs the head's rig (Make Rig)"
        if self.rig and not set(self.rig) & set(rig or ()):
            return "the head never does that by itself, so its rig has no channel for it"
        return ""


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
    group: str = MOUTH,
    rig: tuple[str, ...] = (),
    expression: str = "",
) -> float:
    """A field of `Controls`; the parameters are the fields of `Control`."""
    shown = Control(default, low, high, label, digits, description, unit, keyable, group, rig, expression)
    return field(default=default, metadata={"control": shown})


@dataclass(frozen=True)
class Controls:
    """One moment's values of all controls."""

    without_defaults: ClassVar[bool] = True  # in JSON: an hour's job has one of these a frame

    intensity: float = control(
        1.0,
        0.0,
        2.0,
        label="Intensity",
        digits=2,
        description="How far the speech moves the head; 0 keeps the mouth at rest",
    )
    articulation: float = control(
        1.0,
        0.0,
        2.0,
        label="Articulation",
        digits=2,
        description="How far each sound is carried: above 1 lips close tighter and vowels open further, below 1 sounds "
        "run into each other",
    )
    delay: float = control(
        0.0,
        -1.0,
        1.0,
        label="Delay",
        digits=3,
        unit="s",
        description="Seconds; above 0 the head speaks later than the sound, below 0 earlier",
        group=TIMING,
    )
    blink: float = control(
        0.0,
        0.0,
        1.0,
        label="Blink",
        digits=2,
        description="Closes the eyes, on top of what the performance does",
        group=UPPER_FACE,
        expression="blink",
    )
    blinks: float = control(
        12.0,
        0.0,
        60.0,
        label="Blinks/min",
        digits=1,
        unit="1/min",
        description="Natural blinks a minute; 0 switches them off",
        group=UPPER_FACE,
        expression="blink",
    )
    brows: float = control(
        0.0,
        -1.0,
        1.0,
        label="Brows",
        digits=2,
        description="Lowers or raises the brows",
        group=UPPER_FACE,
        expression="brow",
    )
    mouth_open: float = control(
        1.0,
        0.0,
        2.0,
        label="Mouth Open",
        digits=2,
        description="How far the lips part while speaking, and the jaw; 0 keeps the lips as they are at rest",
        rig=("lips_apart", "jaw_open", *OPENING_SHAPES),
    )
    closure: float = control(
        0.0,
        0.0,
        1.0,
        label="Lip Closure",
        digits=2,
        description="How tightly the lips close where they nearly do: at p, b and m, and in silence",
        rig=("lips_apart", "jawOpen"),
    )
    mouth_width: float = control(
        0.0,
        -1.0,
        1.0,
        label="Mouth Width",
        digits=2,
        description="Narrows or widens the mouth; 1 is as wide as the head makes it by itself",
        rig=("mouth_width", *both("mouthStretch")),
    )
    pucker: float = control(
        0.0,
        -1.0,
        1.0,
        label="Pucker",
        digits=2,
        description="Draws the lips back or pushes them forward; 1 is as far as the head does by itself",
        rig=("pucker", "mouthPucker"),
    )
    upper_lip: float = control(
        0.0,
        -1.0,
        1.0,
        label="Upper Lip",
        digits=2,
        description="Lowers or raises the upper lip; 1 is as far as the head does by itself",
        rig=("upper_lip", *both("mouthUpperUp")),
    )
    mouth_corners: float = control(
        0.0,
        -1.0,
        1.0,
        label="Mouth Corners",
        digits=2,
        description="Lowers or raises the corners of the mouth; 1 is as far as the head does by itself",
        rig=("smile", *both("mouthSmile")),
    )
    mouth_side: float = control(
        0.0,
        -1.0,
        1.0,
        label="Left/Right",
        digits=2,
        description="Speaks more with one side of the mouth; above 0 with the person's left",
        rig=tuple(
            f"{name}_side" for name in ("lips_apart", "mouth_width", "pucker", "upper_lip", "smile", "lip_press")
        ),
    )
    squint: float = control(
        0.0,
        0.0,
        1.0,
        label="Squint",
        digits=2,
        description="Narrows the eyes",
        group=UPPER_FACE,
        expression="squint",
    )
    brows_side: float = control(
        0.0,
        -1.0,
        1.0,
        label="Brows L/R",
        digits=2,
        description="Moves one brow more than the other; above 0 the person's left",
        group=UPPER_FACE,
        rig=("brows_inner_side", "brows_outer_side"),
    )
    gaze_x: float = control(
        0.0,
        -1.0,
        1.0,
        label="Gaze X",
        digits=2,
        description="Turns the eyes; above 0 to the person's left",
        group=UPPER_FACE,
        expression="gaze_x",
    )
    gaze_y: float = control(
        0.0,
        -1.0,
        1.0,
        label="Gaze Y",
        digits=2,
        description="Turns the eyes; above 0 up",
        group=UPPER_FACE,
        expression="gaze_y",
    )
    smoothing: float = control(
        0.0,
        0.0,
        200.0,
        label="Smoothing",
        digits=1,
        unit="ms",
        description="Milliseconds over which the performance is averaged, as many before a moment as after it",
        group=TIMING,
    )
    rest_in_pauses: float = control(
        1.0,
        0.0,
        1.0,
        label="Rest in Pauses",
        digits=2,
        description="How far the mouth comes to rest where the sound pauses; 0 follows what the head hears there",
        group=TIMING,
    )

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

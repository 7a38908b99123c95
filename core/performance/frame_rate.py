# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame rates and frame times as fractions: an hour at 23.976 does not drift. Knows no sound and no head."""

import math
from fractions import Fraction

from ..formats import UserError, parse_ratio

MIN_RATE, MAX_RATE = 1, 1000  # frames a second
# NTSC rates are N*1000/1001; people write them with two or three decimals, sometimes truncated (23.97).
NTSC = (24, 30, 48, 60, 72, 90, 96, 120, 144, 240)
NTSC_TOLERANCE = Fraction(65, 10000)


def parse_rate(text: str | int | float | Fraction) -> Fraction:
    """Frames a second: "24", "12.5", "23.976" -> 24000/1001, "29.97" -> 30000/1001, "24000/1001".

    Numbers are accepted as well (a scene's fps / fps_base is a float). Raises UserError for anything else and for rates
    outside 1 to 1000.
    """
    rate = _read(text)
    if rate is None or not MIN_RATE <= rate <= MAX_RATE:
        limits = f"{MIN_RATE} to {MAX_RATE}"
        raise UserError(
            f"frame rate {str(text)[:40]!r} cannot be read; write it like 24, 23.976 or 24000/1001 ({limits})."
        )
    return rate


def _read(text: str | int | float | Fraction) -> Fraction | None:
    if isinstance(text, bool):
        return None
    if isinstance(text, Fraction | int):
        return Fraction(text)
    if isinstance(text, float):
        return _decimal(Fraction(text).limit_denominator(10**6)) if math.isfinite(text) else None
    ratio = parse_ratio(text)
    return ratio if ratio is None or "/" in text else _decimal(ratio)


def _decimal(value: Fraction) -> Fraction:
    """The rate that a decimal number stands for."""
    if value.denominator > 1:
        for nominal in NTSC:
            exact = Fraction(nominal * 1000, 1001)
            if abs(value - exact) <= NTSC_TOLERANCE:
                return exact
    return value


def frame_time(frame: int | float | Fraction, frame_start: int | float | Fraction, rate: Fraction) -> Fraction:
    """Seconds after the shot's first frame. frame: may be fractional (sub-frames of motion blur) or before the start
    (negative seconds). Raises UserError for NaN and infinite frames."""
    try:
        return (Fraction(frame) - Fraction(frame_start)) / rate
    except (ValueError, OverflowError) as error:
        raise UserError(f"frame {frame!r} (start {frame_start!r}) is not a number; set the frame again.") from error

# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that no other row of a list has, numbered as Blender numbers: "Take", "Take.001"."""

import re
from collections.abc import Collection

NUMBER = re.compile(r"\.\d{3,}$")


def unique_name(wanted: str, taken: Collection[str]) -> str:
    """The name itself where it is free, else with the first number that is."""
    base = NUMBER.sub("", wanted)
    numbered = (f"{base}.{number:03d}" for number in range(1, len(taken) + 2))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)

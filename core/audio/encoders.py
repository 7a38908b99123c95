# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoders by the name that a head's card stores. A new one: a file with a class, and a line here."""

from .features import Encoder
from .logmel import LogMel
from .moonshine import Moonshine

ENCODERS: dict[str, Encoder] = {
    "moonshine": Moonshine(),
    "logmel": LogMel(),
}

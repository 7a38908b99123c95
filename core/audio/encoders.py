# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio encoders by the name that a head's card stores. A new one: a file with a class, and a line here.

An encoder imports its large libraries inside of `encode`: whoever reads this table wants the names only.
"""

from .features import Encoder
from .logmel import LogMel
from .moonshine import Moonshine
from .mouth_shapes import MouthShapes

# The name that a head's card stores -> the encoder.
ENCODERS: dict[str, Encoder] = {
    "moonshine": Moonshine(),
    "logmel": LogMel(),
    "mouth_shapes": MouthShapes(),
}

# SPDX-License-Identifier: GPL-3.0-or-later
"""A head of Gaussians that named shapes move, as an avatar's: its rig has a channel a shape, and those of ARKit's names
speak."""

from ..formats import HeadFile
from .imported import Imported
from .shape_rig import with_shape_rig
from .shape_speech import hearing_for, shape_drive
from .still_head import still_head


def shape_head(imported: Imported, name: str, provenance: str) -> HeadFile:
    """Of what has shapes. Raises UserError for names that a channel cannot have."""
    head = still_head(imported, name, provenance, hearing_for(imported.shapes))
    return with_shape_rig(head, imported.shapes, lambda channels: shape_drive(channels, head.card.expression))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heads' lips words can sharpen: those whose encoder gives classes of phones beside the mouth's shape."""

from ..formats import HeadFile

ENCODER = "mouth_shapes"


def no_sharpening_reason(head: HeadFile) -> str:
    """Why words cannot sharpen a head's lips, as the end of a sentence; "" where they can."""
    encoder = head.card.audio_encoder[:40]
    if encoder == ENCODER:
        return ""
    return f"this head listens by {encoder}, and words sharpen the lips of heads by {ENCODER} alone (talksplat adapt)"

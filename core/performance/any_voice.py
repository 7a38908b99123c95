# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a head can be given the audio nets of any voice: what `core/adapting` and the add-on's button both ask."""

from ..formats import HeadFile

ANY_VOICE = "mouth_shapes"  # of audio.ENCODERS: trained on many speakers, the same measures for every face


def not_adaptable_reason(head: HeadFile) -> str:
    """Why the head cannot be adapted to any voice, or need not be, as the end of a sentence about it; "" for a head
    that can."""
    if head.card.audio_encoder == ANY_VOICE:
        return "listens by the audio net of any voice already; there is nothing to adapt"
    if not head.card.training:
        return "was imported, and a head is adapted by what its own training taught it; use a head trained from video"
    if not all(head.part(f"{branch}.audio") for branch in head.card.branches):
        return "has no audio nets, by which it could speak; export the head again"
    if len(head.card.training.get("landmarks", ())) == 0:
        return "has no landmarks on its card, by which its lips can be followed; train it again"
    return ""

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of backdrop that was kept with the person: it would become part of the head."""

from collections.abc import Mapping
from pathlib import Path

from ..formats import UserError
from ..matting import MAX_LEAK, leak_share
from .alpha_method import ALPHA_METHODS
from .extract import ExtractedClip

# Not in the paper: chosen because at a tenth of the pixels a wall of Gaussians stands round the head in every picture.
MAX_USABLE_LEAK = 0.1  # share of the kept pixels


def total_leak(clips: Mapping[str, ExtractedClip]) -> float:
    """Share 0..1 of the kept pixels of all pictures that the person mask denies."""
    return leak_share(sum(clip.kept for clip in clips.values()), sum(clip.denied for clip in clips.values()))


def leak_warning(out: Path, clips: Mapping[str, ExtractedClip]) -> str:
    """A sentence where more than MAX_LEAK of all clips, or of one, is denied by the person mask; else empty.

    out: the footage's folder, which the sentence names. clips: by name. Raises UserError above MAX_USABLE_LEAK.
    """
    worst = max(clips, key=lambda name: clips[name].leak)
    total, of_worst = total_leak(clips), clips[worst].leak
    if total > MAX_USABLE_LEAK:
        raise UserError(
            f"{out}: {100 * total:.0f} % of what would be kept as the person is not the person (most in {worst}), and "
            "would become part of the head; film before a plain wall, or leave such clips out."
        )
    if max(total, of_worst) <= MAX_LEAK:
        return ""
    return (
        f"{out}: {100 * total:.1f} % of what is kept as the person may be the backdrop, in {worst} "
        f"{100 * of_worst:.1f} %; look at the pictures in report.html, and leave clips out that show it."
    )


def methods_used(clips: Mapping[str, ExtractedClip]) -> dict[str, int]:
    """What the clips' pictures were cut out by -> how many clips, in the order of ALPHA_METHODS; clips without pictures
    do not count."""
    used = [clip.method for clip in clips.values() if clip.kept]
    return {method: used.count(method) for method in ALPHA_METHODS if method in used}

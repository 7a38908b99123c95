# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of each clip become pictures of the footage, and their numbers."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics import lip_gap
from .fit_clips import ClipFit
from .prepare_settings import PrepareSettings
from .source_clip import SourceClip

MAX_DEPTH_PICTURES = 3000  # training lifts its initial cloud from sixty of them


@dataclass(frozen=True)
class FrameSelection:
    """The frames of a clip that become pictures."""

    first_number: int  # of its first picture
    frames: tuple[int, ...]
    thumbnail_frame: int
    depth_every: int  # every so many pictures of the footage, by number, have depth

    @property
    def pictures(self) -> Iterator[tuple[int, bool]]:
        """The number of each picture, and whether it has depth."""
        for number in range(self.first_number, self.first_number + len(self.frames)):
            yield number, number % self.depth_every == 0


def select_pictures(
    clips: Sequence[SourceClip],
    fit_of: Callable[[str], ClipFit],  # by clip name
    other_light: Collection[str],  # clips that were filmed in another light
    settings: PrepareSettings,
) -> dict[str, FrameSelection]:
    """By clip name: every `settings.every`th usable frame, at most `settings.most` of a clip, evenly spaced, numbered
    through from clip to clip; the thumbnail shows the widest open mouth.

    Clips in another light give no pictures: it, and often other clothes, would have to be learnt by the same Gaussians.
    """
    frames, thumbnails = {}, {}
    for clip in clips:
        clip_fit = fit_of(clip.name)
        usable = np.flatnonzero(clip_fit.usable)
        thumbnails[clip.name] = int(usable[np.argmax(lip_gap(clip_fit.landmarks)[usable])])
        frames[clip.name] = _thin_out(usable, settings)
    # Counted with the pictures of clips in another light, as in 0.1.0.
    depth_every = max(1, sum(len(chosen) for chosen in frames.values()) // MAX_DEPTH_PICTURES)
    selections, number = {}, 0
    for name, chosen in frames.items():
        own = () if name in other_light else chosen
        selections[name] = FrameSelection(number, own, thumbnails[name], depth_every)
        number += len(own)
    return selections


def _thin_out(usable: np.ndarray, settings: PrepareSettings) -> tuple[int, ...]:
    on_grid = usable % settings.every == 0
    chosen = usable[on_grid] if on_grid.any() else usable[:1]
    if settings.most and len(chosen) > settings.most:
        chosen = chosen[np.linspace(0, len(chosen) - 1, settings.most).round().astype(int)]
    return tuple(int(k) for k in chosen)

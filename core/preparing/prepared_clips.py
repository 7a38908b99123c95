# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stages before `write` have found: all that the footage and its report are made of.

Letters: F pictures, h w a thumbnail's size.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..footage import picture_paths
from .extract import ExtractedClip
from .fit_clips import ClipFit
from .frame_selection import FrameSelection
from .identity import PersonIdentity
from .probe import ClipVoice
from .source_clip import SourceClip


@dataclass(frozen=True)
class PreparedClips:
    """The clips of the footage in their order; mappings and functions take a clip's name."""

    clips: Sequence[SourceClip]
    identity: PersonIdentity
    fit_of: Callable[[str], ClipFit]  # from the cache: the fits of a long video need not fit into memory
    thumbnail_of: Callable[[str], np.ndarray]  # [h,w,3] uint8
    selections: Mapping[str, FrameSelection]
    extracted: Mapping[str, ExtractedClip]
    voices: Mapping[str, ClipVoice]
    damaged: Mapping[str, int]  # frames
    test_clips: Collection[str]
    dropped: Mapping[str, str]  # clip or video -> why
    warnings: Sequence[str]

    @property
    def picture_count(self) -> int:
        """F."""
        return sum(len(selection.frames) for selection in self.selections.values())

    @property
    def files(self) -> Iterator[Path]:
        """Every file of the footage, relative to its folder."""
        yield from map(Path, ("footage.json", "frames.npz", "report.html"))
        for name, selection in self.selections.items():
            yield from (Path("audio", f"{name}.wav"), Path("tracks", f"{name}.npz"))
            for number, has_depth in selection.pictures:
                paths = picture_paths(Path(), number)
                yield from (path for kind, path in paths.items() if has_depth or kind != "depth")

    def split_of(self, name: str) -> str:
        """ "test" or "train"."""
        return "test" if name in self.test_clips else "train"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips that are still kept, those that were left out and why, and what the user was warned about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..formats import UserError
from ..jobs import Warned
from .source_clip import SourceClip
from .source_videos import SourceVideo

MAX_NAMED = 20  # clips whose reason the error repeats when none is left


class ClipList:
    """Begins with videos; `add_clips` says what clips they hold."""

    def __init__(self, sources: Sequence[SourceVideo]) -> None:
        self.kept: list[SourceClip] = []
        self.dropped: dict[str, str] = {}  # clip or video -> why
        self.warnings: list[str] = []  # sentences about what is kept
        self._paths = {source.name: source.path for source in sources}
        self._has_clips = False

    def add_clips(self, clips: Iterable[SourceClip]) -> None:
        """The clips of all videos that can be used."""
        self.kept, self._has_clips = list(clips), True

    @property
    def frame_count(self) -> int:
        """Frames of the kept clips."""
        return sum(clip.span.count for clip in self.kept)

    @property
    def by_video(self) -> dict[Path, list[SourceClip]]:
        """The kept clips of each video, in order."""
        videos: dict[Path, list[SourceClip]] = {}
        for clip in self.kept:
            videos.setdefault(clip.path, []).append(clip)
        return videos

    def drop(self, faults: Mapping[str, str]) -> Iterator[Warned]:
        """Leave out clips, or videos, and say why. Raises UserError when none is left.

        faults: clip or video -> why, as words that follow its name or a sentence without its full stop.
        """
        self.dropped |= {name: why for name, why in faults.items() if name not in self.dropped}
        self.kept = [clip for clip in self.kept if clip.name not in faults]
        remaining = len(self.kept) if self._has_clips else len(self._paths) - len(self.dropped)
        for name, why in faults.items():
            yield Warned(f"Left out: {self._reason(name, why)}.")
        if faults and not remaining:
            raise self._nothing_left()

    def warn(self, sentence: str) -> Warned:
        """The event for a sentence that the report repeats."""
        self.warnings.append(sentence)
        return Warned(sentence)

    def _nothing_left(self) -> UserError:
        reasons = [self._reason(name, why) for name, why in self.dropped.items()]
        if len(reasons) == 1:
            return UserError(f"{reasons[0]}.")
        named = "; ".join(f"({k}) {reason}" for k, reason in enumerate(reasons[:MAX_NAMED], start=1))
        more = f"; and {len(reasons) - MAX_NAMED} more" if len(reasons) > MAX_NAMED else ""
        return UserError(f"None of the {len(reasons)} clips can be used: {named}{more}.")

    def _reason(self, name: str, why: str) -> str:
        """A sentence that begins with the file or the clip, without its full stop."""
        path = str(self._paths.get(name, name))
        why = why.removeprefix(f"{name}: ")
        return why if why.startswith(path) else f"{path} {why}"

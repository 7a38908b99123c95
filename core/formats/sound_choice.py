# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a file's sound tracks and channels a head listens to. Knows no sound."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from .user_error import UserError

CHANNELS = ("", "mix", "left", "right")


@dataclass(frozen=True)
class SoundChoice:
    """Raises UserError for what names no track or channel."""

    track: int = 0  # 1 is the file's first sound track; 0: the first that is not silent
    channel: str = ""  # "mix", "left", "right", or its number from 1; "": the mix unless its channels cancel

    def __post_init__(self) -> None:
        channel = self.channel.strip().lower()
        object.__setattr__(self, "channel", channel)
        if self.track < 0:
            raise UserError(
                f"track {self.track} does not exist; give 1 for the first, or 0 for the one with the voice."
            )
        is_number = channel.isascii() and channel.isdigit() and len(channel) < 4 and int(channel) > 0
        if channel not in CHANNELS and not is_number:
            raise UserError(f"channel {channel[:20]!r} does not exist; give mix, left, right or a number from 1.")

    def content_hash(self, file_hash: str) -> str:
        """What identifies the sound: the file's SHA-256 itself by default, else with the choice in it.

        By default it does not say which track or channel was taken: that depends on the file alone.
        """
        if self == SoundChoice():
            return file_hash
        return hashlib.sha256(f"{file_hash} track {self.track} channel {self.channel}".encode()).hexdigest()


def hash_of_sounds(hashes: Sequence[str], per_frame: Sequence[int] = ()) -> str:
    """What identifies the sounds of a shot: the hash of the only one, else of all and of which is heard when; "" for a
    shot without a sound.

    per_frame: an index into `hashes` for each frame.
    """
    if not hashes:
        return ""
    if len(hashes) == 1:
        return hashes[0]
    heard = " ".join(map(str, per_frame))
    return hashlib.sha256("\n".join((*hashes, heard)).encode()).hexdigest()


def hash_of_words(hashes: Sequence[str]) -> str:
    """What identifies the words of a shot's sounds, "" for a sound without any: "" where there are none at all."""
    return hash_of_sounds(hashes) if any(hashes) else ""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Words with times as what sharpens a head's lips: their phones, for heads that listen by `mouth_shapes`."""

from dataclasses import dataclass
from pathlib import Path

from ..audio import Features, phone_classes
from ..formats import TimedLabel, UserError, is_plain_script, read_words
from .sharpening import confidence, phone_path, sharpened

LEAST_CONFIDENCE = 0.2  # of wrong texts' phones the highest was 0.00, of right ones' the lowest 0.44


@dataclass(frozen=True)
class SpokenWords:
    """The phones of a file of words."""

    name: str  # of the file
    phones: tuple[TimedLabel, ...]
    content_hash: str

    @property
    def is_known(self) -> bool:
        """Whether any of its phones is in an alphabet that is known here."""
        return any(phone_classes(phone.label for phone in self.phones).values())

    def sharpen(self, features: Features) -> Features | None:
        """The features of the encoder, sharpened; None where these words are not what is heard."""
        path = phone_path(self.phones, features.times)
        return sharpened(features, path) if confidence(features, path) >= LEAST_CONFIDENCE else None


def read_spoken_words(path: Path | str) -> SpokenWords:
    """The phones of a TextGrid. Raises UserError for words without phones."""
    if is_plain_script(path):
        raise UserError(
            f"{path}: does not say when each word is spoken; align it (talksplat align) and use its TextGrid."
        )
    timings = read_words(path)
    if not timings.phones:
        raise UserError(f"{path}: says nothing of phones; align its text (talksplat align), which finds them.")
    return SpokenWords(Path(path).name, timings.phones, timings.phone_hash)

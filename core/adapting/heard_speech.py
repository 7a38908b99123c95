# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head does while it hears some voices by its own encoder, and what another encoder makes of the same voices.

Letters: S moments of all voices, A code, J measures, C feature channels of the other encoder.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..audio import ENCODERS, MOUTH_MEASURES, PHONE_CLASSES, Features, Sound, load_sound, windows_at
from ..formats import HeadFile, UserError
from ..jobs import Pace, Progress
from ..listening import AudioCodes, speech_presence
from ..performance import Condition, LandmarkCarrier

RATE = 50.0  # moments a second: twice a model frame, so that closures are met
SPEAKING = 0.99  # presence from which a moment counts: what is in a pause, the head will not follow
MILLIMETRE = 1e3
ON_LANDMARKS = [k for k, measure in enumerate(MOUTH_MEASURES) if measure.terms]  # J channels of the other encoder
APART = [MOUTH_MEASURES[k].name for k in ON_LANDMARKS].index("lips_apart")  # of J
CLOSURES = [len(MOUTH_MEASURES) + PHONE_CLASSES.index(name) for name in ("p b", "m")]  # channels, likewise


@dataclass(frozen=True)
class HeardSpeech:
    """Moments at which somebody speaks."""

    codes: dict[str, np.ndarray]  # branch -> [S,A] float32: by the head's own audio nets
    geometry: np.ndarray  # [S,J] mm: the measures of its landmarks, less those at rest
    windows: np.ndarray  # [S,8,C,2] float32: of the other encoder's features
    measures: np.ndarray  # [S,J] that encoder's measures at the moment itself, 0..1
    closing: np.ndarray  # [S] the encoder's probability of a p, b or m, 0..1
    is_own: np.ndarray  # [S] bool: in the person's own voice

    def __len__(self) -> int:
        return len(self.measures)

    @property
    def typical(self) -> np.ndarray:
        """[S] bool: the moments that say how far this head moves: in its own voice where that was heard, else all."""
        return self.is_own if self.is_own.any() else np.ones(len(self), bool)


def check_recordings(paths: Sequence[str]) -> None:
    """Raises UserError for one that is missing, is no sound, or has nothing to hear: before minutes of listening."""
    for path in paths:
        if load_sound(path).is_silent:
            raise UserError(f"{path}: is silent; give a recording of speech.")


class Listener:
    """A head, and an encoder whose first channels are MOUTH_MEASURES."""

    def __init__(self, head: HeadFile, encoder: str) -> None:
        """Raises UserError as `AudioCodes` does, and for a head whose card has no landmarks."""
        self._codes, self._carrier, self._encoder = AudioCodes(head), LandmarkCarrier(head), ENCODERS[encoder]
        self._neutral = np.zeros(len(head.card.expression), np.float32)
        self.rest = self._codes.rest()
        self._at_rest = self._measured([self.rest])

    def hear(self, sounds: Sequence[Path], own: Sequence[Path]) -> Generator[Progress, None, HeardSpeech]:
        """Raises UserError for a sound that cannot be read, and where nobody speaks in any."""
        parts, pace = [], Pace(len(sounds) + len(own))
        for number, path in enumerate((*sounds, *own)):
            parts.append(self._heard(load_sound(path), number >= len(sounds)))
            yield pace.at(number + 1, f"listening to {path.name}")
        if not any(map(len, parts)):
            raise UserError(f"{sounds[0] if sounds else own[0]}: nobody speaks in it; give a recording of speech.")
        return _joined(parts)

    def _heard(self, sound: Sound, is_own: bool) -> HeardSpeech:
        times = np.arange(0.0, sound.duration, 1 / RATE)
        times = times[speech_presence(sound, times) >= SPEAKING]
        blocks = list(self._codes.codes(sound, times)) if len(times) else []
        codes = {name: _stacked([block[name] for block in blocks], rest) for name, rest in self.rest.items()}
        features = self._encoder.encode(sound)
        now = _interpolated(features, times)
        return HeardSpeech(
            codes,
            self.geometry(codes),
            windows_at(features, times),
            now[:, ON_LANDMARKS],
            now[:, CLOSURES].sum(axis=1),
            np.full(len(times), is_own),
        )

    def geometry(self, codes: dict[str, np.ndarray]) -> np.ndarray:
        """Branch -> [S,A] codes; what they do, [S,J] mm less that at rest. A branch that is left out is at rest."""
        count = len(next(iter(codes.values())))
        if not count:
            return np.zeros((0, len(ON_LANDMARKS)))
        whole = {name: codes.get(name, np.tile(rest, (count, 1))) for name, rest in self.rest.items()}
        return self._measured([{name: code[s] for name, code in whole.items()} for s in range(count)]) - self._at_rest

    def _measured(self, codes: list[dict[str, np.ndarray]]) -> np.ndarray:
        """[S,J] mm."""
        landmarks = MILLIMETRE * self._carrier.track([Condition(code, self._neutral) for code in codes])
        return np.stack([MOUTH_MEASURES[k].of(landmarks) for k in ON_LANDMARKS], axis=1)


def _interpolated(features: Features, times: np.ndarray) -> np.ndarray:
    """[S,C]."""
    return np.stack([np.interp(times, features.times, channel) for channel in features.values.T], axis=1)


def _stacked(blocks: list[np.ndarray], rest: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((0, len(rest)), np.float32), *blocks])


def _joined(parts: list[HeardSpeech]) -> HeardSpeech:
    codes = {name: np.concatenate([part.codes[name] for part in parts]) for name in parts[0].codes}
    columns = ("geometry", "windows", "measures", "closing", "is_own")
    return HeardSpeech(codes, *(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

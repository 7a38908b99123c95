# SPDX-License-Identifier: GPL-3.0-or-later
"""Silence means a mouth at rest: sounds without speech, and the face that belongs to them.

TalkingGaussian's users find its mouths moving in silence, because it is never trained on any. Not in the paper: ours.
The sound: digital silence, room tone at several levels, and the silence before and after speech (an encoder that
attends farther takes in the speech too). The target: the mouth and jaw that the person showed in the pauses of the
train clips, the more closed half of those moments.

Letters: S moments of the train clips, M windows, C feature channels, P = 68 landmarks.
"""

from dataclasses import dataclass

import numpy as np

from ..audio import ENCODERS, SOUND_RATE, WINDOW_OFFSETS, Features, Sound, load_sound, silent_spans, windows_at
from ..footage import ClipSpeech, Footage
from ..metrics import lip_gap

LOWER_FACE = np.r_[4:13, 48:68]  # jaw line around the chin, lips: what speech moves
SECONDS = 4.0  # of each sound without speech
ROOM_TONE = (-70.0, -58.0, -52.0, -46.0)  # dB of full scale, root mean square
CLIPS = 12  # train clips that are encoded with silence before and after them
PADDING = 1.6  # seconds of it
LEAD = 0.35  # seconds around speech in which a mouth may set out already
MARGIN = 0.12  # seconds inside a pause of a clip that do not count (metrics/silence.py)
MIN_MOMENTS = 10  # in pauses; where there are fewer, the most closed tenth of all moments replaces them
NEAR, CLOSED = 0.0015, 0.0005  # metres, mean over the mouth's landmarks, and of the lip gap: a picture at rest


@dataclass(frozen=True)
class SilenceSamples:
    """`windows` of silence, and the mouth at rest that is their target."""

    features: tuple[Features, ...]
    spans: tuple[tuple[int, float, float], ...]  # row of `features`, seconds from .. to of window centres
    rest: np.ndarray  # [68,3] metres: the mouth and jaw at rest; the upper face is a mean and not to be used
    rest_rows: np.ndarray  # rows of the train moments that are at rest

    def windows(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """[count,8,C,2] float32: windows of silence, each span as likely as the others."""
        shape = (count, len(WINDOW_OFFSETS), self.features[0].values.shape[1], WINDOW_OFFSETS.shape[1])
        windows = np.empty(shape, np.float32)
        for m in range(count):
            row, first, last = self.spans[rng.integers(len(self.spans))]
            windows[m] = windows_at(self.features[row], np.array([rng.uniform(first, last)]))[0]
        return windows

    def rest_mouth(self, landmarks: np.ndarray) -> np.ndarray:  # [M,68,3] -> [M,68,3]
        """The same faces with the mouth and jaw at rest."""
        rested = landmarks.copy()
        rested[:, LOWER_FACE] = self.rest[LOWER_FACE]
        return rested


def collect_silence(footage: Footage, speech: ClipSpeech, encoder: str) -> SilenceSamples:
    """Encode silence, alone and around `CLIPS` train clips, and find the mouth at rest. Deterministic. Raises
    UserError."""
    features = [ENCODERS[encoder].encode(sound) for sound in silent_sounds()]
    spans = [(row, 0.0, SECONDS) for row in range(len(features))]
    clips = sorted(speech.tracks)
    for clip in clips[:: max(len(clips) // CLIPS, 1)][:CLIPS]:
        spoken = load_sound(footage.clips[clip].audio)
        padding = np.zeros(round(PADDING * SOUND_RATE), np.float32)
        padded = ENCODERS[encoder].encode(Sound(np.concatenate([padding, spoken.samples, padding])))
        row, end = len(features), PADDING + spoken.duration
        spans += [(row, -WINDOW_OFFSETS.min(), PADDING - LEAD), (row, end + LEAD, end + PADDING)]
        features.append(padded)
    rows = rest_moments(footage, speech)
    return SilenceSamples(tuple(features), tuple(spans), speech.stack_tracks("landmarks", rows).mean(axis=0), rows)


def silent_sounds() -> list[Sound]:
    """Digital silence, and room tone at every level of ROOM_TONE (white noise, seeded)."""
    rng, count = np.random.default_rng(0), round(SECONDS * SOUND_RATE)
    tones = [(10 ** (level / 20) * rng.standard_normal(count)).astype(np.float32) for level in ROOM_TONE]
    return [Sound(samples) for samples in (np.zeros(count, np.float32), *tones)]


def rest_moments(footage: Footage, speech: ClipSpeech) -> np.ndarray:
    """Rows of the moments in the pauses of the train clips whose lips are closer than those pauses' median."""
    gaps = lip_gap(speech.stack_tracks("landmarks"))
    paused = np.zeros(len(gaps), bool)
    for clip, track in speech.tracks.items():
        sound = load_sound(footage.clips[clip].audio)
        rows = np.flatnonzero(speech.moments[:, 0] == clip)
        for first, last in silent_spans(sound.samples, sound.rate):
            paused[rows] |= (track.time >= first + MARGIN) & (track.time <= last - MARGIN)
    rows = np.flatnonzero(paused)
    if len(rows) < MIN_MOMENTS:
        return np.argsort(gaps, kind="stable")[: max(len(gaps) // 10, 1)]
    return rows[gaps[rows] <= np.median(gaps[rows])]


def rest_pictures(landmarks: np.ndarray, silence: SilenceSamples) -> np.ndarray:  # [F,68,3] -> rows
    """Pictures that show the mouth at rest, whatever is heard there."""
    distance = np.linalg.norm(landmarks[:, 48:] - silence.rest[48:], axis=-1).mean(axis=1)
    return np.flatnonzero((distance < NEAR) & (lip_gap(landmarks) < lip_gap(silence.rest) + CLOSED))

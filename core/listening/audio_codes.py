# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound through a head's audio nets: features, the window at each moment, each branch's audio code.

Needs no torch, like all between a voice and a picture. Knows nothing of frames or files.

Letters: M moments, C feature channels, A width of a branch's code.
"""

from collections.abc import Iterator

import numpy as np

from ..audio import ENCODERS, SOUND_RATE, Features, Sound, window_blocks, windows_at
from ..formats import HeadFile, UserError
from ..performance import AudioInference

BLOCK = 512  # moments at once: 9 MB of windows at C = 288, whatever the sound's length
SAMPLES_BLOCK = 1 << 20  # samples at once: a minute


class AudioCodes:
    """The encoder that a head names and the audio nets of its branches."""

    def __init__(self, head: HeadFile) -> None:
        """Raises UserError for an encoder that is unknown here and for nets that do not fit the card."""
        name = head.card.audio_encoder
        if name not in ENCODERS:
            raise UserError(
                f"{head.source}: its audio encoder {name[:40]!r} is unknown here "
                f"(known: {', '.join(ENCODERS)}); update talksplat."
            )
        self.encoder = ENCODERS[name]
        self.nets = {branch: _audio_net(head, branch, self.encoder.channels) for branch in head.card.branches}

    def rest(self) -> dict[str, np.ndarray]:
        """The codes of silence: branch -> [A] float32."""
        silence = Sound(np.zeros(SOUND_RATE, dtype=np.float32))
        windows = windows_at(self.encoder.encode(silence), [silence.duration / 2])
        return {branch: code[0] for branch, code in self._codes(windows).items()}

    def codes(self, sound: Sound, times: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """The codes at `times` [M] (seconds of the sound) in blocks, branch -> [<=BLOCK,A] float32.

        The sound is encoded as the blocks are taken: for rising times the memory does not grow with its length.
        """
        for windows in window_blocks(self.encoder, sound, times, BLOCK):
            yield self._codes(windows)

    def codes_of(self, features: Features, times: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """The same of a sound that is encoded already."""
        for a in range(0, len(times), BLOCK):
            yield self._codes(windows_at(features, times[a : a + BLOCK]))

    def _codes(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        return {branch: net(windows) for branch, net in self.nets.items()}


def _audio_net(head: HeadFile, branch: str, channels: int) -> AudioInference:
    width, tensors = head.card.audio_code.get(branch), head.part(f"{branch}.audio")
    if not width or not tensors:
        raise UserError(f"{head.source}: its {branch} branch has no audio net; export the head again.")
    try:
        return AudioInference(tensors, channels, width)
    except UserError as error:
        raise UserError(f"{head.source}: in its {branch} branch {error}; export the head again.") from error


def loudness(
    sound: Sound,
    times: np.ndarray,  # [M] seconds
    width: float = 0.04,  # seconds
) -> np.ndarray:
    """Root mean square of the samples within `width` around each moment, [M] float32, 0..1; 0 outside the sound."""
    edges = np.rint((times[:, None] + np.array([-0.5, 0.5]) * width) * sound.rate).astype(np.int64)
    below, above = _sums_of_squares(sound.samples, np.clip(edges, 0, len(sound.samples))).T
    # The sums' rounding may leave -1e-17 in silence.
    power = np.maximum(above - below, 0.0) / (width * sound.rate)
    return np.minimum(np.sqrt(power), 1.0).astype(np.float32)


def _sums_of_squares(samples: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The sum of the squares of the first `counts` samples, float64, shaped as `counts`; the samples block by block."""
    out, total = np.zeros(counts.shape), 0.0
    for a in range(0, len(samples), SAMPLES_BLOCK):
        squares = np.square(samples[a : a + SAMPLES_BLOCK], dtype=np.float64)
        squares[0] += total  # the running sum goes on where the block before ended, bit for bit
        sums = np.cumsum(squares)
        inside = (counts > a) & (counts <= a + len(sums))
        out[inside] = sums[counts[inside] - a - 1]
        total = sums[-1]
    return out

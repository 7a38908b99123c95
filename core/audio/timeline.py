# SPDX-License-Identifier: GPL-3.0-or-later
"""Chunks of sound, each with its own time -> samples at one rate from time 0.

Knows no files and no codecs. Holes become silence, overlaps are cut, a change of rate is followed.

Letters: S samples of a chunk, L of the whole, c channels.
"""

from pathlib import Path

import numpy as np
import soxr

from ..formats import UserError

TOLERANCE = 0.04  # seconds by which a time stamp may be off (containers round them) before it counts as a hole
BLOCK = 1 << 16  # samples of silence added at once


class Timeline:
    """`add` every chunk, then `finish`. Raises UserError (naming `path`) beyond `longest` seconds."""

    def __init__(self, path: Path, target: int, channels: int, longest: float) -> None:
        self.path, self.target, self.channels, self.longest = path, target, channels, longest
        self.done = bytearray()  # float32 [.,c] at `target` samples a second; grows in place, hours are held once
        self.rate = 0  # of the present chunks, samples a second
        self.stream: soxr.ResampleStream | None = None
        self.base = 0.0  # seconds at which the present rate began
        self.fed = 0  # samples given to the present resampler

    @property
    def now(self) -> float:
        """Seconds up to which there are samples."""
        return self.base + (self.fed / self.rate if self.rate else 0.0)

    def add(
        self,
        time: float | None,  # seconds; None: right after the last chunk
        rate: int,
        chunk: np.ndarray,  # [S,c] float32
    ) -> None:
        """Place a chunk where its time says: a hole before it becomes silence, what overlaps is dropped."""
        if not rate or rate != self.rate:
            self._start(rate)
        offset = 0.0 if time is None else time - self.now
        if self.fed == 0 and self.base == 0.0 and time is not None:
            offset = float(np.rint(offset * rate)) / rate  # the first chunk is placed to the sample
        elif abs(offset) < TOLERANCE:
            offset = 0.0
        if offset < 0:
            chunk = chunk[round(-offset * rate) :]
        elif offset > 0:
            self._silence(offset)
        self._feed(chunk)

    def _start(self, rate: int) -> None:
        if not 1000 <= rate <= 768000:
            raise UserError(f"{self.path} claims {rate} samples a second; export it again at 48000.")
        self.base = self.now
        self._flush()
        self.rate, self.fed = rate, 0
        same = rate == self.target
        self.stream = None if same else soxr.ResampleStream(rate, self.target, self.channels, "float32", "HQ")

    def _silence(self, seconds: float) -> None:
        if self.now + seconds > self.longest:
            self._too_long()
        left = round(seconds * self.rate)
        while left > 0:
            self._feed(np.zeros((min(left, BLOCK), self.channels), dtype=np.float32))
            left -= BLOCK

    def _feed(self, chunk: np.ndarray) -> None:
        self.fed += len(chunk)
        if self.now > self.longest:
            self._too_long()
        self._store(chunk if self.stream is None else self.stream.resample_chunk(chunk))

    def _flush(self) -> None:
        if self.stream is not None:
            self._store(self.stream.resample_chunk(np.zeros((0, self.channels), dtype=np.float32), last=True))

    def _store(self, samples: np.ndarray) -> None:
        if not np.isfinite(samples).all():
            raise UserError(f"{self.path} holds samples that are not numbers; export it again as 16-bit WAV.")
        self.done += np.ascontiguousarray(np.clip(samples, -1.0, 1.0)).data.cast("B") if samples.size else b""

    def finish(self) -> np.ndarray:
        """All samples, [L,c] float32, clipped to -1..1."""
        self._flush()
        return np.frombuffer(self.done, dtype=np.float32).reshape(-1, self.channels)

    def _too_long(self) -> None:
        raise UserError(f"{self.path} is longer than {self.longest / 3600:g} h; cut out the part with the speech.")

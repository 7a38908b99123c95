# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a sound is speech: seconds in which the level rises and falls as syllables do, and in which some but not
all is voiced. A hum, a room's noise, traffic, clicks and held or evenly struck notes are not; a song may be.

Not in the paper: chosen on 34 recordings of speech in nine languages, read, spoken, shouted and whispered in part (half
to all of each is found, of a noisy one an eighth), and on seven synthetic sounds without speech (none is).

Letters: L samples, W windows of a second, F frames of 20 ms.
"""

import numpy as np

HOP, FRAME = 0.02, 0.04  # seconds
WINDOW = 50  # frames: a second holds three to six syllables
MIN_SPREAD = 5.0  # dB, standard deviation of the level within a window
VOICED_SHARE = (0.1, 0.95)  # of a window's frames: speech has consonants and pauses
PITCH = (75.0, 400.0)  # Hz
MIN_HARMONICITY = 0.6  # autocorrelation at the pitch's period over that at 0
DEEPEST, AUDIBLE = 50.0, 30.0  # dB below the loud frames: levels are floored there; deeper, nothing is voiced
SILENT = 1e-10  # power, -100 dB of full scale
BLOCK = 3000  # frames at once, a minute


def speech_share(
    samples: np.ndarray,  # [L] sound, full scale 1
    rate: int,  # samples a second
) -> float:
    """Share 0..1 of the sound's windows that hold speech; 0 for silence and for less than a second.
    Raises ValueError for a sound that is not [L]."""
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f"a sound must be [L], one channel, not {samples.shape}")
    level, harmonicity = _measure_frames(samples, rate)
    if len(level) < WINDOW:
        return 0.0
    loud = float(np.percentile(level, 95))
    if loud <= 10 * np.log10(SILENT):
        return 0.0
    voiced = (harmonicity > MIN_HARMONICITY) & (level > loud - AUDIBLE)
    levels = np.lib.stride_tricks.sliding_window_view(np.maximum(level, loud - DEEPEST), WINDOW)[:: WINDOW // 2]
    shares = np.lib.stride_tricks.sliding_window_view(voiced, WINDOW)[:: WINDOW // 2].mean(axis=1)
    speech = (levels.std(axis=1) > MIN_SPREAD) & (shares > VOICED_SHARE[0]) & (shares < VOICED_SHARE[1])
    return float(speech.mean())


def _measure_frames(samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """([F] dB, [F] harmonicity) of the frames."""
    hop, size = round(rate * HOP), round(rate * FRAME)
    if len(samples) < size:
        return np.zeros(0), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    blocks = [frames[a : a + BLOCK].astype(np.float64) for a in range(0, len(frames), BLOCK)]
    level = [10 * np.log10(np.maximum((block**2).mean(axis=1), SILENT)) for block in blocks]
    return np.concatenate(level), np.concatenate([_harmonicity(block, rate) for block in blocks])


def _harmonicity(frames: np.ndarray, rate: int) -> np.ndarray:
    """[F] of frames [F,size]: the largest autocorrelation at a period of PITCH, without the window's own (Boersma
    1993)."""
    size = frames.shape[1]
    window = np.hanning(size)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * size)) ** 2)[:size]
    spectrum = np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, 2 * size, axis=1)
    periodic = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :size]
    periodic /= np.maximum(periodic[:, :1], 1e-12) * (own / own[0] + 1e-6)
    return periodic[:, round(rate / PITCH[1]) : round(rate / PITCH[0])].max(axis=1)

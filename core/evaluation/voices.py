# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's lips on voices that nobody filmed: a folder of sounds, each with its phones beside it.

    FOLDER/GROUP/NAME.flac (or wav, mp3 ...) and NAME.TextGrid, as phone aligners write it

A group is a row of the table: a language, children, whisper. A sound without phones is one in which nobody speaks, and
in which the mouth should not move. Letters: T moments, K measures.
"""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np

from ..audio import MOUTH_MEASURES, Sound, load_sound, measure_mouth
from ..formats import HeadFile, TimedLabel, UserError, read_words, words_beside
from ..jobs import Pace, Progress
from ..listening import SpokenWords, compute_performance
from ..metrics import PhoneLips, stillness
from ..performance import Controls, LandmarkCarrier

RATE = 50  # moments a second: a closure of 40 ms has two
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aif", ".aiff")
APART, WIDTH = (
    next(k for k, m in enumerate(MOUTH_MEASURES) if m.name == name) for name in ("lips_apart", "mouth_width")
)

Lips = Callable[[Sound], tuple[np.ndarray, np.ndarray]]  # a sound -> ([T] seconds, [T,K] measures)


def head_lips(head: HeadFile, words_of: Callable[[Sound], SpokenWords | None] = lambda _: None) -> Lips:
    """What the head's landmarks do in a sound, sharpened by its words, its expression neutral. Raises UserError as
    `LandmarkCarrier`."""
    carrier, controls = LandmarkCarrier(head), Controls()

    def lips(sound: Sound) -> tuple[np.ndarray, np.ndarray]:
        steps = compute_performance(head, sound, "", words_of(sound))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                performance = end.value
                break
        times = np.arange(0.0, sound.duration, 1 / RATE)
        return times, measure_mouth(carrier.track([performance.at(float(t), controls) for t in times]))

    return lips


def measure_voices(lips: Lips, folder: Path) -> Generator[Progress, None, dict[str, dict]]:
    """Returns group -> its figures. Raises UserError for a folder without such sounds."""
    groups = _groups(folder)
    pace, done = Pace(sum(map(len, groups.values()))), 0
    spoken, unspoken = {}, {}
    for group, files in groups.items():
        for file in files:
            sound, phones = load_sound(file), _phones(file)
            times, measures = lips(sound)
            if phones:
                spoken.setdefault(group, []).append((times, measures, phones))
            else:
                unspoken.setdefault(group, []).append(measures[:, APART])
            done += 1
            yield pace.at(done, "other voices")
    figures = {group: _figures(clips) for group, clips in spoken.items()}
    gaps = [measures[:, APART] for clips in spoken.values() for _, measures, _ in clips]
    for group, still in unspoken.items():
        figures[group] = {"clips": len(still)} | _stillness(still, gaps)
    return figures


def _groups(folder: Path) -> dict[str, list[Path]]:
    files = {
        group.name: sorted(file for file in group.iterdir() if file.suffix.lower() in SOUNDS)
        for group in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if group.is_dir()
    }
    files = {name: found for name, found in files.items() if found}
    if not files:
        raise UserError(f"{folder} has no sounds in folders of its own; put each group of voices into one.")
    return files


def _phones(file: Path) -> tuple[TimedLabel, ...]:
    beside = words_beside(file)
    if not beside:
        return ()
    timings = read_words(beside)
    return timings.phones or timings.words


def _figures(clips: list[tuple[np.ndarray, np.ndarray, tuple[TimedLabel, ...]]]) -> dict:
    phone_lips = PhoneLips()
    for times, measures, phones in clips:
        phone_lips.add(measures[:, APART], measures[:, WIDTH], times, phones)
    seconds = sum(times[-1] - times[0] for times, _, _ in clips)
    return {"clips": len(clips), "seconds": round(float(seconds), 1)} | phone_lips.figures()


def _stillness(still: list[np.ndarray], spoken: list[np.ndarray]) -> dict:
    if not spoken:
        return {}
    usual = np.concatenate([gap - gap.mean() for gap in spoken])
    return {"movement": round(float(np.mean([stillness(gap, usual) for gap in still])), 4)}

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the net, or a head, does with everything that the net never heard: talkers with pictures, voices without, and
sounds in which nobody speaks. Prints a table in markdown.

    python -m talksplat.samples.mouth_net.evaluate --data ../shared/data --work ../mouth_net [--head FILE.head]

--work: the folder of a training, with its landmarks and phones; they are made where they are missing.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...core.audio import ENCODERS, MOUTH_MEASURES, SOUND_RATE, Sound, load_sound
from ...core.evaluation import Lips, head_lips
from ...core.formats import TimedLabel, read_head
from ...core.listening import SpokenWords, speech_presence
from ...core.metrics import PhoneLips, correlation, stillness
from .clips import Clip, all_clips
from .examples import real_lips
from .held_vowels import hold_vowels
from .lips import load_tracks
from .non_speech import KINDS, make_non_speech
from .phones import load_phones

APART, WIDTH = 0, 1  # of MOUTH_MEASURES
OTHER_SEED = 987654  # of sounds that nobody speaks: not training's
NON_SPEECH = 4  # of a kind
OPEN = ("AA", "AE", "AH", "EH")  # vowels
LANGUAGES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "pt": "Portuguese", "sv": "Swedish",
    "ja": "Japanese", "zh": "Mandarin", "": "unknown",
}  # fmt: skip
COLUMNS = ("voices", "clips", "gap r", "width r", "p b m", "closed", "vowels", "closed vowels", "closure auc",
           "rounding auc")  # fmt: skip


@dataclass
class Row:
    """What is gathered of one kind of voice."""

    gap_r: list[float] = field(default_factory=list)
    width_r: list[float] = field(default_factory=list)
    lips: PhoneLips = field(default_factory=PhoneLips)
    clips: int = 0

    def cells(self, name: str) -> list[str]:
        figures = self.lips.figures()
        r = [f"{np.mean(values):.3f}" if values else "" for values in (self.gap_r, self.width_r)]
        numbers = [figures[key] for key in COLUMNS[4:]]
        return [name, str(self.clips), *r, *("" if n is None else f"{n:.3g}" for n in numbers)]


def net_lips(sound: Sound, words: SpokenWords | None = None) -> tuple[np.ndarray, np.ndarray]:
    """([T] seconds, [T,K]) of the shipped net, sharpened by words, at rest in pauses as every head is."""
    features = ENCODERS["mouth_shapes"].encode(sound)
    features = (words and words.sharpen(features)) or features
    inside = (features.times >= 0) & (features.times < sound.duration)
    times, measures = features.times[inside], features.values[inside, : len(MOUTH_MEASURES)]
    rest = np.array([measure.rest for measure in MOUTH_MEASURES])
    return times, rest + speech_presence(sound, times)[:, None] * (measures - rest)


def evaluate(clips: list[Clip], lips: Lips, work: Path) -> dict[str, Row]:
    """Row by name, of the clips that are held back."""
    filmed = [clip for clip in clips if clip.has_lips]
    truth = real_lips(filmed, load_tracks([clip.file for clip in filmed], work / "landmarks"))
    held = [clip for clip in clips if clip.held_back]
    rows: dict[str, Row] = defaultdict(Row)
    for clip, (_, phones, aligned) in zip(held, load_phones((clip.said for clip in held), work / "phones")):
        times, measures = lips(load_sound(clip.file))
        for name in _rows_of(clip, aligned):
            _add(rows[name], times, measures, phones, truth.get(clip.name))
        if clip.has_lips:
            _add(rows[f"real lips of {_rows_of(clip, aligned)[0]}"], *truth[clip.name], phones, None)
    return dict(sorted(rows.items()))


def held_open(clips: list[Clip], lips: Lips, work: Path) -> float:
    """How open the lips are in open vowels that are held for seconds, as a share of the same vowels as they are spoken.

    Of the voices that are held back and whose phones are aligned; 0 for a mouth that closes.
    """
    rng, gaps = np.random.default_rng(OTHER_SEED), []
    voices = [clip for clip in clips if clip.held_back and not clip.has_lips and clip.transcript]
    for clip, (_, phones, aligned) in zip(voices, load_phones((clip.said for clip in voices), work / "phones")):
        spoken = load_sound(clip.file)
        held, clock = hold_vowels(spoken, [p for p in phones if aligned and p.label in OPEN], rng)
        gaps += zip(*(_gaps_between(lips(sound), at[1:-1]) for sound, at in ((spoken, clock[1]), (held, clock[0]))))
    spoken_gaps, held_gaps = np.mean(gaps, axis=0)
    return float(held_gaps / spoken_gaps)


def _gaps_between(lips: tuple[np.ndarray, np.ndarray], corners: np.ndarray) -> list[float]:
    """Mean gap from each first of two corners to the second, in seconds."""
    times, measures = lips
    return [measures[(times >= a - 0.01) & (times <= b + 0.01), APART].mean() for a, b in corners.reshape(-1, 2)]


def non_speech(lips: Lips, spoken: Sound) -> Iterator[tuple[str, float, float]]:
    """(kind, mean gap, how much the mouth moves as a share of speech)."""
    usual, rng = lips(spoken)[1][:, APART], np.random.default_rng(OTHER_SEED)
    low, high = np.percentile(usual, [2, 95])
    for kind in KINDS:
        sounds = [Sound(make_non_speech(6.0, rng, kind)) for _ in range(NON_SPEECH)]
        gaps = [lips(sound)[1][:, APART] for sound in sounds]
        mean = float(np.mean([(gap.mean() - low) / (high - low) for gap in gaps]))
        yield kind, mean, float(np.mean([stillness(gap, usual) for gap in gaps]))


def _rows_of(clip: Clip, aligned: bool) -> list[str]:
    if clip.has_lips:
        return ["GRID s1, held-back clips" if clip.speaker == "s1" else "GRID talkers, held back"]
    names = ["open voices" if aligned else "open voices, phones without a transcript"]
    names += [f"{LANGUAGES[clip.language]}{'' if aligned else ', phones without a transcript'}"] * bool(clip.language)
    special = [word for word in ("child", "whisper", "anger", "singing", "projected") if word in clip.kind]
    return [*names, *(f"kind: {word}" for word in special)]


def _add(
    row: Row,
    times: np.ndarray,
    measures: np.ndarray,
    phones: Iterable[TimedLabel],
    truth: tuple[np.ndarray, np.ndarray] | None,
) -> None:
    row.clips += 1
    row.lips.add(measures[:, APART], measures[:, WIDTH], times, phones)
    if truth is not None:
        for k, values in ((APART, row.gap_r), (WIDTH, row.width_r)):
            values.append(correlation(np.interp(truth[0], times, measures[:, k]), truth[1][:, k]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--head", type=Path, help="a .head file; without one the net itself is measured")
    arguments = parser.parse_args()
    lips, clips = head_lips(read_head(arguments.head)) if arguments.head else net_lips, all_clips(arguments.data)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, row in evaluate(clips, lips, arguments.work).items():
        print(f"| {' | '.join(row.cells(name))} |")
    voice = load_sound(next(clip.file for clip in clips if clip.held_back and not clip.has_lips))
    print("\n| nobody speaks | mean gap | movement, of speech |\n|---|---|---|")
    for kind, mean, movement in non_speech(lips, voice):
        print(f"| {kind} | {mean:.2f} | {movement:.2f} |")
    print(
        f"\nOpen vowels held for seconds: lips {held_open(clips, lips, arguments.work):.2f} as open as in spoken ones."
    )
    minute = Sound(np.resize(voice.samples, 60 * SOUND_RATE))
    start = time.process_time()
    lips(minute)
    print(f"\n{60 / (time.process_time() - start):.0f} times as fast as real time, of one processor.")


if __name__ == "__main__":
    main()

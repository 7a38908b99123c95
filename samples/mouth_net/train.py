# SPDX-License-Identifier: GPL-3.0-or-later
"""From voices and GRID talkers to core/audio/mouth_net_weights: one command, seeded.

Needs this package with its extras `train` and `voices`, and a data folder with grid_talkers/, grid_s1_train/ and
voices/ (samples/mouth_net/README.md):

    python -m talksplat.samples.mouth_net.train --data ../shared/data --work ../mouth_net

What it has measured of each clip stays in --work, so that a stopped run goes on where it was.
"""

import argparse
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ...core.audio import MOUTH_MEASURES, PHONE_CLASSES
from ...core.audio.mouth_net import FORMAT, MOUTH_NET, NETWORKS, mouth_net_shapes
from ...core.formats import TimedLabel, to_json, write_tensors
from .attributions import attributions, used_sources
from .clips import Clip, all_clips
from .examples import Example, non_speech_examples, real_lips, speech_example
from .fit import SHARES, Projection, Rows, fit, fit_projection, group_of, make_rows
from .lips import load_tracks
from .network import MouthNetwork
from .phones import load_phones
from .sounds import HELD, VERSIONS

SEED, BATCH, STEPS = 15, 16, 4000
PROCESSES = 2  # that look at pictures and listen to sounds
NON_SPEECH_OF_A_KIND = 8


def measure(clips: list[Clip], work: Path) -> dict[str, float]:
    """What is slow, kept in `work` for whoever asks again; processor seconds by what they were spent on."""
    seconds = {}
    for name, all_of in {"lips": _lips, "phones": _phones, "sounds": _sounds}.items():
        start = time.process_time()
        all_of(clips, work)
        seconds[name] = time.process_time() - start
    return seconds


def measure_in_processes(clips: list[Clip], work: Path) -> None:
    """`measure` by PROCESSES at once."""
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        shares = [pool.submit(measure, clips[i::PROCESSES], work) for i in range(PROCESSES)]
        spent = [share.result() for share in shares]
    for name in spent[0]:
        print(f"{name}: {sum(seconds[name] for seconds in spent):.0f} s of processors")


def train_examples(clips: list[Clip], work: Path) -> Iterator[Example]:
    """Of these recordings in each version, and of sounds in which nobody speaks."""
    yield from _speech(clips, work)
    yield from non_speech_examples(NON_SPEECH_OF_A_KIND, SEED)


def _speech(clips: list[Clip], work: Path) -> Iterator[Example]:
    phones, lips = _phones(clips, work), _lips(clips, work)
    for version in VERSIONS:
        for clip in clips:
            if version != HELD or is_held(clip):
                yield speech_example(clip, version, *phones[clip.name], lips.get(clip.name), work / "features")


def _sounds(clips: list[Clip], work: Path) -> None:
    for _ in _speech(clips, work):
        pass  # what counts is in `work`


def _phones(clips: list[Clip], work: Path) -> dict[str, tuple[list[TimedLabel], bool]]:
    return {
        name: (said, aligned) for name, said, aligned in load_phones((clip.said for clip in clips), work / "phones")
    }


def _lips(clips: list[Clip], work: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    filmed = [clip for clip in clips if clip.has_lips]
    return real_lips(filmed, load_tracks([clip.file for clip in filmed], work / "landmarks"))


def is_held(clip: Clip) -> bool:
    """Whether it is heard with held vowels, too: every third recording without pictures."""
    return not clip.has_lips and zlib.crc32(clip.name.encode()) % 3 == 0


def write_net(out: Path, networks: list[MouthNetwork], projection: Projection, card: dict) -> None:
    """The file that `core.audio.mouth_net` reads, as 16-bit numbers."""
    each = [network.tensors() for network in networks]
    tensors = {name: np.stack([one[name] for one in each]) for name in each[0]}
    tensors |= {"project.weight": projection.weight, "project.bias": projection.bias}
    halves = {name: tensors[name].astype(np.float16) for name in mouth_net_shapes()}
    write_tensors(out, halves, {"format": FORMAT, "card": to_json(card)})


def make_card(clips: list[Clip], seed: int, steps: int) -> dict:
    """What the net is and what it heard; how well it does is in docs/research/any_voice.md."""
    return {
        "measures": [measure.name for measure in MOUTH_MEASURES],
        "phone_classes": list(PHONE_CLASSES),
        "trained_on": [
            {"source": row.source, "licence": row.licence, "speakers": len(row.speakers), "clips": row.clips}
            for row in used_sources(clips)
        ],
        "held_back": sorted({clip.speaker for clip in clips if clip.held_back and clip.speaker != "s1"}),
        "seed": seed,
        "steps": steps,
        "licence": "GPL-3.0-or-later; whose recordings it was trained on is in LICENSES.md beside it",
    }


def main() -> None:
    """Write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MOUTH_NET)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    start, clips = time.monotonic(), all_clips(arguments.data)
    heard = [clip for clip in clips if not clip.held_back]
    measure_in_processes(heard, arguments.work)
    print(f"measured after {time.monotonic() - start:.0f} s", flush=True)
    examples = list(train_examples(heard, arguments.work))
    projection = fit_projection(examples)
    groups: dict[str, list[Rows]] = {name: [] for name in SHARES}
    for example in examples:
        groups[group_of(example)].append(make_rows(example, projection))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    page = attributions(used_sources(clips))
    (arguments.out.parent / "LICENSES.md").write_text(page, encoding="utf-8")
    print(f"read after {time.monotonic() - start:.0f} s", flush=True)
    networks = []
    for seed in range(arguments.seed, arguments.seed + NETWORKS):
        networks.append(fit(groups, arguments.steps, BATCH, seed))
        print(f"network {len(networks)} of {NETWORKS} after {time.monotonic() - start:.0f} s", flush=True)
    write_net(arguments.out, networks, projection, make_card(clips, arguments.seed, arguments.steps))
    print(f"{time.process_time():.0f} s of processors beside those of the measuring")


if __name__ == "__main__":
    main()

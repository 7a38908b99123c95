# SPDX-License-Identifier: GPL-3.0-or-later
"""From voices and GRID talkers to core/audio/mouth_net_weights: one command, seeded.

Needs this package with its extras `train` and `voices`, and a data folder with grid_talkers/, grid_s1_train/ and
voices/ (samples/mouth_net/README.md):

    python -m talksplat.samples.mouth_net.train --data ../shared/data --work ../mouth_net

What it has measured of each clip stays in --work, so that a stopped run goes on where it was.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...core.audio import MOUTH_MEASURES, PHONE_CLASSES
from ...core.audio.mouth_net import FORMAT, MOUTH_NET, mouth_net_shapes
from ...core.formats import to_json, write_tensors
from .attributions import attributions, used_sources
from .clips import Clip, all_clips
from .examples import Example, non_speech_examples, real_lips, speech_example
from .fit import SHARES, Projection, Rows, fit, fit_projection, group_of, make_rows
from .lips import load_tracks
from .network import MouthNetwork
from .phones import load_phones
from .sounds import VERSIONS

SEED, BATCH, STEPS = 15, 16, 4000
NON_SPEECH_OF_A_KIND = 8


def train_examples(data: Path, work: Path) -> Iterator[Example]:
    """All that is not held back, in each version."""
    clips = all_clips(data)
    phones = {
        name: (found, aligned) for name, found, aligned in load_phones((clip.said for clip in clips), work / "phones")
    }
    filmed = [clip for clip in clips if clip.has_lips]
    lips = real_lips(filmed, load_tracks([clip.file for clip in filmed], work / "landmarks"))
    for version in VERSIONS:
        for clip in clips:
            if not clip.held_back:
                yield speech_example(clip, version, *phones[clip.name], lips.get(clip.name), work / "features")
    yield from non_speech_examples(NON_SPEECH_OF_A_KIND, SEED)


def write_net(out: Path, network: MouthNetwork, projection: Projection, card: dict) -> None:
    """The file that `core.audio.mouth_net` reads, as 16-bit numbers."""
    tensors = network.tensors() | {"project.weight": projection.weight, "project.bias": projection.bias}
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
    start = time.monotonic()
    examples = list(train_examples(arguments.data, arguments.work))
    projection = fit_projection(examples)
    groups: dict[str, list[Rows]] = {name: [] for name in SHARES}
    for example in examples:
        groups[group_of(example)].append(make_rows(example, projection))
    clips = all_clips(arguments.data)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    page = attributions(used_sources(clips))
    (arguments.out.parent / "LICENSES.md").write_text(page, encoding="utf-8")
    for step, loss, network in fit(groups, arguments.steps, BATCH, arguments.seed):
        print(f"step {step}/{arguments.steps}, loss {loss:.3f}, {time.monotonic() - start:.0f} s", flush=True)
        write_net(arguments.out, network, projection, make_card(clips, arguments.seed, step))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The numpy replay of a frame against the torch field that caches nothing, in the same run: time and memory.

Run: python -m benchmarks.replay [HEAD]. Without a file: heads of random weights, all Gaussians inside the bounds
(the most expensive case). The limit: at 50k a replayed frame takes at most half the time of the torch pass.
Ratios hold within one run only; the two are measured in turns, so that other work on the machine meets both.
"""

import sys
import time
import tracemalloc
from fractions import Fraction
from statistics import median

import numpy as np
import torch

from talksplat.core.deformation.field import HeadField
from talksplat.core.formats import HeadCard, HeadFile, read_head
from talksplat.core.performance import FUSION_TYPES, BranchSettings, Condition, Replay

TURNS = 30
MOUTH_SHARE = 0.1  # of a head's Gaussians
EXPRESSION = 8


def random_head(fusion: str, count: int) -> HeadFile:
    """A head of `count` Gaussians with weights that move them by some millimetres."""
    settings = {
        "face": BranchSettings.face(fusion=fusion, expression=EXPRESSION),
        "mouth": BranchSettings.mouth(fusion=fusion),
    }
    field = HeadField(settings, channels=4)
    with torch.no_grad():
        for name, weight in field.named_parameters():
            weight.normal_(std=1.0 if "tables" in name else weight.shape[-1] ** -0.5)
    tensors = {name: value.numpy() for name, value in field.state_dict().items()}
    rng = np.random.default_rng(0)
    for name in settings:
        n = round(count * (MOUTH_SHARE if name == "mouth" else 1 - MOUTH_SHARE))
        columns = {
            "means": rng.uniform(-0.15, 0.15, (n, 3)),
            "quats": rng.normal(size=(n, 4)),
            "scales": rng.uniform(1e-3, 1e-2, (n, 3)),
            "opacities": np.ones(n),
            "sh0": np.ones((n, 3)),
            "shN": np.zeros((n, 0, 3)),
        }
        tensors |= {f"{name}.gaussians.{k}": v.astype(np.float32) for k, v in columns.items()}
    names = tuple(f"channel_{i}" for i in range(EXPRESSION))
    card = HeadCard(
        "random",
        Fraction(25),
        "logmel",
        {"face": 32, "mouth": 32},
        names,
        fusion,
        {name: s.to_dict() for name, s in settings.items()},
    )
    return HeadFile(card, tensors)


def torch_field(head: HeadFile) -> tuple[HeadField, dict]:
    """The uncached field of a head and its canonical tensors by branch."""
    settings = {name: BranchSettings.from_dict(s) for name, s in head.card.branches.items()}
    channels = len(head.tensors["face.audio.feature_mean"])
    field = HeadField(settings, channels)
    weights = {k: torch.from_numpy(v) for k, v in head.tensors.items() if ".gaussians." not in k}
    field.load_state_dict(weights)
    tables = {name: head.gaussians(name) for name in settings}
    canonical = {name: tuple(torch.from_numpy(c) for c in (t.means, t.quats, t.scales)) for name, t in tables.items()}
    return field, canonical


@torch.no_grad()
def compare(label: str, head: HeadFile) -> None:
    field, canonical = torch_field(head)
    tracemalloc.start()
    start = time.perf_counter()
    replay = Replay(head)
    loading = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    frame, numpy_ms, torch_ms, worst = replay.frame(), [], [], 0.0
    rng = np.random.default_rng(1)
    for turn in range(TURNS + 3):
        codes = {k: rng.normal(size=a).astype(np.float32) for k, a in head.card.audio_code.items()}
        moment = Condition(codes, rng.random(len(head.card.expression)).astype(np.float32))
        inputs = {k: torch.from_numpy(v) for k, v in codes.items()}, torch.from_numpy(moment.expression)
        t0 = time.perf_counter()
        replay.at(moment, frame)
        t1 = time.perf_counter()
        expected = field(canonical, *inputs)
        t2 = time.perf_counter()
        worst = max(worst, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(frame, expected)))
        if turn >= 3:  # the first ones warm both up
            numpy_ms.append(1e3 * (t1 - t0))
            torch_ms.append(1e3 * (t2 - t1))
    print(
        f"{label:22s} replay {min(numpy_ms):6.1f} ms (median {median(numpy_ms):6.1f})   "
        f"torch uncached {min(torch_ms):6.1f} ms ({median(torch_ms):6.1f})   "
        f"ratio {min(numpy_ms) / min(torch_ms):.2f} ({median(numpy_ms) / median(torch_ms):.2f})   "
        f"differ {worst:.0e}   load {1e3 * loading:.0f} ms   holds {replay.nbytes / 2**20:.0f} MiB "
        f"(peak {peak / 2**20:.0f})"
    )


def main() -> None:
    torch.manual_seed(0)
    if len(sys.argv) > 1:
        compare(sys.argv[1][-22:], read_head(sys.argv[1]))
        return
    for count in (10_000, 50_000, 100_000):
        for fusion in FUSION_TYPES:
            compare(f"{fusion} {count}", random_head(fusion, count))


if __name__ == "__main__":
    main()

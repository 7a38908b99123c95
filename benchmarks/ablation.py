# SPDX-License-Identifier: GPL-3.0-or-later
"""Fusion x density: heads of equal budgets and equal steps, some seeds each, in one table.

    python -m benchmarks.ablation FOOTAGE --out FOLDER [--cross | --full]
    python -m benchmarks.ablation FOOTAGE --out FOLDER --write docs/research/ablation.md      the page, from the JSONs alone

`--cross`: every density rule with gated fusion, and every fusion with the default rule; `--full`: every pair.
Stop it at any time and start it again: finished runs are kept, the one at hand goes on.

Of the rules: `adc` and `absgrad` run as this program has them, under the same smooth ceiling of the budget as the
pixel-aware ones and without 3DGS's opacity reset; so a row differs from its neighbour by what is scored, not by how
many Gaussians it may have. `mcmc` grows 5 % an event up to the budget. A rule that does not reach the budget is said
to fall short in its row.
"""

import argparse
import sys
import time
from dataclasses import fields
from pathlib import Path

from benchmarks.ablation_page import written_into
from benchmarks.ablation_run import Scale, remember_sounds, run
from talksplat.core.formats.user_error import UserError
from talksplat.core.metrics.st_lpips import StLpips
from talksplat.core.performance import FUSION_TYPES
from talksplat.core.training.density import STRATEGIES
from talksplat.core.training.training_settings import PRESETS

FUSION = "gated"


def combinations(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """(fusion, density) pairs, the cross first."""
    cross = [(FUSION, rule) for rule in arguments.densities]
    cross += [(fusion, PRESETS[arguments.preset].density.strategy) for fusion in arguments.fusions]
    every = [(fusion, rule) for fusion in arguments.fusions for rule in arguments.densities]
    pairs = cross if arguments.cross else cross + every
    kept = {pair: None for pair in pairs if arguments.cross or pair in every}
    return list(kept)


def known(kind: str, all_of_them):
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        strange = [name for name in chosen if name not in all_of_them]
        if strange:
            raise argparse.ArgumentTypeError(f"{kind} {strange[0]!r} is unknown; choose of {', '.join(all_of_them)}")
        return chosen

    return names


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__.splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the JSONs and heads")
    parser.add_argument("--fusions", type=known("fusion", FUSION_TYPES), default=list(FUSION_TYPES))
    parser.add_argument("--densities", type=known("density rule", STRATEGIES), default=list(STRATEGIES))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    for number in fields(Scale):
        parser.add_argument(f"--{number.name}", type=number.type, default=number.default)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--cross", action="store_true")
    which.add_argument("--full", action="store_true")
    parser.add_argument("--write", type=Path, help="markdown file whose section on this footage is written anew")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    arguments = parsed(words)
    if arguments.write:
        written_into(arguments.write, arguments.out)
        return 0
    scale = Scale(**{number.name: getattr(arguments, number.name) for number in fields(Scale)})
    runs = [(*pair, seed) for seed in arguments.seeds for pair in combinations(arguments)]
    try:
        StLpips.from_package()  # before an hour of training, not after
    except UserError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    remember_sounds()
    begun = time.monotonic()
    for k, (fusion, density, seed) in enumerate(runs, 1):
        try:
            result = run(arguments.footage, arguments.out, scale, fusion, density, seed)
        except UserError as refusal:
            print(refusal, file=sys.stderr)
            return 1
        mouth = result["results"]["pictures"]["unheard clips"]["head mouth psnr"]
        print(
            f"{k}/{len(runs)} {fusion} {density} seed {seed}: mouth {mouth:.2f} dB, {result['gaussians']}, "
            f"{result['minutes']} min; {(time.monotonic() - begun) / 60:.1f} min so far",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

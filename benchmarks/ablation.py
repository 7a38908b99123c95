# SPDX-License-Identifier: GPL-3.0-or-later
"""Fusion x density: heads of equal budgets and equal steps, some seeds each, in one table.

    python -m benchmarks.ablation FOOTAGE --out FOLDER [--cross | --full]
    python -m benchmarks.ablation FOOTAGE --out FOLDER --write docs/research/ablation.md     the page, from the JSONs

`--cross`: every density rule with gated fusion, and every fusion with the default rule; `--full`: every pair.
Stop it at any time and start it again: finished runs are kept, the unfinished one continues.

Of the rules: `adc` and `absgrad` run as this program has them, under the same smooth ceiling of the budget as the
pixel-aware ones and without 3DGS's opacity reset; so a row differs from its neighbour by what is scored, not by how
many Gaussians it may have. `mcmc` grows 5 % an event up to the budget. A rule that does not reach the budget is said
to fall short in its row.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path

from benchmarks.ablation_page import write_section
from benchmarks.ablation_run import Scale, cache_encoders, run
from talksplat.core.formats import UserError
from talksplat.core.metrics import StLpips
from talksplat.core.performance import FUSION_TYPES
from talksplat.core.training.density import STRATEGIES
from talksplat.core.training.training_settings import PRESETS

FUSION = "gated"


def combinations(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """(fusion, density) pairs, the cross first."""
    cross = [(FUSION, rule) for rule in arguments.densities]
    cross += [(fusion, PRESETS[arguments.preset].density.strategy) for fusion in arguments.fusions]
    full = [(fusion, rule) for fusion in arguments.fusions for rule in arguments.densities]
    pairs = cross if arguments.cross else [pair for pair in cross + full if pair in full]
    return list(dict.fromkeys(pairs))


def names_in(registry: Mapping, kind: str) -> Callable[[str], list[str]]:
    """A parser of names that are joined by commas."""

    def parse(text: str) -> list[str]:
        for name in text.split(","):
            if name not in registry:
                raise argparse.ArgumentTypeError(f"{kind} {name!r} is unknown; choose {', '.join(registry)}")
        return text.split(",")

    return parse


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__.splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the JSONs and heads")
    parser.add_argument("--fusions", type=names_in(FUSION_TYPES, "fusion"), default=list(FUSION_TYPES))
    parser.add_argument("--densities", type=names_in(STRATEGIES, "density rule"), default=list(STRATEGIES))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    for field in fields(Scale):
        parser.add_argument(f"--{field.name}", type=field.type, default=field.default)
    pairs = parser.add_mutually_exclusive_group()
    pairs.add_argument("--cross", action="store_true")
    pairs.add_argument("--full", action="store_true")
    parser.add_argument("--write", type=Path, help="markdown file whose section on this footage is written anew")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    arguments = parse_arguments(words)
    if arguments.write:
        write_section(arguments.write, arguments.out)
        return 0
    scale = Scale(**{field.name: getattr(arguments, field.name) for field in fields(Scale)})
    runs = [(*pair, seed) for seed in arguments.seeds for pair in combinations(arguments)]
    try:
        StLpips.from_package()  # before an hour of training, not after
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    cache_encoders()
    started_at = time.monotonic()
    for k, (fusion, density, seed) in enumerate(runs, 1):
        try:
            record = run(arguments.footage, arguments.out, scale, fusion, density, seed)
        except UserError as error:
            print(error, file=sys.stderr)
            return 1
        mouth = record["results"]["pictures"]["unheard clips"]["head mouth psnr"]
        print(
            f"{k}/{len(runs)} {fusion} {density} seed {seed}: mouth {mouth:.2f} dB, {record['gaussians']}, "
            f"{record['minutes']} min; {(time.monotonic() - started_at) / 60:.1f} min so far",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

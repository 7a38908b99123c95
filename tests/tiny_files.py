# SPDX-License-Identifier: GPL-3.0-or-later
"""Small Gaussians, heads and bakes made in code; numpy only, so that these tests also run in Blender's Python."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.gaussians import COLUMNS, Gaussians
from talksplat.core.formats.head_file import HeadCard, HeadFile
from talksplat.core.formats.head_file import write_head as write_head_file
from talksplat.core.formats.rig import Rig, RigCard, RigChannel, RigMoves, RigRegion, with_rig
from talksplat.core.performance.condition import Performance
from talksplat.core.performance.condition import write_performance as write_performance_file
from talksplat.core.performance.replay import Replay


def gaussians(n: int, k: int = 3, seed: int = 0) -> Gaussians:
    """n random Gaussians with k higher SH coefficients."""
    rng = np.random.default_rng(seed)
    quats = rng.normal(size=(n, 4))
    return Gaussians.checked(
        "the test",
        means=rng.normal(size=(n, 3)) * 0.1,
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        scales=np.exp(rng.normal(size=(n, 3)) - 5),
        opacities=rng.uniform(0.01, 0.99, n),
        sh0=rng.normal(size=(n, 3)),
        shN=rng.normal(size=(n, k, 3)),
    )


def moved_frame(canonical: Gaussians, frame: int, share: float = 0.4, size: float = 1.0) -> tuple[np.ndarray, ...]:
    """(means, quats, scales) of a frame in which a share of the Gaussians moves; signs of quats at will."""
    rng = np.random.default_rng(frame + 1000)
    n = len(canonical)
    still = rng.random(n) >= share
    means = canonical.means + 0.01 * size * rng.normal(size=(n, 3))
    quats = canonical.quats + 0.2 * size * rng.normal(size=(n, 4))
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    scales = canonical.scales * np.exp(0.3 * size * rng.normal(size=(n, 3)))
    frames = [means, quats, scales]
    for values, name in zip(frames, ("means", "quats", "scales")):
        values[still] = getattr(canonical, name)[still]
    frames[1] *= rng.choice([-1, 1], size=(n, 1))
    return tuple(a.astype(np.float32) for a in frames)


def bake_card(count: int = 5, **changes: object) -> BakeCard:
    values = {
        "name": "anna",
        "fps": Fraction(24000, 1001),
        "frame_start": -1,
        "frame_count": count,
        "sh_degree": 1,
        "head_hash": "ab" * 32,
        "audio_hash": "cd" * 32,
        "head": "anna.head",
        "audio": "voice.wav",
        "controls": {"intensity": 1.0},
    }
    return BakeCard(**{**values, **changes})


def branch_labels(canonical: Gaussians) -> np.ndarray:
    return (np.arange(len(canonical)) % 3 == 0).astype(np.uint8)


def continue_bake(path: Path, card: BakeCard, canonical: Gaussians, most: int = 10**9) -> set[int]:
    """Bake the missing frames, at most `most`; returns the frames that were stored before."""
    with BakeWriter.open(path, card, canonical, branch_labels(canonical)) as writer:
        stored = set(writer.done)
        for frame in sorted(set(card.span) - stored)[:most]:
            writer.append(frame, *moved_frame(canonical, frame))
        if len(writer.done) == card.frame_count:
            writer.finish()
    return stored


def head(n: int = 20, name: str = "anna", **changes: object) -> HeadFile:
    tensors = {}
    for branch, seed in (("face", 0), ("mouth", 1)):
        table = gaussians(n, seed=seed)
        tensors |= {f"{branch}.gaussians.{column}": getattr(table, column) for column in COLUMNS}
        tensors[f"{branch}.field.net.0.weight"] = np.random.default_rng(seed).normal(size=(4, 5)).astype(np.float16)
    values = {
        "name": name,
        "model_rate": Fraction(25),
        "audio_encoder": "logmel",
        "audio_code": {"face": 32, "mouth": 16},
        "expression": ("blink", "brows"),
        "fusion": "gated",
        "branches": {"face": {"levels": 12, "centre": [0.0, 0.1, -0.5]}, "mouth": {}},
        "camera": Camera.looking_at([0, -1, 0], [0, 0, 0], 64, 48, 0.4),
        "training": {"steps": 10},
        "licence": "CC0-1.0",
        "provenance": "made in code, nobody's face: ü",
    }
    return HeadFile(HeadCard(**{**values, **changes}), tensors)


def rigged(head: HeadFile, lower=("lips_apart", "mouth_width"), upper=("blink",), seed=0) -> HeadFile:
    """The head with a rig: its face in halves, each moved by channels at random that its samples tell apart."""
    rng, face = np.random.default_rng(seed), Replay(head).moving["face"]
    channels, regions = [], {}
    for region, names, rows in (("lower", lower, face[::2]), ("upper", upper, face[1::2])):
        channels += [RigChannel(name, region, -4.0, 6.0) for name in names]
        size = np.repeat([1.0, 0.02, 0.02], 3)[:, None]
        moves = (rng.normal(size=(len(names), 9, len(rows))) * size).astype(np.float16)
        count = min(12, len(rows))
        solve = np.linalg.pinv(moves[:, :, :count].astype(float).reshape(len(names), -1).T)
        solve = solve.reshape(len(names), 9, count).transpose(0, 2, 1).astype(np.float32)
        regions[region] = RigRegion(rows[:count], solve, {"face": RigMoves(rows, moves)})
    rest = {name: rng.normal(size=head.card.audio_code[name]).astype(np.float32) * 0.1 for name in head.card.branches}
    return with_rig(head, Rig(RigCard(tuple(channels), 0.1), rest, regions))


def write_bake(path: Path, n: int = 60, count: int = 5) -> Path:
    """A complete bake."""
    continue_bake(path, bake_card(count), gaussians(n))
    return path


def write_head(path: Path, **changes: object) -> Path:
    write_head_file(path, head(**changes))
    return path


def write_performance(path: Path, samples: int = 30) -> Path:
    rng = np.random.default_rng(0)
    codes = {"face": rng.normal(size=(samples, 4)).astype(np.float32)}
    write_performance_file(
        path,
        Performance(
            audio=codes,
            rest={"face": np.zeros(4, np.float32)},
            expression=np.zeros((samples, 1), np.float32),
            expression_names=("brows",),
            loudness=np.ones(samples, np.float32),
            head_hash="ab" * 32,
            audio_hash="cd" * 32,
            audio_name="voice.wav",
            duration=0.3,
            presence=np.linspace(0, 1, samples, dtype=np.float32),
        ),
    )
    return path


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The functions above: modules cannot import each other under importlib mode."""
    return SimpleNamespace(
        gaussians=gaussians,
        moved_frame=moved_frame,
        bake_card=bake_card,
        branch_labels=branch_labels,
        continue_bake=continue_bake,
        head=head,
        rigged=rigged,
        write_bake=write_bake,
        write_head=write_head,
        write_performance=write_performance,
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads messages, and what interrupted jobs left: bakes to continue, manifests, markers, caches, losses."""

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
from file_readers import OLD, Reader, bakes, check_finite

from talksplat.core.converting.resume_marker import mark_started
from talksplat.core.dispatch import JOBS
from talksplat.core.formats import BakeReader, BakeWriter, Camera, FileManifest
from talksplat.core.jobs import Cancelled, Failed, Finished, Progress, Render, Started, Warned, check_outputs
from talksplat.core.preparing.stage_cache import StageCache
from talksplat.core.training.run_log import read_losses
from talksplat.core.wire import PROTOCOL, Cancel, Hello, Quit, from_bytes, to_bytes

KEY = b"k" * 32
SHAPES = {"points": ("T", 3), "damaged": ("T",)}


def messages(folder: Path) -> list[Path]:
    """One of each kind."""
    kinds = [row.message for row in JOBS.values()]
    jobs = [kind(**{f.name: ("a",) if f.name == "videos" else "a" for f in required(kind)}) for kind in kinds]
    camera = Camera.looking_at([0, -0.6, 0], [0, 0, 0], 96, 96, 0.45)
    identity = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
    events = [
        Started("a", 3),
        Progress(1, 3, 0.5, "b"),
        Warned("c"),
        Finished({"d": [1, 2.5]}),
        Failed("e"),
        Cancelled("f"),
    ]
    sent = [
        Hello(PROTOCOL, "0.2.0"),
        Cancel(),
        Quit(),
        *jobs,
        *events,
        Render("a", "b", cameras=(camera,), head_to_world=(identity,)),
    ]
    paths = [folder / f"{k}.message" for k in range(len(sent))]
    for path, message in zip(paths, sent):
        path.write_bytes(to_bytes(message))
    return paths


def required(kind: type) -> list:
    """The fields without a default."""
    return [f for f in fields(kind) if f.default is f.default_factory]


def read_a_message(path: Path) -> None:
    message = from_bytes(path.read_bytes())
    assert from_bytes(to_bytes(message)) == message


def continue_a_bake(path: Path) -> None:
    """As `bake` does with what it finds: the same shot is continued, its frames are read."""
    with BakeReader.open(OLD / "tiny.bake") as original:
        card = original.card
        with BakeWriter.open(path, card, original.canonical, original.branch) as writer:
            for number in sorted(set(original.frames) - set(writer.done)):
                writer.append(number, *original.frame(number))
            writer.finish()
    with BakeReader.open(path) as bake:
        check_finite(bake.frame(bake.frames[0]))


def unfinished_bakes(folder: Path) -> list[Path]:
    kept = {"tiny.bake", "new.bake", "unfinished.bake"}
    return [path for path in bakes(folder) if path.name in kept]


def manifests(folder: Path) -> list[Path]:
    manifest = FileManifest(folder / "shot.rendered.txt")
    for name in ("shot.0001.png", "shot.0002.png"):
        (folder / name).write_bytes(b"picture")
        manifest.add(folder / name, "0123456789abcdef0123")
    return [manifest.path]


def read_a_manifest(path: Path) -> None:
    manifest = FileManifest(path)
    manifest.is_finished(path, "0123456789abcdef0123")


def marked_folders(folder: Path) -> list[Path]:
    mark_started(folder / "begun", {"from": "a", "pictures": 3}, "footage.json", ("image",))
    return [folder / "begun"]


def continue_a_folder(path: Path) -> None:
    mark_started(path, {"from": "a", "pictures": 3}, "footage.json", ("image",))


def cached_stages(folder: Path) -> list[Path]:
    StageCache(folder).put(
        "stage", "clip", KEY, {"points": np.ones((50, 3), np.float32), "damaged": np.zeros(50, bool)}
    )
    return [folder / "stage" / "clip.npz"]


def read_a_stage(path: Path) -> None:
    """A damaged entry counts as missing."""
    target = path.parent / "work" / "stage" / "clip.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    arrays = StageCache(path.parent / "work").get("stage", "clip", KEY, SHAPES)
    if arrays is not None:
        check_finite(arrays.values())


def losses(folder: Path) -> list[Path]:
    path = folder / "losses.csv"
    path.write_text("".join(f"{t},static,{1 / (t + 1):.5f},{20 + t:.3f},400,100\n" for t in range(20)))
    return [path]


def outputs(folder: Path) -> list[Path]:
    names = ("tiny.head", "tiny.bake", "tiny.performance")
    return [Path(shutil.copy(OLD / name, folder)) for name in names]


def check_an_output(path: Path) -> None:
    """Only what begins as a file of that kind is replaced."""
    kind = {"head": "Train", "bake": "Bake", "performance": "Perform"}[path.suffix[1:]]
    message = next(row.message for row in JOBS.values() if row.message.__name__ == kind)
    check_outputs(message(**{f.name: "a" for f in required(message)} | {"out": str(path)}))


READERS: dict[str, Reader] = {
    "message": Reader(messages, read_a_message, 400, names_file=False),
    "bake to continue": Reader(unfinished_bakes, continue_a_bake, 60),
    "manifest": Reader(manifests, read_a_manifest, 200),
    "folder to continue": Reader(marked_folders, continue_a_folder, 100),
    "stage cache": Reader(cached_stages, read_a_stage, 200),
    "losses": Reader(losses, read_losses, 200),
    "output": Reader(outputs, check_an_output, 50),
}

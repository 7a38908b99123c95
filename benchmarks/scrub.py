# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of the playhead inside Blender (`bpy`): the handler, the attributes, Blender's own evaluation; by the head's
networks, by its rig, and from a bake, all in one run.

Run: python -m benchmarks.scrub [HEAD or COUNT]. Without a file: COUNT (40,000) Gaussians of random weights, all of
which move (the most expensive case), with a rig of 16 channels. The limit: a step takes at most 10 ms, median, all of
it. Wall time means something on an idle machine alone; the processor's time (all threads together) nearly always.
"""

import statistics
import sys
import tempfile
import time
import wave
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np

from benchmarks.replay import random_head
from talksplat import blender_addon
from talksplat.core.formats import (
    BakeCard,
    BakeWriter,
    HeadFile,
    Rig,
    RigCard,
    RigChannel,
    RigMoves,
    RigRegion,
    read_head,
    with_rig,
    write_head,
)
from talksplat.core.performance import Performance, Replay, head_replay, read_performance, write_performance

COUNT = 40_000
FRAMES = 72
LIMIT = 10.0  # milliseconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = sys.argv[1] if len(sys.argv) > 1 else str(COUNT)
        path = Path(folder) / "random.head" if asked.isdigit() else Path(asked)
        if asked.isdigit():
            head = random_head("gated", int(asked))
            head_replay.MISFIT_LIMIT = float("inf")  # a random rig reaches nothing
            write_head(path, with_rig(head, random_rig(head)))
        head = read_head(path)
        blender_addon.register()
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, FRAMES
        load(path)
        obj = bpy.context.object
        attach(obj, head, Path(folder))
        obj.talksplat.use_rig = False
        report("scrub by the networks", scrub(scene))
        report("the same frames again", scrub(scene, forget=False))
        if head.rig_card:
            by_rig(scene, obj)
        bake(obj, head, Path(folder))
        report("scrub from the bake", scrub(scene))
        report("the same frames again", scrub(scene, forget=False))
        blender_addon.unregister()


def by_rig(scene: bpy.types.Scene, obj: bpy.types.Object) -> None:
    """By the networks and by the rig in turns, then four heads at once by their rigs."""
    times = {False: ([], []), True: ([], [])}
    for _ in range(3):
        for use_rig, (wall, processor) in times.items():
            obj.talksplat.use_rig = use_rig
            found = scrub(scene)
            wall += found[0]
            processor += found[1]
    report("scrub by the networks", times[False])
    report("scrub by the rig", times[True])
    print(f"{'':24s}{statistics.median(times[False][0]) / statistics.median(times[True][0]):6.2f} times as fast")
    copies = [obj.copy() for _ in range(3)]
    for copy in copies:
        copy.data = obj.data.copy()
        scene.collection.objects.link(copy)
        copy.talksplat.sound_lag = 0.01 * (1 + copies.index(copy))  # else all four are at one moment
    report("four heads by the rig", scrub(scene))
    for copy in copies:
        bpy.data.objects.remove(copy)


def random_rig(head: HeadFile) -> Rig:
    """16 channels that move every Gaussian."""
    rng, counts = np.random.default_rng(1), {b: len(head.gaussians(b)) for b in head.card.branches}
    channels = tuple(RigChannel(f"lower_detail_{i}", "lower", -1.0, 1.0) for i in range(16))
    moves, start = {}, 0
    for branch, count in counts.items():
        moves[branch] = RigMoves(np.arange(start, start + count), rng.normal(size=(16, 9, count)).astype(np.float16))
        start += count
    samples, solve = np.arange(64), rng.normal(scale=0.01, size=(16, 64, 9)).astype(np.float32)
    rest = {branch: np.zeros(width, np.float32) for branch, width in head.card.audio_code.items()}
    return Rig(RigCard(channels, 0.1), rest, {"lower": RigRegion(samples, solve, moves)})


def load(path: Path) -> None:
    """Load the head by its operator: seconds, and what the process grew by."""
    before, start = resident_bytes(), time.perf_counter()
    bpy.ops.talksplat.add_head(filepath=str(path))
    seconds, grown = time.perf_counter() - start, resident_bytes() - before
    count = len(bpy.context.object.data.points)
    print(f"load {count} Gaussians    {1e3 * seconds:6.0f} ms   {grown / 2**20:.0f} MiB")


def attach(obj: bpy.types.Object, head: HeadFile, folder: Path) -> None:
    """A strip of silence and random codes for it; a scrub costs the same as with speech."""
    sound, performance = folder / "sound.wav", folder / "sound.performance"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16000 * (FRAMES // 24 + 1)))
    rng, moments = np.random.default_rng(0), 100 * (FRAMES // 24 + 1)
    codes = {branch: rng.normal(size=(moments, a)).astype(np.float32) for branch, a in head.card.audio_code.items()}
    write_performance(
        performance,
        Performance(
            codes,
            {branch: np.zeros_like(track[0]) for branch, track in codes.items()},
            np.zeros((moments, len(head.card.expression)), np.float32),
            head.card.expression,
            np.ones(moments, np.float32),
            obj.talksplat.head_hash,
            "0" * 64,
            rate=Fraction(100),
        ),
    )
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_sound("sound", str(sound), 1, 1)
    settings = obj.talksplat
    settings.sound, settings.performance, settings.strip = str(sound), str(performance), strip.name


def bake(obj: bpy.types.Object, head: HeadFile, folder: Path) -> None:
    """Store the shot as the worker does and play from it."""
    replay, performance = Replay(head), read_performance(obj.talksplat.performance)
    card = BakeCard("benchmark", Fraction(24), 1, FRAMES, replay.canonical.sh_degree, obj.talksplat.head_hash, "0" * 64)
    path = folder / "benchmark.bake"
    with BakeWriter.open(path, card, replay.canonical, replay.branch) as writer:
        for number in card.span:
            writer.append(number, *replay.at(performance.at(Fraction(number - 1, 24))))
        writer.finish()
    obj.talksplat.bake = str(path)
    print(f"bake {FRAMES} frames         {path.stat().st_size / FRAMES / 2**10:6.0f} KiB a frame")


def scrub(scene: bpy.types.Scene, forget: bool = True) -> tuple[list[float], list[float]]:
    """Milliseconds of each visit to every frame, out of order: wall time, and the processor's."""
    from talksplat.blender_addon import playback

    order = np.random.default_rng(2).permutation(np.arange(1, FRAMES + 1))
    if forget:
        playback.forget_frames()
        scene.frame_set(0)  # opens the files again
    wall, processor = [], []
    for frame in order:
        start, work = time.perf_counter(), time.process_time()
        scene.frame_set(int(frame))
        wall.append(1e3 * (time.perf_counter() - start))
        processor.append(1e3 * (time.process_time() - work))
    return wall, processor


def report(name: str, times: tuple[list[float], list[float]]) -> None:
    wall, processor = times
    middle, late = statistics.median(wall), float(np.percentile(wall, 95))
    verdict = "within" if middle <= LIMIT else "ABOVE"
    print(
        f"{name:24s}{middle:6.2f} ms median   {late:6.2f} ms 95 %   processor {statistics.median(processor):6.2f} ms   "
        f"{verdict} the limit of {LIMIT:.0f} ms"
    )


def resident_bytes() -> int:
    """Bytes of memory the process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main()

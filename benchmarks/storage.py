# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stored frame costs: bytes and milliseconds of the ways to write it, ours among them.

Run: python -m benchmarks.storage [SHOT.bake]. Without a file: a head of 40k Gaussians whose lower
face moves as a random network would move it, once with three tenths of the Gaussians moving, once
with all. Bytes are a share of float32 (40 bytes a Gaussian and frame). Times are the processor's
(one thread; other work on the machine counts less), the best of some runs, and hold within one run.
"""

import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from talksplat.core.formats import BakeCard, BakeReader, BakeWriter, Gaussians
from talksplat.core.formats.deltas import decode, encode, morton_order

COUNT = 40_000
FRAMES = 8
RUNS = 5
COLUMNS = ("means", "quats", "scales")


def best(work: Callable, *arguments: object) -> tuple[float, object]:
    """(milliseconds of the best run, result)."""
    times = []
    for _ in range(RUNS):
        start = time.thread_time()
        result = work(*arguments)
        times.append(time.thread_time() - start)
    return 1e3 * min(times), result


def random_head_gaussians(rng: np.random.Generator) -> Gaussians:
    directions = rng.normal(size=(COUNT, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    quats = rng.normal(size=(COUNT, 4))
    return Gaussians.checked(
        "benchmark",
        means=directions * [0.08, 0.10, 0.13],
        quats=quats,
        scales=np.exp(rng.normal(size=(COUNT, 3)) * 0.5 - 6),
        opacities=np.ones(COUNT),
        sh0=np.zeros((COUNT, 3)),
        shN=np.zeros((COUNT, 0, 3)),
    )


def random_frames(head: Gaussians, all_moving: bool) -> list[tuple[np.ndarray, ...]]:
    """A random ReLU network of position and eight waves of time; some millimetres, 2 degrees, 2 % of scale."""
    rng = np.random.default_rng(1)
    W1, b1 = rng.normal(size=(3, 64)) * 12, rng.normal(size=64) * 2
    W2, W3 = rng.normal(size=(72, 64)) / 8, rng.normal(size=(64, 10)) / 8
    hidden = np.maximum(head.means @ W1 + b1, 0)
    lower_face = np.clip((-head.means[:, 1] - 0.02) / 0.03, 0, 1) * np.clip((0.05 - head.means[:, 2]) / 0.03, 0, 1)
    mask = np.ones(COUNT) if all_moving else lower_face
    frames = []
    for frame in range(FRAMES):
        waves = np.sin((frame / 24 + 1) * 1.3 * np.arange(1, 9)) * 3
        moved = np.maximum(np.concatenate([hidden, np.broadcast_to(waves, (COUNT, 8))], 1) @ W2, 0) @ W3
        moved *= mask[:, None] * np.array([1.5e-3] * 3 + [1e-2] * 7)
        moved += rng.normal(size=moved.shape) * 1e-6 * (mask[:, None] > 0)
        quats = head.quats + moved[:, 3:7]
        quats = np.where(mask[:, None] > 0, quats / np.linalg.norm(quats, axis=1, keepdims=True), head.quats)
        frames.append(
            tuple(
                np.ascontiguousarray(a, np.float32)
                for a in (head.means + moved[:, :3], quats, head.scales * np.exp(moved[:, 7:]))
            )
        )
    return frames


def read_bake_frames(path: str) -> tuple[Gaussians, list[tuple[np.ndarray, ...]]]:
    """The head and up to FRAMES frames of a real bake."""
    with BakeReader.open(path) as bake:
        numbers = bake.frames[:: max(1, len(bake.frames) // FRAMES)][:FRAMES]
        return bake.canonical, [bake.frame(number) for number in numbers]


class Encodings:
    """Each way to write a frame: frame -> bytes, bytes -> frame, for one head."""

    def __init__(self, head: Gaussians) -> None:
        self.head, self.order, self.n = head, morton_order(head.means), len(head)
        self.out = tuple(np.empty_like(getattr(head, name)) for name in COLUMNS)

    def difference(self, frame: tuple[np.ndarray, ...]) -> np.ndarray:
        quats = np.where(np.sum(frame[1] * self.head.quats, 1, keepdims=True) < 0, -frame[1], frame[1])
        return np.concatenate(
            [frame[0] - self.head.means, quats - self.head.quats, np.log(frame[2] / self.head.scales)], 1
        ).T  # [10,N]

    def apply(self, change: np.ndarray) -> None:
        means, quats, scales = self.out
        means[:] = self.head.means + change[:3].T
        rotated = self.head.quats + change[3:7].T
        quats[:] = rotated / np.sqrt(np.einsum("ij,ij->i", rotated, rotated))[:, None]
        scales[:] = self.head.scales * np.exp(change[7:]).T

    def float32_bytes(self, frame: tuple[np.ndarray, ...]) -> bytes:
        return b"".join(a.tobytes() for a in frame)

    def float32_frame(self, data: bytes) -> None:
        values, at = np.frombuffer(data, np.float32), 0
        for array in self.out:
            array[:] = values[at : at + array.size].reshape(array.shape)
            at += array.size

    def float32_compressed(self, frame: tuple[np.ndarray, ...]) -> bytes:
        return zlib.compress(self.float32_bytes(frame), 1)

    def float32_decompressed(self, data: bytes) -> None:
        self.float32_frame(zlib.decompress(data))

    def float16_compressed(self, frame: tuple[np.ndarray, ...]) -> bytes:
        return zlib.compress(self.difference(frame).astype(np.float16).tobytes(), 1)

    def float16_decompressed(self, data: bytes) -> None:
        self.apply(np.frombuffer(zlib.decompress(data), np.float16).reshape(10, self.n).astype(np.float32))

    def int16(self, frame: tuple[np.ndarray, ...]) -> tuple[bytes, np.ndarray]:
        change = self.difference(frame)
        step = np.maximum(np.abs(change).max(1), 1e-30).astype(np.float32) / 32767
        return step.tobytes(), np.ascontiguousarray(np.rint(change / step[:, None]), np.int16)

    def int16_compressed(self, frame: tuple[np.ndarray, ...], level: int = 1) -> bytes:
        step, levels = self.int16(frame)
        return step + zlib.compress(levels.tobytes(), level)

    def int16_compressed_hard(self, frame: tuple[np.ndarray, ...]) -> bytes:
        return self.int16_compressed(frame, 6)

    def int16_decompressed(self, data: bytes) -> None:
        levels = np.frombuffer(zlib.decompress(data[40:]), np.int16).reshape(10, self.n)
        self.apply(levels * np.frombuffer(data[:40], np.float32)[:, None])

    def bytes_apart_compressed(self, frame: tuple[np.ndarray, ...]) -> bytes:
        step, levels = self.int16(frame)
        return step + zlib.compress(np.ascontiguousarray(levels.view(np.uint8).reshape(-1, 2).T).tobytes(), 1)

    def bytes_apart_decompressed(self, data: bytes) -> None:
        planes = np.frombuffer(zlib.decompress(data[40:]), np.uint8).reshape(2, -1)
        levels = np.ascontiguousarray(planes.T).view(np.int16).reshape(10, self.n)
        self.apply(levels * np.frombuffer(data[:40], np.float32)[:, None])

    def ours(self, frame: tuple[np.ndarray, ...]) -> bytes:
        return encode(self.head, self.order, frame)[0]

    def ours_back(self, data: bytes) -> None:
        decode(data, self.head, self.order, self.out)


def compare(head: Gaussians, frames: list[tuple[np.ndarray, ...]]) -> None:
    encodings = Encodings(head)
    table = [
        ("float32 as it is", encodings.float32_bytes, encodings.float32_frame),
        ("float32, zlib 1", encodings.float32_compressed, encodings.float32_decompressed),
        ("float16 differences, zlib 1", encodings.float16_compressed, encodings.float16_decompressed),
        ("int16 differences, zlib 1", encodings.int16_compressed, encodings.int16_decompressed),
        ("int16 differences, zlib 6", encodings.int16_compressed_hard, encodings.int16_decompressed),
        ("int16, bytes apart, zlib 1", encodings.bytes_apart_compressed, encodings.bytes_apart_decompressed),
        ("ours (deltas.py)", encodings.ours, encodings.ours_back),
    ]
    moving = np.mean([(frame[0] != head.means).any(1).mean() for frame in frames])
    print(f"{len(head)} Gaussians, {100 * moving:.0f} % of them moving")
    print(f"  {'way':30s} {'size':>6s} {'write ms':>9s} {'read ms':>8s} {'error, metres':>14s}")
    for name, write, read in table:
        size = np.mean([len(write(frame)) for frame in frames]) / (40 * len(head))
        writing, data = best(write, frames[-1])
        reading, _ = best(read, data)
        error = np.linalg.norm(encodings.out[0] - frames[-1][0], axis=1).max()
        print(f"  {name:30s} {100 * size:5.1f}% {writing:9.2f} {reading:8.2f} {error:14.1e}")


def measure_file(head: Gaussians, frames: list[tuple[np.ndarray, ...]]) -> None:
    """Writer and reader as they are used, files and checksums included."""
    card = BakeCard("benchmark", Fraction(24), 1, len(frames), head.sh_degree, "head", "sound")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shot.bake"
        with BakeWriter.open(path, card, head, np.zeros(len(head), np.uint8)) as writer:
            start = time.thread_time()
            for number, frame in zip(card.span, frames):
                writer.append(number, *frame)
            writing = (time.thread_time() - start) / len(frames)
            manifest = writer.finish()
        opening, bake = best(lambda: BakeReader.open(path))
        into = tuple(np.empty_like(a) for a in frames[0])
        times = []
        for number in np.random.default_rng(0).choice(card.span, 100):
            start = time.thread_time()
            bake.frame(int(number), into)
            times.append(1e3 * (time.thread_time() - start))
        bake.close()
        bound = manifest.error
        print(
            f"  file: append {1e3 * writing:.1f} ms a frame, open {opening:.1f} ms, any frame "
            f"{np.median(times):.2f} ms (95 %: {np.percentile(times, 95):.2f})\n  bound: {bound.position:.1e} m, "
            f"quaternion {bound.quaternion:.1e}, log-scale {bound.log_scale:.1e}\n"
        )


def main() -> None:
    if len(sys.argv) > 1:
        cases = [read_bake_frames(sys.argv[1])]
    else:
        head = random_head_gaussians(np.random.default_rng(0))
        cases = [(head, random_frames(head, all_moving)) for all_moving in (False, True)]
    for head, frames in cases:
        compare(head, frames)
        measure_file(head, frames)


if __name__ == "__main__":
    main()

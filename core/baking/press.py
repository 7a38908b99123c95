# SPDX-License-Identifier: GPL-3.0-or-later
"""From a raster's picture to its files, in threads beside the raster: compressing takes longer than drawing.

zlib and OpenEXR work without the interpreter's lock. Knows no bake's frames and no movie.

Letters: H x W pixels.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..formats.bake import BakeCard
from ..formats.camera import Camera
from ..interchange.colour import codes_of, display_to_scene_linear
from ..interchange.exr import Plate, write_exr
from ..interchange.png import write_png
from ..interchange.slate import Slate
from ..raster.rendering import Rendering
from .ledger import Ledger

THREADS = 2
WAITING = 3  # pictures that may wait in memory, 24 bytes a pixel each


@dataclass(frozen=True)
class Picture:
    """One frame's files and the key of what they show."""

    frame: int
    camera: Camera
    key: str
    files: dict[str, Path]  # "png", "exr" -> path, those that are asked for


class Press:
    """A context manager; leaving it, however, waits for what was handed in. Only its own thread keeps the ledger."""

    def __init__(self, card: BakeCard, ledger: Ledger) -> None:
        self.card, self.ledger = card, ledger
        self._pool = ThreadPoolExecutor(THREADS, "press")
        self._waiting: deque[tuple[Picture, Future]] = deque()

    def __enter__(self) -> "Press":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.drain()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def hand_in(self, picture: Picture, seen: Rendering) -> None:
        """Write `picture`'s files that are not finished, soon. Raises what writing an earlier one raised."""
        kinds = [kind for kind, path in picture.files.items() if not self.ledger.finished(path, picture.key)]
        self._waiting.append((picture, self._pool.submit(self._write, picture, seen, kinds)))
        self.drain(WAITING)

    def drain(self, left: int = 0) -> None:
        """Wait until at most `left` pictures wait."""
        while len(self._waiting) > left:
            picture, written = self._waiting.popleft()
            for path in written.result():
                self.ledger.note(path, picture.key)

    def _write(self, picture: Picture, seen: Rendering, kinds: list[str]) -> list[Path]:
        for kind in kinds:
            FILES[kind](picture.files[kind], picture, seen, self.card)
        return [picture.files[kind] for kind in kinds]


def _png(path: Path, _picture: Picture, seen: Rendering, _card: BakeCard) -> None:
    write_png(path, codes_of(seen.color, seen.alpha))


def _exr(path: Path, picture: Picture, seen: Rendering, card: BakeCard) -> None:
    light = display_to_scene_linear(seen.color, seen.alpha)
    notes = {"bake": card.shot, "audio": card.audio_hash, "offset": repr(card.offset)}
    slate = Slate(card.fps, picture.frame, picture.camera, head=card.head_hash, notes=notes)
    write_exr(path, Plate(light, seen.alpha, seen.depth_expected, seen.depth_median), slate)


FILES = {"png": _png, "exr": _exr}

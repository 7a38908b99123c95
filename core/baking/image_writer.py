# SPDX-License-Identifier: GPL-3.0-or-later
"""From a raster's picture to its files, in threads beside the raster: compressing takes longer than drawing.

zlib and OpenEXR work without the interpreter's lock. Knows no bake's frames and no movie.

Letters: H x W pixels.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..formats import BakeCard, Camera
from ..interchange import FrameMetadata, RenderPasses, display_codes, display_to_scene_linear, write_exr, write_png
from ..jobs import Render
from ..raster import Rendering
from .render_manifest import RenderManifest

THREADS = 2
WAITING = 3  # pictures that may wait in memory, 24 bytes a pixel each


@dataclass(frozen=True)
class FrameFiles:
    """One frame's files and the keys of what they hold."""

    frame: int
    camera: Camera
    look: str  # key of the pixels
    keys: dict[str, str]  # "png", "exr" -> key of the file
    files: dict[str, Path]  # the same kinds -> path, those that are asked for


class ImageWriter:
    """A context manager; leaving it, however, waits for what was handed in. Only its own thread keeps the ledger."""

    def __init__(self, card: BakeCard, ledger: RenderManifest, job: Render) -> None:
        self.card, self.ledger, self.job = card, ledger, job
        self._pool = ThreadPoolExecutor(THREADS, "press")
        self._waiting: deque[tuple[FrameFiles, Future]] = deque()

    def __enter__(self) -> "ImageWriter":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.drain()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def hand_in(self, picture: FrameFiles, seen: Rendering) -> None:
        """Write `picture`'s files that are not finished, soon. Raises what writing an earlier one raised."""
        kinds = [kind for kind, path in picture.files.items() if not self.ledger.finished(path, picture.keys[kind])]
        self._waiting.append((picture, self._pool.submit(self._write, picture, seen, kinds)))
        self.drain(WAITING)

    def drain(self, left: int = 0) -> None:
        """Wait until at most `left` pictures wait."""
        while len(self._waiting) > left:
            picture, written = self._waiting.popleft()
            for kind in written.result():
                self.ledger.note(picture.files[kind], picture.keys[kind])

    def _write(self, picture: FrameFiles, seen: Rendering, kinds: list[str]) -> list[str]:
        for kind in kinds:
            FILES[kind](picture, seen, self.card, self.job)
        return kinds


def _png(picture: FrameFiles, seen: Rendering, _card: BakeCard, _job: Render) -> None:
    write_png(picture.files["png"], display_codes(seen.color, seen.alpha))


def _exr(picture: FrameFiles, seen: Rendering, card: BakeCard, job: Render) -> None:
    light = display_to_scene_linear(seen.color, seen.alpha, job.space)
    notes = {"bake": card.shot, "audio": card.audio_hash, "offset": repr(card.offset)}
    slate = FrameMetadata(card.fps, picture.frame, picture.camera, job.space, card.head_hash, notes)
    plate = RenderPasses(light, seen.alpha, seen.depth_expected, seen.depth_median)
    write_exr(picture.files["exr"], plate, slate, job.exr_layout)


FILES = {"png": _png, "exr": _exr}

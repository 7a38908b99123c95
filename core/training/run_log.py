# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run writes down as it goes: losses.csv always, TensorBoard event files where they are wanted.

losses.csv: step, stage, loss, PSNR (smoothed), Gaussians of the face, of the inside mouth. A run that goes on cuts the
lines behind its checkpoint off first, so that the file tells one story.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..formats import atomic_write
from .trainer import Step

LOG, EVENTS = "losses.csv", "tensorboard"
ABSENT = (
    "TensorBoard event files are asked for, but the package tensorboard is not installed; "
    "`pip install tensorboard`, losses.csv and the report hold the same curves."
)


class Line(NamedTuple):
    t: int
    stage: str
    loss: float
    psnr: float
    face: int
    mouth: int


class RunLog:
    """`add` a line now and then; `show` a picture. `warning` is a sentence where TensorBoard cannot be had."""

    def __init__(self, work: Path, from_step: int, tensorboard: bool) -> None:
        self.path, self.warning, self._board = work / LOG, "", None
        kept = [line for line in read_losses(self.path) if line.t <= from_step]
        with atomic_write(self.path) as beside:
            beside.write_text("".join(map(_text, kept)), encoding="utf-8")
        if tensorboard:
            self._board, self.warning = _board(work / EVENTS, from_step)

    def add(self, step: Step, psnr: float, counts: dict[str, int]) -> None:
        line = Line(step.t, step.stage, step.loss, psnr, counts["face"], counts["mouth"])
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_text(line))
        if self._board is not None:
            for name in ("loss", "psnr"):
                self._board.add_scalar(f"picture/{name}", getattr(line, name), line.t)
            for branch, count in counts.items():
                self._board.add_scalar(f"gaussians/{branch}", count, line.t)

    def told(self, name: str, value: float, step: int) -> None:
        """A figure of a stage before pictures."""
        if self._board is not None:
            self._board.add_scalar(f"before pictures/{name}", value, step)

    def show(self, picture: np.ndarray, t: int) -> None:  # [H,W,3] uint8
        if self._board is not None:
            self._board.add_image("preview", picture, t, dataformats="HWC")

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def read_losses(path: Path) -> list[Line]:
    """The lines of a losses.csv; a half line (a kill) and what is no line are left out."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            t, stage, loss, psnr, face, mouth = text.split(",")
            lines.append(Line(int(t), stage, float(loss), float(psnr), int(face), int(mouth)))
        except ValueError:
            continue
    return lines


def _text(line: Line) -> str:
    return f"{line.t},{line.stage},{line.loss:.5f},{line.psnr:.3f},{line.face},{line.mouth}\n"


def _board(folder: Path, from_step: int):
    """(writer, "") or (None, why not)."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None, ABSENT
    return SummaryWriter(str(folder), purge_step=from_step + 1 if from_step else None), ""

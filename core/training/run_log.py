# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run writes down as it goes: losses.csv always, TensorBoard event files where they are wanted.

losses.csv: step, stage, loss, PSNR (smoothed), Gaussians of the face, of the inside mouth. A run that continues first
cuts off the lines after its checkpoint, so that the file has every step once.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..formats import atomic_write
from .training_step import StepResult

LOSSES, EVENTS = "losses.csv", "tensorboard"
TENSORBOARD_MISSING = (
    "--tensorboard: the Python package tensorboard is missing; run `pip install tensorboard`, or read the same figures "
    "in losses.csv and the report."
)


class LossLine(NamedTuple):
    """A line of losses.csv."""

    t: int
    stage: str
    loss: float
    psnr: float
    face: int
    mouth: int


class RunLog:
    """`warning` is a sentence where TensorBoard is missing, else ""."""

    def __init__(self, work: Path, from_step: int, tensorboard: bool) -> None:
        self.path, self.warning, self._tensorboard = work / LOSSES, "", None
        kept = [line for line in read_losses(self.path) if line.t <= from_step]
        with atomic_write(self.path) as temporary:
            temporary.write_text("".join(map(_text, kept)), encoding="utf-8")
        if tensorboard:
            self._tensorboard, self.warning = _open_tensorboard(work / EVENTS, from_step)

    def add(self, result: StepResult, psnr: float, counts: dict[str, int]) -> None:
        """A line of losses.csv; `psnr` is smoothed, `counts` are Gaussians by branch."""
        line = LossLine(result.t, result.stage, result.loss, psnr, counts["face"], counts["mouth"])
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_text(line))
        if self._tensorboard is not None:
            for name in ("loss", "psnr"):
                self._tensorboard.add_scalar(f"picture/{name}", getattr(line, name), line.t)
            for branch, count in counts.items():
                self._tensorboard.add_scalar(f"gaussians/{branch}", count, line.t)

    def add_pretraining(self, name: str, value: float, step: int) -> None:
        """A figure of a stage before pictures."""
        if self._tensorboard is not None:
            self._tensorboard.add_scalar(f"before pictures/{name}", value, step)

    def add_picture(self, picture: np.ndarray, t: int) -> None:  # [H,W,3] uint8
        """A preview, for TensorBoard."""
        if self._tensorboard is not None:
            self._tensorboard.add_image("preview", picture, t, dataformats="HWC")

    def close(self) -> None:
        """Finish the event files."""
        if self._tensorboard is not None:
            self._tensorboard.close()


def read_losses(path: Path) -> list[LossLine]:
    """The lines of a losses.csv; a half line (a kill) and other text are left out."""
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            t, stage, loss, psnr, face, mouth = text.split(",")
            lines.append(LossLine(int(t), stage, float(loss), float(psnr), int(face), int(mouth)))
        except ValueError:
            continue
    return lines


def _text(line: LossLine) -> str:
    return f"{line.t},{line.stage},{line.loss:.5f},{line.psnr:.3f},{line.face},{line.mouth}\n"


def _open_tensorboard(folder: Path, from_step: int):
    """(writer, "") or (None, a sentence that says why not)."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None, TENSORBOARD_MISSING
    return SummaryWriter(str(folder), purge_step=from_step + 1 if from_step else None), ""

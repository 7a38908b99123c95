# SPDX-License-Identifier: GPL-3.0-or-later
"""The movie of a render, made from the finished pictures on disk: its colours are theirs, and a run that was killed has
lost no picture. Knows no raster.

Where the job writes no PNG, the pictures lie in NAME.mp4.pictures until the movie is finished. A movie of a part of the
shot has the frames in its name, so that it does not replace that of the whole.

Letters: H x W pixels.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..formats import BakeCard, FileManifest, content_key, frame_number, over_background, remove_leftovers
from ..interchange import MOVIE_FORMATS, MovieWriter, read_png, timecode_text
from ..jobs import Event, Pace, SequenceName, Started
from .image_writer import FrameFiles
from .soundtrack import Soundtrack

MOVIE_VERSION = 2  # raise it when the same pictures give another movie; 1: 0.1.0 blended before it rounded
GREY = 127.5  # display code behind the head


@dataclass(frozen=True)
class Movie:
    """One movie: its pictures, each shown until the next one's moment, and its sound."""

    path: Path
    key: str  # in the manifest
    frames: list[FrameFiles]  # each with its "png"
    folder: Path  # of pictures that only a movie needs
    rate: Fraction  # of the shot, frames a second; exact
    blend: str  # of BLENDS: as what the head and the grey behind it are blended
    sound: tuple[np.ndarray, int] | None  # samples [L,c] from the first frame's moment on, samples a second
    form: str = "mp4"  # a key of MOVIE_FORMATS

    @staticmethod
    def of(
        out: Path,
        name: SequenceName,
        card: BakeCard,
        frames: list[FrameFiles],
        soundtrack: Soundtrack | None,
        form: str = "mp4",
    ) -> "Movie":
        """The movie NAME.mp4 of these frames in the folder `out`."""
        numbers = [frame.frame for frame in frames]
        sound = soundtrack and soundtrack.content_hash
        key = content_key(form, MOVIE_VERSION, [f.keys["png"] for f in frames], numbers, card.fps, sound, card.offset)
        samples = soundtrack and soundtrack.of_frames(numbers, card)
        folder, pictures = pictures_of(out, name, frames)
        path = out / f"{name.stem}{part_of(numbers, card)}{MOVIE_FORMATS[form].suffix}"
        return Movie(path, key, pictures, folder, card.fps, card.blend, samples, form)

    def write(self, manifest: FileManifest) -> Generator[Event, None, None]:
        """Write it, and remove the pictures that only it needed. Raises UserError where a picture is damaged."""
        camera, pace = self.frames[0].shown, Pace(len(self.frames))
        yield Started(f"Writing {self.path.name}", pace.total)
        code, size = timecode_text(self.frames[0].frame, self.rate), (camera.width, camera.height)
        has_alpha, code = MOVIE_FORMATS[self.form].has_alpha, code if self.form != "mp4" else ""
        with MovieWriter(self.path, self.rate, *size, self.sound, self.form, code) as writer:
            for frame, times in zip(self.frames, held(self.frames)):
                picture = read_png(frame.files["png"], *size)
                picture = picture if has_alpha else over_grey(picture, self.blend)
                for _ in range(times):
                    writer.add(picture)
                yield pace.at(pace.done + 1, f"frame {frame.frame}")
        manifest.add(self.path, self.key)
        self._remove_own_pictures()

    def _remove_own_pictures(self) -> None:
        if not self.folder.is_dir():
            return
        for frame in self.frames:
            (self.folder / frame.files["png"].name).unlink(missing_ok=True)
        remove_leftovers(self.folder, self.folder.name.removesuffix(".mp4.pictures"))
        if not any(self.folder.iterdir()):  # else another part's pictures wait there
            self.folder.rmdir()


def part_of(numbers: Sequence[int], card: BakeCard) -> str:
    """What is added to the name of a movie or a sound of a part of the shot: ".0005-0010"; "" for all of it."""
    return "" if list(numbers) == list(card.span) else f".{frame_number(numbers[0])}-{frame_number(numbers[-1])}"


def held(frames: Sequence[FrameFiles]) -> list[int]:
    """How many frames of the movie each picture is shown: until the next picture's own moment, so that lips and sound
    agree whatever was left out between them."""
    return [after.frame - before.frame for before, after in pairwise(frames)] + [1]


def over_grey(
    pixels: np.ndarray,  # uint8 [H,W,4] sRGB codes, straight alpha
    blend: str = "display",  # of BLENDS
) -> np.ndarray:
    """uint8 [H,W,3]: the picture before the movie's background, blended as the head is."""
    alpha = pixels[..., 3:].astype(np.float32) / 255
    if blend == "display":
        codes = pixels[..., :3] * alpha + GREY * (1 - alpha)
    else:
        background = np.full(3, GREY / 255, np.float32)
        codes = 255 * over_background(pixels[..., :3] / np.float32(255) * alpha, alpha[..., 0], background, blend)
    return np.rint(codes).astype(np.uint8)


def pictures_of(out: Path, name: SequenceName, frames: Sequence[FrameFiles]) -> tuple[Path, list[FrameFiles]]:
    """(the folder of pictures that only a movie needs, the frames, each with its "png")."""
    folder = out / f"{name.stem}.mp4.pictures"
    return folder, [_with_picture(frame, folder / name.file(frame.frame, ".png")) for frame in frames]


def _with_picture(frame: FrameFiles, path: Path) -> FrameFiles:
    return frame if "png" in frame.files else replace(frame, files={**frame.files, "png": path})

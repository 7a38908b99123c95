# SPDX-License-Identifier: GPL-3.0-or-later
"""NAME.nk, nodes to paste into Nuke: the files of a render with their passes, and its camera.

The nodes of passes are switched off, so that what is pasted shows the pictures as they are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..formats import BakeCard, UserError, atomic_write, open_untrusted
from ..interchange import OCIO_PREFIX
from ..jobs import Render
from .image_writer import FrameFiles
from .movie import part_of
from .nuke_camera import camera_knobs, pixel_aspect
from .nuke_nodes import node, node_name, plain_text
from .passes import Pass, select_passes
from .render_names import sequence_of

VERSION = "13.0 v1"  # of Nuke: the first with a Cryptomatte node of its own
MARK = "# Written by talksplat, "  # the first line, and then the sha256 of the rest
SPACES = {  # of `Render.space`, as Nuke's own configuration and that of ACES call them
    "lin_rec709_scene": "linear",
    "lin_ap1_scene": "ACEScg",
    "lin_ap0_scene": "ACES2065-1",
    "srgb_rec709_scene": "sRGB",
}
STEP = 120  # from a node to the next in the node graph
READ, PLACE = "talksplat_read", "cut_paste_input"  # Tcl's names of nodes


def check_nuke_script(job: Render) -> None:
    """Raises UserError for a job whose files have no layers for Nuke."""
    if job.nuke_script and not (job.exr and job.exr_layout == "nuke"):
        raise UserError("nuke_script is for EXR files of layout nuke; set exr_layout to nuke, or leave it out.")


@dataclass(frozen=True)
class NukeScript:
    """One file."""

    path: Path
    text: str

    @staticmethod
    def of(job: Render, card: BakeCard, frames: Sequence[FrameFiles]) -> "NukeScript":
        """Of these frames of a job with names. Raises UserError for names that Nuke would read as commands."""
        numbers = [frame.frame for frame in frames]
        if numbers[0] < 0:
            raise UserError(
                f"frame {numbers[0]}: Nuke finds no files of frames below 0; let the shot begin later, or leave out "
                "nuke_script."
            )
        path = Path(job.out) / f"{sequence_of(job).stem}{part_of(numbers, card)}.nk"
        body = "".join(_nodes(job, card, frames))
        return NukeScript(path, f"{MARK}{hashlib.sha256(body.encode()).hexdigest()}\n{body}")

    def write(self) -> str | None:
        """Write it, or say why not: what an artist has saved over it stays. Raises OSError, UserError."""
        if self.path.exists():
            with open_untrusted(self.path) as (file, _):
                before = file.read()
            if before == self.text.encode():
                return None
            first, _, rest = before.partition(b"\n")
            if first != MARK.encode() + hashlib.sha256(rest).hexdigest().encode():
                return f"{self.path}: was changed in Nuke and stays as it is; move it away for a new one."
        with atomic_write(self.path) as temporary:
            temporary.write_bytes(self.text.encode())
        return None


def _nodes(job: Render, card: BakeCard, frames: Sequence[FrameFiles]) -> Iterator[str]:
    passes, name = select_passes(job.passes), node_name(sequence_of(job).stem)
    branches = list(_branches(passes, frames[0].heads))
    yield f"set {PLACE} [stack 0]\nversion {VERSION}\n"
    yield from (
        f"add_layer {{{layer} {' '.join(f'{layer}.{c}' for c in channels)}}}\n"
        for layer, channels in _added(passes, frames[0].heads)
    )
    note = f"{name}: frames {frames[0].frame} to {frames[-1].frame}, {float(card.fps):g} a second, metres, Y up"
    yield _placed("StickyNote", {"inputs": "0", "name": f"{name}_note", "label": plain_text(note, "note")}, 0, -1)
    yield _placed("Camera3", {"inputs": "0"} | _camera(frames) | {"name": f"{name}_camera"}, -2, 0)
    yield _placed("Read", {"inputs": "0"} | _files(job, frames) | {"name": f"{name}_read"}, 0, 0)
    yield f"set {READ} [stack 0]\n"
    for row, (kind, knobs, suffix) in enumerate(_chain(job, passes)):
        yield _placed(kind, knobs | {"name": f"{name}_{suffix}", "disable": "true"}, 0, row + 1)
    for column, (kind, knobs, suffix) in enumerate(branches):
        yield f"push ${READ}\n"
        yield _placed(kind, knobs | {"name": f"{name}_{suffix}"}, column + 1, 1)


def _placed(kind: str, knobs: dict[str, str], column: int, row: int) -> str:
    """A node in the node graph, selected as all that is pasted."""
    return node(kind, knobs | {"selected": "true", "xpos": str(column * STEP), "ypos": str(row * STEP)})


def _files(job: Render, frames: Sequence[FrameFiles]) -> dict[str, str]:
    """The knobs of Read."""
    sequence, shown = sequence_of(job), frames[0].shown
    first, last = frames[0].frame, frames[-1].frame
    place = (Path(job.out).absolute() / sequence.stem).as_posix()
    plain_text(place, "path")
    size = f"{shown.width} {shown.height}"
    gaps = {"on_error": '"nearest frame"'} if last - first + 1 > len(frames) else {}
    return {
        "file_type": "exr",
        "file": f'"{place}{sequence.separator}%0{sequence.digits}d.exr"',
        "format": f'"{size} 0 0 {size} {pixel_aspect(shown):.6g} talksplat"',
        "first": str(first),
        "last": str(last),
        "origfirst": str(first),
        "origlast": str(last),
        "origset": "true",
        **gaps,
        "colorspace": plain_text(SPACES.get(job.space, job.space.removeprefix(OCIO_PREFIX)), "colour space"),
        "premultiplied": "true",
    }


def _camera(frames: Sequence[FrameFiles]) -> dict[str, str]:
    return camera_knobs({frame.frame: frame.world_camera_shown for frame in frames})


def _chain(job: Render, passes: dict[str, Pass]) -> Iterator[tuple[str, dict[str, str], str]]:
    """(class, knobs, end of the name) of what changes the picture, one below the other."""
    if "depth" in passes:
        yield "ZDefocus2", {"z_channel": "depth.Z", "math": "depth"}, "defocus"
    if "vector" in passes and not job.motion_blur:  # else the pictures are blurred already
        yield "VectorBlur2", {"uv": "forward", "scale": f"{job.shutter:g}"}, "motion_blur"


def _branches(passes: dict[str, Pass], heads: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str], str]]:
    """The same of mattes, side by side, each of the files themselves."""
    for name, row in passes.items():
        layer = row.layers_in("nuke", heads)[0].name
        if name.startswith("matte_"):
            shuffled = dict.fromkeys(("red", "green", "blue", "alpha"), "alpha")
            yield "Shuffle", {"in": layer} | shuffled, layer
        elif name.startswith("cryptomatte"):
            yield "Cryptomatte", {"matteList": '""', "cryptoLayer": layer.removesuffix("00")}, layer.removesuffix("00")


def _added(passes: dict[str, Pass], heads: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(layer, channels) of those that Nuke has not by itself and a knob names."""
    for name, row in passes.items():
        if name.startswith(("matte_", "cryptomatte")):
            channels = ("alpha",) if row.channels == "A" else ("red", "green", "blue", "alpha")
            yield from ((layer.name, channels) for layer in row.layers_in("nuke", heads))

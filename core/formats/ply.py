# SPDX-License-Identifier: GPL-3.0-or-later
"""The `.ply` of 3D Gaussian splatting, binary little-endian, read and written. Knows no head.

Stored before activation: scale = ln sigma, opacity = logit, colour = SH_C0 f_dc + 0.5; rotation w,x,y,z, not always
unit; f_rest is channel-major (all red, all green, all blue), shN coefficient-major. The axes are by convention "rdf"
(x right, y down, z forward) and not recorded; talksplat's files record axes, unit (metres) and colour space in
`comment` lines.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .atomic_write import atomic_write
from .gaussians import SH_COEFFICIENTS, Gaussians
from .open_untrusted import open_untrusted
from .rotate import RDF_TO_BLENDER, rotate_gaussians
from .user_error import UserError

MAX_HEADER = 1 << 16  # bytes
TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "<i2",
    "int16": "<i2",
    "ushort": "<u2",
    "uint16": "<u2",
    "int": "<i4",
    "int32": "<i4",
    "uint": "<u4",
    "uint32": "<u4",
    "float": "<f4",
    "float32": "<f4",
    "double": "<f8",
    "float64": "<f8",
}
AXES = ("blender", "rdf")
AXES_COMMENT = "talksplat axes "  # the beginning of the comment that states the axes
COLOUR_COMMENT = "talksplat colour_space "  # the beginning of the comment that states the colour space
MAX_LOGIT = 15.0  # opacity 3e-7 and 1 - 3e-7: float32 has nothing nearer to 1 that survives the round trip


@dataclass(frozen=True)
class PlyHeader:
    """The header of a file; `vertices` and `row` describe the table of Gaussians."""

    comments: tuple[str, ...]
    vertices: int
    row: np.dtype  # one vertex, in the file's order of properties
    data: int  # file offset of the first vertex

    @property
    def rest(self) -> int:
        """The number of f_rest properties."""
        return sum(name.startswith("f_rest_") for name in self.row.names or ())

    def comment(self, start: str) -> str:
        """What follows `start` in the first comment that begins with it; "" if there is none."""
        return next((text[len(start) :].strip() for text in self.comments if text.startswith(start)), "")


def read_ply(path: Path | str, axes: str = "") -> Gaussians:
    """The Gaussians in Blender's space, with opacities and scales activated and quaternions normalised.

    axes: "blender" or "rdf", the axes of the file; empty: as its comment says, else "rdf". Other properties and
    elements are skipped. Raises UserError.
    """
    if axes not in ("", *AXES):
        raise UserError(f"axes {axes!r} is unknown; use one of {', '.join(AXES)}.")
    with open_untrusted(path) as (file, size):
        header = _read_header(file, size, path)
        table = np.fromfile(file, header.row, header.vertices)
    if len(table) != header.vertices:
        raise UserError(f"{path}: is cut short; copy or export it again.")
    gaussians = _activate(table, header, path)
    axes = axes or header.comment(AXES_COMMENT) or "rdf"
    if axes not in AXES:
        raise UserError(f"{path}: its axes {axes[:20]!r} are unknown; set them ({' or '.join(AXES)}).")
    return rotate_gaussians(gaussians, RDF_TO_BLENDER) if axes == "rdf" else gaussians


def read_ply_header(path: Path | str) -> PlyHeader:
    """The header alone, checked against the file's size. Raises UserError."""
    with open_untrusted(path) as (file, size):
        return _read_header(file, size, path)


def write_ply(
    path: Path | str, gaussians: Gaussians, axes: str = "blender", colour_space: str = "srgb_rec709_display"
) -> None:
    """Write atomically. axes: "blender", or "rdf", which viewers of splats expect. Opacities nearer to 0 or 1 than 3e-7
    are clamped there. Raises UserError for unknown axes."""
    if axes not in AXES:
        raise UserError(f"axes {axes!r} is unknown; use one of {', '.join(AXES)}.")
    if axes == "rdf":
        gaussians = rotate_gaussians(gaussians, RDF_TO_BLENDER.T)
    n, rest = len(gaussians), 3 * gaussians.shN.shape[1]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment made by talksplat, units are metres",
        f"comment {AXES_COMMENT}{axes}",
        f"comment {COLOUR_COMMENT}{colour_space}",
        f"element vertex {n}",
        *(f"property float {name}" for name in _property_names(rest)),
        "end_header",
        "",
    ]
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        file.write("\n".join(header).encode())
        _stored_rows(gaussians).tofile(file)


def _stored_rows(gaussians: Gaussians) -> np.ndarray:
    """[N, properties] float32: the Gaussians before activation, in the order of `_property_names`."""
    n, rest = len(gaussians), 3 * gaussians.shN.shape[1]
    opacity = np.clip(gaussians.opacities.astype(np.float64), 1e-9, 1 - 1e-9)
    logit = np.clip(np.log(opacity / (1 - opacity)), -MAX_LOGIT, MAX_LOGIT)
    return np.concatenate(
        [
            gaussians.means,
            np.zeros((n, 3), np.float32),
            gaussians.sh0,
            gaussians.shN.transpose(0, 2, 1).reshape(n, rest),
            logit[:, None],
            np.log(gaussians.scales),
            gaussians.quats,
        ],
        axis=1,
        dtype="<f4",
    )


def _property_names(rest: int) -> list[str]:
    return [
        "x",
        "y",
        "z",
        "nx",
        "ny",
        "nz",
        *_numbered("f_dc_", 3),
        *_numbered("f_rest_", rest),
        "opacity",
        *_numbered("scale_", 3),
        *_numbered("rot_", 4),
    ]


def _numbered(start: str, count: int) -> list[str]:
    return [f"{start}{i}" for i in range(count)]


def _activate(table: np.ndarray, header: PlyHeader, path: Path | str) -> Gaussians:
    names = set(header.row.names or ())
    missing = [name for name in _property_names(header.rest) if name not in names and name not in ("nx", "ny", "nz")]
    if missing or header.rest not in [3 * k for k in SH_COEFFICIENTS.values()]:
        raise UserError(
            f"{path}: is not a Gaussian-splat PLY (no {', '.join(missing[:4]) or 'complete SH degree'}); "
            "export it as 3DGS PLY."
        )

    def columns(names: list[str]) -> np.ndarray:
        values = (
            np.stack([table[name].astype(np.float32) for name in names], axis=1)
            if names
            else np.zeros((len(table), 0), np.float32)
        )
        if not np.isfinite(values).all():
            raise UserError(f"{path}: {', '.join(names)[:40]} hold NaN or infinite values; export it again.")
        return values

    n, k = len(table), header.rest // 3
    with np.errstate(over="ignore"):  # what overflows becomes infinite, which `checked` rejects
        scales = np.maximum(np.exp(columns(_numbered("scale_", 3))), np.finfo(np.float32).tiny)
        opacities = 1 / (1 + np.exp(-columns(["opacity"])[:, 0].astype(np.float64)))
    return Gaussians.checked(
        str(path),
        means=columns(["x", "y", "z"]),
        quats=columns(_numbered("rot_", 4)),
        scales=scales,
        opacities=opacities,
        sh0=columns(_numbered("f_dc_", 3)),
        shN=columns(_numbered("f_rest_", header.rest)).reshape(n, 3, k).transpose(0, 2, 1),
    )


def _read_header(file: BinaryIO, size: int, path: Path | str) -> PlyHeader:
    """Read the header and stop at the first vertex. The table must fit into the file. Raises UserError."""
    text = file.read(min(size, MAX_HEADER))
    if not text.startswith((b"ply\n", b"ply\r\n")):
        raise UserError(f"{path}: is not a PLY file; choose a .ply of Gaussian splats.")
    end = text.find(b"\nend_header")
    stop = text.find(b"\n", end + 1)
    if end < 0 or text[end + 11 : stop].strip(b"\r") or stop < 0:
        raise UserError(f"{path}: its PLY header has no end; copy or export it again.")
    comments, elements = _parse_lines(text[:end].decode("utf-8", "replace").split("\n")[1:], path)
    total = stop + 1
    header = None
    for name, count, row in elements:
        if name == "vertex":
            if row is None or header:
                raise UserError(f"{path}: its vertices are lists or duplicated; export it as 3DGS PLY.")
            header = PlyHeader(tuple(comments), count, row, total)
        if row is None:
            break  # the length of lists is unknown: vertices can only be found before them
        total += count * row.itemsize
    if header is None:
        raise UserError(f"{path}: has no vertex table of plain numbers; export it as 3DGS PLY.")
    if total > size or (total != size and all(row is not None for _, _, row in elements)):
        raise UserError(
            f"{path}: holds {size} bytes where its header says {total}; it is cut short or damaged, export it again."
        )
    file.seek(header.data)
    return header


def _parse_lines(lines: list[str], path: Path | str) -> tuple[list[str], list[tuple[str, int, np.dtype | None]]]:
    """(comments, elements as (name, count, dtype of a row, or None where it has lists))."""
    comments: list[str] = []
    elements: list[tuple[str, int, list[tuple[str, str]] | None]] = []
    form = ""
    for line in (line.strip("\r") for line in lines):
        word, *words = line.split(" ") if line else [""]
        if word in ("comment", "obj_info"):
            comments.append(line[len(word) + 1 :])
        elif word == "format":
            form = line
        elif (
            word == "element" and len(words) == 2 and words[1].isascii() and words[1].isdigit() and len(words[1]) <= 15
        ):
            elements.append((words[0], int(words[1]), []))
        elif word == "property" and elements and words and words[0] == "list":
            elements[-1] = (*elements[-1][:2], None)
        elif word == "property" and elements and len(words) == 2 and words[0] in TYPES:
            if elements[-1][2] is not None:
                elements[-1][2].append((words[1], TYPES[words[0]]))
        else:
            raise UserError(f"{path}: line {line[:40]!r} of its PLY header is invalid; copy or export it again.")
    if form != "format binary_little_endian 1.0":
        raise UserError(f"{path}: is a PLY of format {form[7:30]!r}; export it as binary little-endian.")
    for name, _, row in elements:
        if row is not None and (len({n for n, _ in row}) != len(row) or not row):
            raise UserError(f"{path}: the properties of {name[:40]!r} are duplicated or missing; export it again.")
    return comments, [(name, count, None if row is None else np.dtype(row)) for name, count, row in elements]

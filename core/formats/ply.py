# SPDX-License-Identifier: GPL-3.0-or-later
"""The `.ply` of 3D Gaussian splatting: read as other tools write it (ply_header.py, compressed_ply.py), written as
binary little-endian. Knows no head.

Stored before activation: scale = ln sigma, opacity = logit, colour = SH_C0 f_dc + 0.5; rotation w,x,y,z, not always
unit; f_rest is channel-major (all red, all green, all blue), shN coefficient-major. The axes are by convention "rdf"
(x right, y down, z forward) and not recorded; talksplat's files record axes, unit (metres) and colour space in
`comment` lines.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from .atomic_write import atomic_write
from .compressed_ply import decompress_ply, is_compressed
from .gaussians import SH_COEFFICIENTS, Gaussians
from .open_untrusted import open_untrusted
from .ply_header import PlyHeader, read_header, read_tables
from .rotate import RDF_TO_BLENDER, rotate_gaussians
from .user_error import UserError

AXES = ("blender", "rdf")
AXES_COMMENT = "talksplat axes "  # the beginning of the comment that states the axes
COLOUR_COMMENT = "talksplat colour_space "  # the beginning of the comment that states the colour space
BLEND_COMMENT = "talksplat blend "  # likewise as what they are to be blended, where that is not as display codes
MAX_LOGIT = 15.0  # opacity 3e-7 and 1 - 3e-7: float32 has nothing nearer to 1 that survives the round trip


def read_ply(path: Path | str, axes: str = "") -> Gaussians:
    """The Gaussians in Blender's space, with opacities and scales activated and quaternions normalised.

    axes: "blender" or "rdf", the axes of the file; empty: as its comment says, else "rdf". Other properties and
    elements are skipped. A Gaussian with a scale of minus infinity has no size and is left out: then the header's
    vertices count more (`talksplat info` says so). Raises UserError.
    """
    with open_untrusted(path) as (file, size):
        return read_ply_file(file, size, path, axes)


def read_ply_file(file: BinaryIO, size: int, source: Path | str, axes: str = "") -> Gaussians:
    """As `read_ply`, of an open file of `size` bytes that errors call `source`."""
    if axes not in ("", *AXES):
        raise UserError(f"axes {axes!r} is unknown; use one of {', '.join(AXES)}.")
    header = read_header(file, size, source)
    tables = read_tables(file, header, ("vertex", "chunk", "sh"), source)
    vertices = tables["vertex"]
    columns = {name: vertices[name] for name in vertices.dtype.names or ()}
    gaussians = _activate(decompress_ply(tables) if is_compressed(tables) else columns, source)
    axes = axes or header.comment(AXES_COMMENT) or "rdf"
    if axes not in AXES:
        raise UserError(f"{source}: its axes {axes[:20]!r} are unknown; set them ({' or '.join(AXES)}).")
    return rotate_gaussians(gaussians, RDF_TO_BLENDER) if axes == "rdf" else gaussians


def read_ply_header(path: Path | str) -> PlyHeader:
    """The header alone, checked against the file's size. Raises UserError."""
    with open_untrusted(path) as (file, size):
        return read_header(file, size, path)


def write_ply(
    path: Path | str,
    gaussians: Gaussians,
    axes: str = "blender",
    colour_space: str = "srgb_rec709_display",
    blend: str = "display",
) -> None:
    """Write atomically. axes: "blender", or "rdf", which viewers of splats expect. colour_space, of the SH
    coefficients, and blend, of BLENDS, are notes in the header. Opacities nearer to 0 or 1 than 3e-7 are clamped
    there. Raises UserError for unknown axes."""
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
        *([f"comment {BLEND_COMMENT}{blend}"] if blend != "display" else []),
        f"element vertex {n}",
        *(f"property float {name}" for name in _property_names(rest)),
        "end_header",
        "",
    ]
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        file.write("\n".join(header).encode())
        file.write(_stored_rows(gaussians).tobytes())  # tofile() does not say why it could not write all


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


def _activate(columns: dict[str, np.ndarray], path: Path | str) -> Gaussians:
    """Stored columns [N] by property name -> the Gaussians, without those that have no size. Raises UserError."""
    rest = sum(name.startswith("f_rest_") for name in columns)
    missing = [name for name in _property_names(rest) if name not in columns and name not in ("nx", "ny", "nz")]
    if missing or rest not in [3 * k for k in SH_COEFFICIENTS.values()]:
        raise UserError(
            f"{path}: is not a Gaussian-splat PLY (no {', '.join(missing[:4]) or 'complete SH degree'}); "
            "export it as 3DGS PLY."
        )

    def stack(names: list[str]) -> np.ndarray:
        with np.errstate(over="ignore"):  # a double may become infinite, which is rejected below
            values = [columns[name].astype(np.float32) for name in names]
        return np.stack(values, axis=1) if values else np.zeros((len(columns["x"]), 0), np.float32)

    log_scales, logits = stack(_numbered("scale_", 3)), stack(["opacity"])[:, 0].astype(np.float64)
    sized = ~np.isneginf(log_scales).any(axis=1)
    if np.isnan(logits).any():  # infinite ones are opacities of 0 and 1
        raise UserError(f"{path}: opacity holds NaN values; export it again.")
    with np.errstate(over="ignore"):  # what overflows becomes infinite, which `checked` rejects
        scales = np.maximum(np.exp(log_scales), np.finfo(np.float32).tiny)
        opacities = 1 / (1 + np.exp(-logits))
    return Gaussians.checked(
        str(path),
        means=stack(["x", "y", "z"])[sized],
        quats=stack(_numbered("rot_", 4))[sized],
        scales=scales[sized],
        opacities=opacities[sized],
        sh0=stack(_numbered("f_dc_", 3))[sized],
        shN=stack(_numbered("f_rest_", rest)).reshape(len(sized), 3, rest // 3).transpose(0, 2, 1)[sized],
    )

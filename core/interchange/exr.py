# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenEXR with any named layers, laid out as the program that reads it expects:

    blender   a part for each layer, as Blender 5 writes and reads
    nuke      one part with all channels

Knows no passes: names and values are the caller's. Letters: H x W pixels.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import OpenEXR

from ..formats import atomic_write
from .colour import COLOUR_SPACES
from .frame_metadata import FrameMetadata

# The name that `Render.exr_compression` takes -> OpenEXR's. All of them load in Blender 5.0 and 5.2.
EXR_COMPRESSIONS = {
    "zip": OpenEXR.ZIP_COMPRESSION,  # 16 lines at once: small files
    "zips": OpenEXR.ZIPS_COMPRESSION,  # line by line: compositors read parts of a picture faster
    "dwaa": OpenEXR.DWAA_COMPRESSION,  # with loss that nobody sees, a fraction of the size; for colours alone
}
LARGE = 6_000_000  # pixels of a picture that is written alone, so that its lines may share the cores
LOCK = threading.Lock()
DWAA_LOSES = frozenset(("R", "G", "B", "Y", "RY", "BY"))  # the channels that DWAA changes, by their letters


@dataclass(frozen=True)
class ExrWindow:
    """Where the pixels of a file are in its picture: the data window in the display window."""

    left: int  # of the first pixel of a row, counted from the picture's left edge; below 0: overscan
    top: int  # of the first row
    width: int  # of the picture, pixels
    height: int

    def attributes(self, channel: np.ndarray) -> dict:
        """EXR header attributes for channels of this one's shape."""
        height, width = channel.shape
        first = np.array([self.left, self.top], np.int32)
        data = first, first + np.array([width - 1, height - 1], np.int32)
        display = np.zeros(2, np.int32), np.array([self.width - 1, self.height - 1], np.int32)
        return {"dataWindow": data, "displayWindow": display}


@dataclass(frozen=True)
class ExrLayer:
    """Channels of an EXR that belong together."""

    name: str  # channels are named NAME.LETTER; "": by the letter alone
    channels: dict[str, np.ndarray]  # letter -> [H,W] float16 or float32
    is_colour: bool = False  # in the metadata's colour space; else data, which no reader may transform
    attributes: dict[str, str] = field(default_factory=dict)  # further ones of the file's header, such as Cryptomatte's

    def full_name(self, letter: str) -> str:
        """What the channel of this letter is called in the file."""
        return f"{self.name}.{letter}" if self.name else letter

    def named_channels(self) -> dict[str, np.ndarray]:
        """Full name -> [H,W], C-contiguous; copies only what is not."""
        # OpenEXR 3.5 reads an array's memory whatever its strides: a view would be written scrambled.
        return {self.full_name(letter): np.ascontiguousarray(values) for letter, values in self.channels.items()}


def write_exr(
    path: Path | str,
    layers: Sequence[ExrLayer],
    metadata: FrameMetadata,
    layout: str = "blender",
    compression: str = "zip",
    window: ExrWindow | None = None,
) -> None:
    """Write an EXR atomically. `layout` is a key of EXR_LAYOUTS, `compression` one of EXR_COMPRESSIONS; data is never
    compressed with loss. `window`: where the pixels are in the picture; None: they are the picture.

    Raises ValueError for no layer, two channels of one name, sizes that differ and values that are not finite; OSError
    that names `path`.
    """
    names = [layer.full_name(letter) for layer in layers for letter in layer.channels]
    values = [channel for layer in layers for channel in layer.channels.values()]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"an EXR's channels must be there and differ in name: {names}")
    if len({channel.shape for channel in values}) > 1 or values[0].ndim != 2:
        raise ValueError(f"an EXR's channels differ in size: {[channel.shape for channel in values]}")
    if not all(map(_is_finite, values)):
        raise ValueError("an EXR's channels hold values that are not finite")
    parts = EXR_LAYOUTS[layout](layers, metadata, compression)
    if window:
        for part in parts:
            part.header |= window.attributes(values[0])
    threads = _two_threads if values[0].size > LARGE else nullcontext
    with atomic_write(path) as temporary, OpenEXR.File(parts) as file, threads():
        try:
            file.write(str(temporary))
        except RuntimeError as error:
            raise _system_error(error, path) from error


@contextmanager
def _two_threads() -> Iterator[None]:
    """OpenEXR's own, for one picture: a pool that lies ready would hang in a fork of the process."""
    with LOCK:
        OpenEXR.set_global_thread_count(2)
        try:
            yield
        finally:
            OpenEXR.set_global_thread_count(0)


def _is_finite(channel: np.ndarray) -> bool:
    if channel.dtype == np.float16:  # numpy asks each by itself; the exponent of what is not finite is all ones
        return not len(channel) or bool((channel.view(np.uint16) & 0x7FFF).max() < 0x7C00)
    return bool(np.isfinite(channel).all())


def _system_error(error: RuntimeError, path: Path | str) -> OSError:
    """OpenEXR's text as the error of the system that it tells of, such as a full disk."""
    codes = [code for code in errno.errorcode if os.strerror(code) in str(error)]
    return OSError(codes[0], os.strerror(codes[0]), str(path)) if codes else OSError(errno.EIO, str(error), str(path))


def _blender(layers: Sequence[ExrLayer], metadata: FrameMetadata, compression: str) -> list[OpenEXR.Part]:
    """A part for each layer, named like it; only colours have a colour space. All have all layers' attributes, because
    readers look in the first or in the layer's own."""
    further = _further(layers)
    return [
        OpenEXR.Part(_header(metadata, [layer], compression) | further, layer.named_channels(), layer.name)
        for layer in layers
    ]


def _nuke(layers: Sequence[ExrLayer], metadata: FrameMetadata, compression: str) -> list[OpenEXR.Part]:
    """One part with the channels of all layers."""
    channels = {name: values for layer in layers for name, values in layer.named_channels().items()}
    return [OpenEXR.Part(_header(metadata, layers, compression) | _further(layers), channels, "")]


def _further(layers: Sequence[ExrLayer]) -> dict[str, str]:
    return {name: value for layer in layers for name, value in layer.attributes.items()}


def _header(metadata: FrameMetadata, layers: Sequence[ExrLayer], compression: str) -> dict:
    """Of a part that holds these layers."""
    is_colour = any(layer.is_colour for layer in layers)
    data = (letter for layer in layers if not layer.is_colour for letter in layer.channels)
    if compression == "dwaa" and not DWAA_LOSES.isdisjoint(letter.upper() for letter in data):
        compression = "zip"
    kind = {"compression": EXR_COMPRESSIONS[compression], "type": OpenEXR.scanlineimage}
    attributes = metadata.attributes()
    if not is_colour:
        attributes = {name: value for name, value in attributes.items() if name != "chromaticities"}
        attributes["colorInteropID"] = "data"
    elif metadata.space in COLOUR_SPACES:
        attributes["colorInteropID"] = metadata.space
    return kind | attributes


# The name that `Render.exr_layout` takes -> what makes the parts of a file.
EXR_LAYOUTS: dict[str, Callable[[Sequence[ExrLayer], FrameMetadata, str], list[OpenEXR.Part]]] = {
    "blender": _blender,
    "nuke": _nuke,
}

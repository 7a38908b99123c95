# SPDX-License-Identifier: GPL-3.0-or-later
"""The depth pass of another renderer's EXR file: metres along the camera's axis, as Blender, Arnold and our own renders
write it.

Letters: H x W pixels of the file's display window.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR

from ..formats import UserError, open_untrusted

MOST_PIXELS = 16384 * 8  # a side: the largest picture at the most samples
MOST_RATIO = 2000  # bytes of pixels to one of the file; zlib's most is 1032


@dataclass(frozen=True)
class ExrDepth:
    """What a file's header says of its depth."""

    path: Path
    channel: str
    part: int
    width: int
    height: int
    left: int  # of the data window in the display window
    top: int

    @staticmethod
    def of(path: Path | str) -> "ExrDepth":
        """Reads the header alone. Raises UserError for what is no EXR with one depth."""
        path = Path(path)
        with open_untrusted(path) as (_, size):  # says what is missing, a folder or empty
            pass
        try:
            with OpenEXR.File(str(path), header_only=True) as file:
                headers = [dict(part.header) for part in file.parts]
        except (RuntimeError, ValueError, TypeError) as error:
            raise UserError(f"{path}: is no EXR file that can be read; render the depth again.") from error
        found = [(number, channel.name) for number, header in enumerate(headers) for channel in header["channels"]]
        part, channel = _depth_among(path, found)
        (x0, y0), (x1, y1) = (map(int, corner) for corner in headers[part]["displayWindow"])
        left, top = map(int, headers[part]["dataWindow"][0])
        width, height = x1 - x0 + 1, y1 - y0 + 1
        is_size = 1 <= width <= MOST_PIXELS and 1 <= height <= MOST_PIXELS
        claimed = max(4 * width * height, sum(map(_bytes_claimed, headers)))
        if not is_size or claimed > MOST_RATIO * size:
            raise UserError(f"{path}: says that it has {width}x{height} pixels; render the depth again.")
        return ExrDepth(path, channel, part, width, height, left - x0, top - y0)

    def read(self) -> np.ndarray:
        """[H,W] float32, inf where the file has no pixel, no number, or one that is not finite. Raises UserError."""
        try:
            with OpenEXR.File(str(self.path), separate_channels=True) as file:
                values = file.parts[self.part].channels[self.channel].pixels
        except (RuntimeError, ValueError, TypeError, KeyError, IndexError) as error:
            raise UserError(f"{self.path}: is damaged; render the depth again.") from error
        values = np.asarray(values, np.float32)
        depth = np.full((self.height, self.width), np.inf, np.float32)
        rows = _overlap(self.top, values.shape[0], self.height)
        columns = _overlap(self.left, values.shape[1], self.width)
        depth[rows[0], columns[0]] = values[rows[1], columns[1]]
        return np.where(np.isfinite(depth), depth, np.float32(np.inf))


def _bytes_claimed(header: dict) -> int:
    """Of all pixels of a part, at most."""
    (x0, y0), (x1, y1) = (map(int, corner) for corner in header["dataWindow"])
    return 4 * max(x1 - x0 + 1, 0) * max(y1 - y0 + 1, 0) * len(header["channels"])


def _overlap(begin: int, count: int, size: int) -> tuple[slice, slice]:
    """(where in the picture, which of the file's) lines from `begin` on."""
    first, last = max(begin, 0), max(min(begin + count, size), max(begin, 0))
    return slice(first, last), slice(first - begin, last - begin)


def _depth_among(path: Path, channels: list[tuple[int, str]]) -> tuple[int, str]:
    """The one that is a depth: Z, or LAYER.Z; of several that of a layer called depth, which is not the median."""
    depths = [(part, name) for part, name in channels if name.rpartition(".")[2] in ("Z", "V") and _is_depth(name)]
    exact = [each for each in depths if each[1].lower().split(".")[-2:-1] == ["depth"]] or depths
    if len(exact) != 1:
        names = ", ".join(name for _, name in channels[:12])
        problem = "has no depth channel (Z, or depth.Z)" if not exact else "has several depth channels"
        raise UserError(f"{path}: {problem} among {names}; render a Depth pass alone.")
    return exact[0]


def _is_depth(name: str) -> bool:
    return (name.endswith("Z") and name.lower().split(".")[-2:-1] in ([], ["depth"], ["depthmedian"], ["z"])) or (
        name.lower().endswith("depth.v")
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""What an EXR says about its frame: when, through which camera, of which head.

Knows no pixels. Letters: fx fy cx cy W H of formats.Camera.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import OpenEXR

from ..formats import Camera
from .colour import CHROMATICITIES, COLOUR_SPACES
from .ocio import OCIO_PREFIX

FASTEST = 60  # frames a second that a timecode can count (in pairs above 30)


@dataclass(frozen=True)
class FrameMetadata:
    """The metadata of one frame. Raises ValueError for an unknown colour space."""

    rate: Fraction  # frames a second
    frame: int  # the scene's frame number
    camera: Camera | None = None  # its viewmat from the scene's world (Blender's axes, Z up, metres), without scale
    space: str = "lin_rec709_scene"  # of the colours: a key of COLOUR_SPACES, or of a configuration, "ocio:NAME"
    head: str = ""  # content hash of the head
    notes: dict[str, str] = field(default_factory=dict)  # further strings, written as talksplat/<key>

    def __post_init__(self) -> None:
        if self.space not in COLOUR_SPACES and not self.space.startswith(OCIO_PREFIX):
            raise ValueError(f"colour space {self.space!r} is unknown; use one of {', '.join(COLOUR_SPACES)}")

    def attributes(self) -> dict:
        """EXR header attributes by their standard names (openexr.com, Standard Attributes)."""
        attributes: dict[str, object] = {
            "framesPerSecond": Fraction(self.rate),
            "software": "talksplat",
            "talksplat/frame": str(self.frame),
        }
        if self.space in CHROMATICITIES:
            attributes["chromaticities"] = CHROMATICITIES[self.space]
        else:
            attributes["talksplat/colour_space"] = self.space.removeprefix(OCIO_PREFIX)
        attributes |= {f"talksplat/{key}": value for key, value in self.notes.items()}
        if self.head:
            attributes["talksplat/head"] = self.head
        code = smpte_timecode(self.frame, self.rate)
        if code is not None:
            attributes["timeCode"] = code
        if self.camera is not None:
            # C order, or OpenEXR 3.5 writes a transposed view's memory as it is.
            attributes["worldToCamera"] = world_to_camera(self.camera).astype(np.float32, order="C")
            attributes["pixelAspectRatio"] = self._pixel_aspect(self.camera)
            attributes["worldToNDC"] = world_to_ndc(self.camera).astype(np.float32, order="C")
        return attributes

    @staticmethod
    def _pixel_aspect(camera: Camera) -> float:
        """Width over height of a pixel: a pixel twice as wide takes half as many for the same angle."""
        return camera.fy / camera.fx


def smpte_timecode(frame: int, rate: Fraction) -> OpenEXR.TimeCode | None:
    """SMPTE non-drop timecode of a frame number (23.976 counts 24); above 30 a code counts two frames and its field
    phase tells them apart (ST 12-1). None for what no timecode can express: a frame below 0 or beyond a day, a rate
    above 60, of 12.5 or of 45 frames a second."""
    fields = _timecode_fields(frame, rate)
    if fields is None:
        return None
    hours, minutes, seconds, f, second = fields
    return OpenEXR.TimeCode(hours, minutes, seconds, f, 0, 0, second, *([0] * 11))


def timecode_text(frame: int, rate: Fraction) -> str:
    """The same as editors write it, "01:00:00:00"; "" where no timecode can express it, or only by fields."""
    fields = _timecode_fields(frame, rate)
    return "" if fields is None or round(rate) > 30 else ":".join(f"{number:02d}" for number in fields[:4])


def _timecode_fields(frame: int, rate: Fraction) -> tuple[int, int, int, int, int] | None:
    """(hours, minutes, seconds, frames, which of the two frames that share a code)."""
    count = round(rate)
    is_standard = rate in (count, Fraction(count * 1000, 1001)) and not (count > 30 and count % 2)
    if not is_standard or not 1 <= count <= FASTEST or not 0 <= frame < 86400 * count:
        return None
    second = 0
    if count > 30:
        count, (frame, second) = count // 2, divmod(frame, 2)
    seconds, f = divmod(frame, count)
    return seconds // 3600, seconds // 60 % 60, seconds % 60, f, second


def world_to_camera(camera: Camera) -> np.ndarray:
    """[4,4] for row vectors (translation in the last row): x right, y up, z forward, as RenderMan and Arnold write."""
    return (np.diag([1.0, -1.0, 1.0, 1.0]) @ camera.matrix).T


def world_to_ndc(camera: Camera) -> np.ndarray:
    """[4,4] for row vectors; after dividing by w, x and y run -1..1 to the right and up, z 0..1 near to far.

    OpenEXR's own page draws NDC as 0..1 downwards; renderers write -1..1 and compositors' camera
    scripts expect it.
    """
    W, H, near, far = camera.width, camera.height, camera.near, camera.far
    x, y = 2 * camera.fx / W, -2 * camera.fy / H
    shift_x, shift_y = 2 * camera.cx / W - 1, 1 - 2 * camera.cy / H
    if camera.kind == "perspective":
        depth = far / (far - near)
        clip = np.array([[x, 0, shift_x, 0], [0, y, shift_y, 0], [0, 0, depth, -near * depth], [0, 0, 1, 0]])
    else:
        depth = 1 / (far - near)
        clip = np.array([[x, 0, 0, shift_x], [0, y, 0, shift_y], [0, 0, depth, -near * depth], [0, 0, 0, 1]])
    return (clip @ camera.matrix).T

# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame of a bake as a picture with all that its job's passes need: the one place where a frame is drawn, whether a
whole render asks or a worker of a farm."""

from collections.abc import Generator, Sequence

from ..formats import BakeReader
from ..jobs import Event, Render
from ..raster import Rendering
from .heads_source import HeadsSource
from .holdout import far_limit
from .image_writer import FrameFiles, passes_of
from .motion_blur import MotionBlur
from .passes import blended_by
from .render_device import RenderDevice
from .render_region import within_region


class FrameRenderer:
    """Belongs to one run of frames; its device is prepared by whoever made it."""

    def __init__(self, bakes: Sequence[BakeReader], job: Render, device: RenderDevice) -> None:
        """bakes: of the first head and of the further ones. Raises UserError for an unknown pass."""
        rows = passes_of(job)
        self._depth = any(row.needs_depth for row in rows)
        self._source = HeadsSource(bakes, blended_by(rows, len(bakes)))
        self._device, self._region = device, job.region
        self._blur = MotionBlur(bakes, self._source, device, self._depth)

    def draw(self, frame: FrameFiles) -> Generator[Event, None, Rendering]:
        """The frame as it is stored in the bake, with motion blur where it has an exposure. Raises UserError."""
        columns, extra = self._source.frame(frame.frame, frame.camera, frame.cameras_beside, frame.further)
        limit = far_limit(frame.holdout, frame.camera, frame.margin) if frame.holdout else None
        if frame.exposure:
            picture = yield from self._blur.draw(frame, frame.exposure, extra, limit)
            return within_region(picture, self._region)
        picture = yield from self._device.draw(
            frame.frame, columns, frame.camera, self._depth, extra, frame.sampling, limit
        )
        return within_region(picture, self._region)

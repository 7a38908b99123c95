# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion blur by sub-frames: the head and the camera at several times while the shutter is open, drawn one by one and
averaged in light.

As many sub-frames as the motion asks for: at each step the fastest Gaussian in the picture moves by STEP pixels. Not in
the paper: chosen because a pan over the sample head at 512 pixels then is within 74 dB and 2.3 codes of 256 sub-frames,
where steps of two pixels err by 10 codes. MOST_SUB_FRAMES is reached at 64 pixels: an edge then fades in steps of a
64th of its light, and over several hundred pixels the error is 4.3 codes. A frame depends on nothing but its own time:
any machine gives the same bytes.

Letters: N Gaussians.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from ..formats import BakeReader
from ..jobs import Event
from ..raster import Rendering, give_back
from .between_frames import BetweenFrames
from .exposure import Exposure
from .heads_source import HeadsSource
from .image_writer import FrameFiles
from .light_average import LightAverage
from .render_device import RenderDevice
from .splat_channels import View, pixels_of

STEP = 1.0  # pixels
MOST_SUB_FRAMES = 64
FAINTEST = 1 / 255  # of an opacity that is drawn


class MotionBlur:
    """The blurred frames of one run, in its order."""

    def __init__(self, bakes: Sequence[BakeReader], source: HeadsSource, device: RenderDevice, depth: bool) -> None:
        """bakes: of the heads of the pictures."""
        self._between, self._source = [BetweenFrames(bake) for bake in bakes], source
        self._drawn = [bake.canonical.opacities > FAINTEST for bake in bakes]
        self._device, self._depth = device, depth

    def draw(
        self,
        frame: FrameFiles,
        exposure: Exposure,
        extra: np.ndarray | None,  # [N,X'] of the frame's own time: what Vector, mattes and normals say of a Gaussian
        far_limit: np.ndarray | None = None,  # of all its sub-frames: what hides the head is taken to stand still
    ) -> Generator[Event, None, Rendering]:
        """The frame's picture; where one sub-frame is enough, that one, as it was blended. Raises UserError."""
        for between in self._between:
            between.around(frame.frame, exposure.steps_beside)
        steps = exposure.sub_frames(exposure.samples or self._count(frame, exposure))
        average = LightAverage()
        for time, weight in sorted(steps, key=lambda step: (abs(step[0]), step[0])):
            arrays = [between.at(time) for between in self._between]
            columns = self._source.joined(arrays, [head.to_first_at(time) for head in frame.further])
            camera = exposure.camera_at(time)
            picture = yield from self._device.draw(
                frame.frame, columns, camera, self._depth, extra, frame.sampling, far_limit
            )
            if len(steps) == 1:
                return picture
            average.add(picture, weight)
            give_back(picture)
        return average.rendering()

    def _count(self, frame: FrameFiles, exposure: Exposure) -> int:
        """As many sub-frames as the fastest motion of any head asks for."""
        pixels = 0.0
        for number, (between, is_drawn) in enumerate(zip(self._between, self._drawn)):
            views = []
            for time in exposure.times:
                camera = exposure.camera_at(time)
                if number:
                    to_first = frame.further[number - 1].to_first_at(time)
                    camera = replace(camera, viewmat=tuple(map(tuple, (camera.matrix @ to_first).tolist())))
                views.append(View(between.at(time)[0], camera))
            pixels = max(pixels, fastest_motion(views, is_drawn))
        return int(np.clip(np.ceil(pixels / STEP), 1, MOST_SUB_FRAMES))


def fastest_motion(
    views: Sequence[View],
    is_drawn: np.ndarray,  # bool [N]
) -> float:
    """The longest way in pixels that one of these Gaussians goes from view to view, of those whose way touches the
    picture (by the box around it). What is behind the camera in a view goes no way there."""
    places, camera = np.stack([pixels_of(view) for view in views]), views[0].camera
    ways = np.nan_to_num(np.linalg.norm(np.diff(places, axis=0), axis=2)).sum(axis=0)
    low = np.min(np.where(np.isnan(places), np.inf, places), axis=0)
    high = np.max(np.where(np.isnan(places), -np.inf, places), axis=0)
    is_inside = (high >= (0, -camera.height)).all(axis=1) & (low <= (camera.width, 0)).all(axis=1)
    return float(ways[is_drawn & is_inside].max(initial=0.0))

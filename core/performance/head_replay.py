# SPDX-License-Identifier: GPL-3.0-or-later
"""The head at a moment: a condition, an animator's sliders and a change of the pose -> Gaussians. The viewport and the
bake both ask here, so that they show the same, and what is rendered and exported is the bake.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..formats import HeadFile, UserError, rig_of
from .condition import Condition
from .controls import Controls
from .pose_change import pose_vector
from .pose_controls import change_pose, controlled_change
from .replay import Frame, Replay
from .rig_replay import RigReplay
from .sides import with_sides

# mm, of RigReplay.pose_and_misfit: from there on the networks are asked. Not in the paper: chosen because all speech
# stays far below (0.2 at most), and what is above is a face beyond what the head was trained on, where a rig can be
# centimetres off; the misfit tells that with a correlation of .98.
MISFIT_LIMIT = 0.8
NO_CHANGE: Mapping[str, float] = MappingProxyType({})


class HeadReplay:
    """A head with its networks and, where it has one, its rig. Raises UserError as `Replay` and `rig_of` do."""

    def __init__(self, head: HeadFile) -> None:
        self.replay, rig = Replay(head), rig_of(head)
        self.rig = None
        if rig is not None:
            self.rig = RigReplay(head, self.replay, with_sides(rig, head, self.replay.canonical.means))

    def pose(self, condition: Condition, controls: Controls) -> np.ndarray:
        """[K] mm: the pose of the rig that `at` shows without a change. Raises UserError for a head without a rig."""
        if self.rig is None:
            raise UserError("The head has no rig; make one first.")
        pose = self.rig.pose(condition)
        return pose + controlled_change(controls, pose, self.rig.channels)

    def at(
        self,
        condition: Condition,
        controls: Controls,
        change: Mapping[str, float] = NO_CHANGE,
        by_rig: bool = False,
        out: Frame | None = None,
    ) -> Frame:
        """The head in this condition, which `Performance.at` gave for the same controls.

        change: channel of the rig -> mm, added to the pose. by_rig: within the rig's error at a fifth of the cost, but
        by the networks where the rig does not reach. out: a frame of this object that may be overwritten; the result
        can be another one. A head without a rig knows no change and no controls of the pose. Raises UserError when the
        condition's widths are not the head's.
        """
        if self.rig is None:
            return self.replay.at(condition, out)
        added, is_controlled = pose_vector(change, self.rig.channels), change_pose(controls)
        if by_rig or is_controlled:
            pose, misfit = self.rig.pose_and_misfit(condition)
            added = controlled_change(controls, pose, self.rig.channels) + added
            if by_rig and misfit <= MISFIT_LIMIT:
                return self.rig.posed(pose + added, out)
        frame = self.replay.at(condition, out)
        return self.rig.moved(frame, added) if np.any(added) else frame

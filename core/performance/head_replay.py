# SPDX-License-Identifier: GPL-3.0-or-later
"""The head at a moment: a condition, an animator's sliders and a change of the pose -> Gaussians. The viewport and the
bake both ask here, so that they show the same, and what is rendered and exported is the bake.
"""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

import numpy as np

from ..formats import HeadFile, UserError, rig_of
from .condition import Condition, Performance
from .controls import Controls
from .pose_change import pose_vector
from .pose_controls import change_pose, controlled_change
from .replay import Frame, Replay
from .rest import rest_condition, resting_performance
from .rig_replay import RigReplay
from .shape_lips import lips_parted
from .sides import with_sides

# mm, of RigReplay.pose_and_misfit: from there on the networks are asked. Not in the paper: chosen because all speech
# stays far below (0.2 at most), and what is above is a face beyond what the head was trained on, where a rig can be
# centimetres off; the misfit tells that with a correlation of .98.
MISFIT_LIMIT = 0.8
NO_CHANGE: Mapping[str, float] = MappingProxyType({})


class HeadReplay:
    """A head with its networks and, where it has one, its rig. Raises UserError as `Replay` and `rig_of` do."""

    def __init__(self, head: HeadFile) -> None:
        self._head = head
        self.replay, rig = Replay(head), rig_of(head)
        self.rig = None
        if rig is not None:
            self.rig = RigReplay(head, self.replay, with_sides(rig, head, self.replay.canonical.means))
            self._parted = lips_parted(self.rig.rig)

    @cached_property
    def resting(self) -> Performance | None:
        """The head while it hears nothing; None where its silence is unknown here: then it rests as `at(None)` does."""
        rest = rest_condition(self._head) or (self.rig and self.rig.rest_condition)
        return resting_performance(self._head, rest)

    @property
    def speaks(self) -> bool:
        """Whether a sound moves anything: by the networks, or by what drives the rig's channels."""
        return self.replay.speaks or (self.rig is not None and self.rig.rig.drive is not None)

    def pose(self, condition: Condition, controls: Controls) -> np.ndarray:
        """[K] mm: the pose of the rig that `at` shows without a change. Raises UserError for a head without a rig."""
        if self.rig is None:
            raise UserError("The head has no rig; make one first.")
        pose = self.rig.pose(condition)
        return pose + controlled_change(controls, pose, self.rig.channels, self._parted)

    def at(
        self,
        condition: Condition | None,
        controls: Controls,
        change: Mapping[str, float] = NO_CHANGE,
        by_rig: bool = False,
        out: Frame | None = None,
    ) -> Frame:
        """The head in this condition, which `Performance.at` gave for the same controls.

        change: channel of the rig -> mm, added to the pose. by_rig: within the rig's error at a fifth of the cost, but
        by the networks where the rig does not reach. out: a frame of this object that may be overwritten; the result
        can be another one. A head without a rig knows no change and no controls of the pose. Raises UserError when the
        condition's widths are not the head's. condition: None where silence is unknown, for the canonical Gaussians and
        what is added to their pose.
        """
        if self.rig is None:
            return self._by_networks(condition, out)
        added, is_controlled = pose_vector(change, self.rig.channels), change_pose(controls)
        if condition is not None and (by_rig or is_controlled):
            pose, misfit = self.rig.pose_and_misfit(condition)
            added = controlled_change(controls, pose, self.rig.channels, self._parted) + added
            if by_rig and misfit <= MISFIT_LIMIT:
                return self.rig.posed(pose + added, out)
        frame = self._by_networks(condition, out)
        if condition is not None:
            added = added + self.rig.driven(condition)
        return self.rig.moved(frame, added) if np.any(added) else frame

    def at_rest(self) -> Frame:
        """The head while it hears nothing, without controls."""
        rest = self.resting
        return self._by_networks(Condition(rest.rest, rest.expression[0]) if rest else None, None)

    def _by_networks(self, condition: Condition | None, out: Frame | None) -> Frame:
        return self.replay.frame() if condition is None else self.replay.at(condition, out)

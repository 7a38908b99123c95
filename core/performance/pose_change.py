# SPDX-License-Identifier: GPL-3.0-or-later
"""What is added to the pose of a head's rig over a shot: an animator's curves and corrections on top of live speech.

By the names of the rig's channels, so that a rig that is made again with other details still means the same.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..formats import RigChannel, UserError, to_json


@dataclass(frozen=True)
class PoseChange:
    """Raises UserError for values that do not belong to the channels. Without channels it changes nothing."""

    channels: tuple[str, ...] = ()  # names of the rig's
    values: tuple[tuple[float, ...], ...] = ()  # mm, a number a channel; one row for all frames, or one a frame

    def __post_init__(self) -> None:
        if len(set(self.channels)) != len(self.channels) or bool(self.channels) != bool(self.values):
            raise UserError("the pose change names a channel twice or has no values; bake again.")
        for row in self.values:
            if len(row) != len(self.channels) or not all(map(math.isfinite, row)):
                raise UserError(
                    "the pose change has a value that is missing or not a finite number; set its keys again."
                )

    def at(self, index: int) -> dict[str, float]:
        """Channel -> mm, of the shot's frame `index` (0 is its first)."""
        return dict(zip(self.channels, self.values[index if len(self.values) > 1 else 0])) if self.values else {}

    def columns(self, frame_count: int) -> dict[str, np.ndarray]:
        """Channel -> float64 [frame_count], mm, as a bake stores them."""
        table = np.array(self.values, np.float64).reshape(len(self.values), len(self.channels))
        return {name: np.array(np.broadcast_to(column, frame_count)) for name, column in zip(self.channels, table.T)}

    @staticmethod
    def of_columns(columns: Mapping[str, np.ndarray]) -> "PoseChange":
        """The inverse of `columns`."""
        return PoseChange(tuple(columns), tuple(zip(*(column.tolist() for column in columns.values()))))

    @staticmethod
    def joined(parts: Sequence[tuple["PoseChange", int]]) -> "PoseChange":
        """One of shots that follow each other: (change, number of frames) of each; channels that one lacks are 0."""
        names = dict.fromkeys(name for change, _ in parts for name in change.channels)
        tables = [(change.columns(count), np.zeros(count)) for change, count in parts]
        return PoseChange.of_columns(
            {name: np.concatenate([table.get(name, zero) for table, zero in tables]) for name in names}
        )

    def to_card(self, rig_hash: str, with_controls: bool = False) -> dict:
        """As a bake's card holds it: equal cards move alike, in whatever order the channels come.

        rig_hash: `HeadFile.rig_hash`. with_controls: whether the shot's controls change the pose of a rig too.
        """
        rows = self.values if len(set(self.values)) > 1 else self.values[:1]
        keyed = {name: column for name, column in zip(self.channels, zip(*rows)) if any(column)}
        text = hashlib.sha256(to_json(keyed).encode()).hexdigest() if keyed else ""
        return {"rig": rig_hash, "sha256": text} if keyed or (with_controls and rig_hash) else {}


def pose_vector(change: Mapping[str, float], channels: tuple[RigChannel, ...]) -> np.ndarray:
    """[K] float32: the change in the order of the rig's channels; names that the rig has not are left out."""
    return np.array([change.get(channel.name, 0.0) for channel in channels], np.float32)

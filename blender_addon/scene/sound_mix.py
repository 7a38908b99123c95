# SPDX-License-Identifier: GPL-3.0-or-later
"""What second of which sound Blender plays at a frame, and how loud: the strips that a head listens to, as the
sequencer mixes them.

A strip that was cut is several strips of one sound. Mute, muted channels, meta strips and scene strips (their mute,
their edges, their channels), retiming and keyed volume count as they do in Blender's own mixdown;
docs/research/strip_truth.md holds the two together.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import bpy

from ...core.formats import UserError
from .sequence_walk import Heard, Volume, heard_strips
from .sound_source import sound_source
from .strip import Placement, placement

FULL_VOLUME = 0.1  # from here up the mouth opens fully: a quiet word is spoken like a loud one, a faded one is not


class Played(NamedTuple):
    """What is played at a frame."""

    seconds: Fraction  # in the sound, as the first strip alone would play it without retiming
    delay: float  # seconds that what plays is later than that; taken off by `Controls.delay`
    audible: float  # 0..1
    sound: str  # what plays, as `sound_source` names it


class HeardSound(NamedTuple):
    """What is played from one time to another, as loud as Blender plays it."""

    sound: str  # as `sound_source` names it
    start: Fraction  # seconds in the sound
    end: Fraction
    volume: float


class Choice(NamedTuple):
    """Which strips a head listens to; an empty field leaves them all."""

    sounds: Mapping[str, float]  # as `sound_source` names them -> seconds that Blender skips at its start (`sound_lag`)
    strip: str = ""  # name of the only strip
    channel: int = 0  # of the sequencer: all that lies in it, also inside of meta strips and scenes
    # Names of strips that are spoken though they are muted; where all are muted, all are spoken. None: mute counts.
    unmuted: frozenset[str] | None = None


@dataclass(frozen=True)
class Piece:
    """One strip of a sound."""

    name: str
    sound: str
    placement: Placement
    is_muted: bool
    volumes: tuple[Volume, ...]  # its own and those of the meta strips and scene strips around it

    def audible(self, time: Fraction) -> float:
        """0 where it cannot be heard, 1 where it can."""
        level = 0.0 if self.is_muted else self.placement.audible(time)
        for volume in self.volumes if level else ():
            level *= min(max(volume.at(time) / FULL_VOLUME, 0.0), 1.0)
        return level

    def volume(self, time: Fraction) -> float:
        """As loud as Blender plays it; 0 where it is not there."""
        is_there = self.is_inside(time) and not self.is_muted
        return math.prod(max(volume.at(time), 0.0) for volume in self.volumes) if is_there else 0.0

    def is_inside(self, time: Fraction) -> bool:
        """Whether the strip is there at that time."""
        return self.placement.left <= time < self.placement.right


class SoundMix:
    """Every strip that a head listens to in a scene's sequencer."""

    def __init__(self, scene: bpy.types.Scene, choice: Choice, first: str = "") -> None:
        """first: the name of the strip that others are told relative to.

        Raises UserError for a strip that can be heard and whose retiming cannot be followed.
        """
        self.scene = scene
        found = [piece for heard in chosen_strips(scene, choice) if (piece := _piece(heard, choice))]
        self.pieces = sorted(found, key=lambda piece: (piece.name != first, piece.placement.left))

    def at(self, time: Fraction) -> Played | None:
        """What is played at a time of the scene, in seconds; None where no such strip is there at any time."""
        if not self.pieces:
            return None
        levels = [piece.audible(time) for piece in self.pieces]
        best = max(range(len(levels)), key=lambda i: (levels[i], self.pieces[i].is_inside(time), -i))
        piece, origin = self.pieces[best], self.pieces[0].placement
        seconds = time - origin.start + origin.lag
        return Played(seconds, float(seconds - piece.placement.seconds(time)), levels[best], piece.sound)

    def heard(self, time: Fraction, until: Fraction) -> HeardSound | None:
        """What is played between two times of the scene, in seconds, at the volume of the first; None where nothing
        is. Of strips that overlap the loudest is told, as the head speaks it."""
        piece = max(self.pieces, key=lambda piece: piece.volume(time), default=None)
        if piece is None or not (volume := piece.volume(time)):
            return None
        return HeardSound(piece.sound, piece.placement.seconds(time), piece.placement.seconds(until), volume)


def chosen_strips(scene: bpy.types.Scene, choice: Choice) -> list[Heard]:
    """The strips that a head listens to in a scene's sequencer."""
    found = [heard for heard in heard_strips(scene) if _is_meant(heard, choice)]
    if choice.unmuted is None:
        return found
    are_all_muted = all(heard.is_muted and heard.strip.name not in choice.unmuted for heard in found)
    return [replace(h, is_muted=h.is_muted and not are_all_muted and h.strip.name not in choice.unmuted) for h in found]


def _is_meant(heard: Heard, choice: Choice) -> bool:
    is_other = (choice.strip and heard.strip.name != choice.strip) or (
        choice.channel and heard.channel != choice.channel
    )
    return not is_other and sound_source(heard.strip.sound) in choice.sounds


def _piece(heard: Heard, choice: Choice) -> Piece | None:
    """The strip as a piece; None when it cannot be followed but is muted anyway."""
    source = sound_source(heard.strip.sound)
    try:
        place = placement(heard.scene, heard.strip)
        if heard.retimed_owner:
            raise UserError(
                f"{heard.retimed_owner} is retimed and holds {heard.strip.name}, which the head cannot follow; "
                "reset its retiming, or retime the sound strip itself."
            )
    except UserError:
        if heard.is_muted:
            return None
        raise
    left, right = place.left + heard.shift, place.right + heard.shift
    left = left if heard.left is None else max(left, heard.left)
    right = right if heard.right is None else min(right, heard.right)
    start = place.start + heard.shift
    moved = replace(
        place,
        start=start,
        left=max(left, start),  # a hold before the sound is silent
        right=right,
        lag=Fraction(choice.sounds[source]),
    )
    return Piece(heard.strip.name, source, moved, heard.is_muted or left >= right, heard.volumes)

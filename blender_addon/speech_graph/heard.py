# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head hears, as plain numbers: which seconds of which sound a scene plays when, and how loud.

`SoundMix` answers for one moment, exactly; a graph asks for thousands of moments at every redraw, and a pixel is all
the accuracy that it can show. Nothing in here points into Blender's data, so that it can be kept between redraws.

Letters: n knots of a strip, M moments.
"""

from dataclasses import dataclass
from fractions import Fraction

import bpy
import numpy as np

from .. import head_paths
from ..scene import strip as strips
from ..scene.sound_mix import Piece, SoundMix
from ..scene.strip import Placement
from ..speech.attached_sounds import attached_sounds
from ..speech.spoken_moments import mix_of


@dataclass(frozen=True)
class HeardStrip:
    """One strip that can be heard. Straight between its knots."""

    sound: str  # as `sound_source` names it
    performance: str  # absolute path of the head's performance of it
    times: np.ndarray  # [n] seconds of scene time, rising: from the strip's first to its last moment
    seconds: np.ndarray  # [n] seconds in the sound at these times, never falling
    volume_times: np.ndarray  # [m] seconds of scene time
    volumes: np.ndarray  # [m] as loud as Blender plays it

    def is_inside(self, times: np.ndarray) -> np.ndarray:
        """[M] bool: whether the strip is there at these times of the scene, in seconds."""
        return (times >= self.times[0]) & (times < self.times[-1])

    def seconds_at(self, times: np.ndarray) -> np.ndarray:
        """[M] seconds in the sound at times of the scene."""
        return np.interp(times, self.times, self.seconds)

    def times_of(self, seconds: np.ndarray) -> np.ndarray:
        """[M] when the scene plays seconds of the sound, nan for those that it does not play."""
        return np.interp(seconds, self.seconds, self.times, left=np.nan, right=np.nan)

    def volume_at(self, times: np.ndarray) -> np.ndarray:
        """[M] as loud as Blender plays it."""
        return np.interp(times, self.volume_times, self.volumes)


def heard_strips_of(obj: bpy.types.Object, scene: bpy.types.Scene) -> tuple[HeardStrip, ...]:
    """Every strip that the head hears; () for a head without a sound. Raises UserError where it cannot follow one."""
    mix = mix_of(obj, scene)
    if mix is None:
        return ()
    return tuple(_heard(obj, mix, piece) for piece in mix.pieces if not piece.is_muted)


def _heard(obj: bpy.types.Object, mix: SoundMix, piece: Piece) -> HeardStrip:
    knots = _knots(piece.placement)
    volume_times = _volume_times(piece, strips.frame_rate(mix.scene))
    return HeardStrip(
        piece.sound,
        head_paths.path_of(obj, "performance", attached_sounds(obj)[piece.sound]),
        np.array(knots, np.float64),
        np.array([piece.placement.seconds(time) for time in knots], np.float64),
        np.array(volume_times, np.float64),
        np.array([piece.volume(time) for time in volume_times]),
    )


def _knots(place: Placement) -> list[Fraction]:
    """Where the strip begins, ends, and changes its speed."""
    bends = place.retiming.knots if place.retiming else ()
    times = [place.start + frames / place.rate for frames, _ in bends]
    return [place.left, *(time for time in times if place.left < time < place.right), place.right]


def _volume_times(piece: Piece, rate: Fraction) -> list[Fraction]:
    """Every frame where the volume is keyed, else one moment is enough."""
    place = piece.placement
    if not any(isinstance(volume.value, bpy.types.FCurve) for volume in piece.volumes):
        return [place.left]
    return [place.left + Fraction(i) / rate for i in range(int((place.right - place.left) * rate) + 1)]

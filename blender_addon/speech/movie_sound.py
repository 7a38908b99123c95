# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of a head's movie where its strips were cut, trimmed, retimed or faded, or are of several files: what the
sequencer plays, frame by frame, as `Render.sound_per_frame` has it.

The movie of one strip that plays through needs none of it: there the bake's own sound is heard.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import bpy

from ...core.formats import BakeCard, UserError
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..scene.sound_mix import HeardSound, SoundMix
from .sound_content import playable_file
from .spoken_moments import mix_of

SAME_MOMENT = 1e-3  # seconds between what is heard and what the bake's own sound has there


def movie_sound(
    scene: bpy.types.Scene, obj: bpy.types.Object, card: BakeCard
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    """(sound files, one row a frame of the bake), both () where the bake's own sound is what is heard.

    Raises UserError for a sound that has gone, and a strip that cannot be followed.
    """
    mix = mix_of(obj, scene)
    if mix is None or not mix.pieces:
        return (), ()
    times = [Fraction(number) / card.fps for number in (*card.span, card.span.stop)]
    heard = [mix.heard(*span) for span in pairwise(times)]
    if card.has_sound and not card.more_audio and _is_own_sound(heard, card, _duration(obj), mix):
        return (), ()
    sources = list(dict.fromkeys([moment.sound for moment in heard if moment] or [mix.pieces[0].sound]))
    rows = [
        (float(sources.index(moment.sound)), float(moment.start), float(moment.end), moment.volume) if moment else ()
        for moment in heard
    ]
    return tuple(map(playable_file, sources)), tuple(rows)


def _duration(obj: bpy.types.Object) -> float:
    """Seconds of the sound of the head's strip, as far as its performance tells."""
    try:
        return open_files.performance(head_paths.path_of(obj, "performance", settings_of(obj))).duration
    except UserError:  # gone: the bake is rendered without it
        return float("inf")


def _is_own_sound(heard: Sequence[HeardSound | None], card: BakeCard, duration: float, mix: SoundMix) -> bool:
    step = float(1 / card.fps)
    for number, moment in enumerate(heard):
        seconds = number * step - card.offset  # in the bake's sound, as the movie plays it
        if moment is None:
            if 0 <= seconds < duration - step:
                return False
        elif moment.sound != mix.pieces[0].sound or moment.volume != 1 or not _is_near(moment, seconds, step):
            return False
    return True


def _is_near(moment: HeardSound, seconds: float, step: float) -> bool:
    return abs(moment.start - seconds) < SAME_MOMENT and abs(moment.end - seconds - step) < SAME_MOMENT

# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot of several sounds: each frame is that of its own sound."""

import pytest

from talksplat.core.baking.shot import Shot
from talksplat.core.formats import UserError, hash_of_sounds
from talksplat.core.jobs import Bake


def shot_of(**fields):
    return Shot.of(Bake("a.head", "a.wav", "a.bake", frame_count=3, **fields), 2)


def test_each_frame_names_its_sound():
    assert [shot_of().sound_at(frame) for frame in (1, 2, 3)] == [0, 0, 0]
    shot = shot_of(more_audio=("b.wav",), audio_per_frame=(0, 1, 1))
    assert [shot.sound_at(frame) for frame in (1, 2, 3)] == [0, 1, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"audio_per_frame": (0, 0, 0)},
        {"more_audio": ("b.wav",)},
        {"more_audio": ("b.wav",), "audio_per_frame": (0, 1)},
        {"more_audio": ("b.wav",), "audio_per_frame": (0, 1, 2)},
        {"more_audio": ("b.wav",), "audio_per_frame": (0, 1, -1)},
    ],
)
def test_a_frame_without_a_sound_of_its_own_is_one_sentence(fields):
    with pytest.raises(UserError, match="audio_per_frame"):
        shot_of(**fields)


def test_the_hash_of_one_sound_is_its_own_and_of_several_says_which_is_heard_when():
    assert hash_of_sounds(["a"]) == "a"
    assert len({hash_of_sounds(["a", "b"], heard) for heard in ((0, 1), (1, 0), (0, 0))} | {"a"}) == 4

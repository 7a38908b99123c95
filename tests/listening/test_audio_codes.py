# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio codes: blocks change nothing, silence is rest, a head that does not fit is an error; loudness."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.audio.decode import load_sound
from talksplat.core.audio.sound import SOUND_RATE, Sound
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.listening import audio_codes


def joined(blocks):
    blocks = list(blocks)
    return {branch: np.concatenate([block[branch] for block in blocks]) for branch in blocks[0]}


def test_codes_do_not_depend_on_the_blocks(tiny_head, voice, monkeypatch):
    nets, sound = audio_codes.AudioCodes(read_head(tiny_head)), load_sound(voice)
    times = np.arange(-25, 90) / 50
    at_once = joined(nets.codes(sound, times))
    monkeypatch.setattr(audio_codes, "BLOCK", 7)
    for branch, codes in joined(nets.codes(sound, times)).items():
        np.testing.assert_allclose(codes, at_once[branch], atol=1e-6)
        assert codes.shape == (115, 32)
        assert np.ptp(codes, axis=0).max() > 0.01, "the sound must move the code"


def test_long_before_and_after_the_sound_is_rest(tiny_head, voice):
    nets, sound = audio_codes.AudioCodes(read_head(tiny_head)), load_sound(voice)
    ends = joined(nets.codes(sound, np.array([-2.0, -0.5, sound.duration + 0.5, 9.0])))
    rest = nets.rest()
    assert set(rest) == {"face", "mouth"}
    for branch, code in rest.items():
        np.testing.assert_allclose(ends[branch], np.broadcast_to(code, (4, 32)), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda head: replace(head, card=replace(head.card, audio_encoder="unknown")),
        lambda head: replace(head, card=replace(head.card, audio_code={"face": 31, "mouth": 32})),
        lambda head: replace(head, card=replace(head.card, audio_encoder="moonshine")),
        lambda head: replace(head, tensors={k: v for k, v in head.tensors.items() if not k.startswith("mouth.audio")}),
    ],
)
def test_nets_that_do_not_fit_are_a_one_sentence_error(tiny_head, change):
    with pytest.raises(UserError, match=r"tiny\.head: .*; "):
        audio_codes.AudioCodes(change(read_head(tiny_head)))


def test_loudness_of_a_known_sine():
    t = np.arange(SOUND_RATE) / SOUND_RATE
    sound = Sound((0.5 * np.sin(2 * np.pi * 200 * t)).astype(np.float32))
    got = audio_codes.loudness(sound, np.array([-1.0, 0.0, 0.5, 1.0, 3.0]))
    root = 0.5 / np.sqrt(2)  # half of the window is outside the sound at either end
    np.testing.assert_allclose(got, [0, root / np.sqrt(2), root, root / np.sqrt(2), 0], atol=2e-3)

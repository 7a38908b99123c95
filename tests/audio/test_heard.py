# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice that is there is heard: on another track, on one channel, phase-inverted, under tags that are no text."""

import os
import subprocess
import sys

import av
import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.formats import SoundChoice, UserError

RATE = 16000


def voice(seed: int = 0) -> np.ndarray:
    """[RATE] float32: a second of noise that swells like syllables."""
    t = np.arange(RATE) / RATE
    return (
        (0.2 * np.random.default_rng(seed).normal(size=RATE) * (1 + np.sin(8 * np.pi * t)))
        .clip(-1, 1)
        .astype(np.float32)
    )


def write(path, tracks: list[np.ndarray], title: bytes = b""):
    """PCM tracks [channels, samples] in one MOV."""
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("pcm_s16le", rate=RATE, layout="stereo" if len(t) == 2 else "mono") for t in tracks]
        for stream, samples in zip(streams, tracks):
            packed = np.ascontiguousarray(samples.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(
                (packed * 32767).astype(np.int16), format="s16", layout=stream.layout.name
            )
            frame.sample_rate = RATE
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


def likeness(sound, samples) -> float:
    n = min(len(sound.samples), len(samples))
    return float(np.corrcoef(sound.samples[:n], samples[:n])[0, 1])


def test_phase_inverted_stereo_is_heard_and_said(tmp_path):
    own = voice()
    sound = load_sound(write(tmp_path / "a.mov", [np.stack([own, -own])]))
    assert abs(likeness(sound, own)) > 0.999
    assert "channel" in sound.source


def test_the_track_with_the_voice_is_taken_and_said(tmp_path):
    own = voice()
    sound = load_sound(write(tmp_path / "a.mov", [np.zeros((1, RATE), np.float32), own[None]]))
    assert likeness(sound, own) > 0.999
    assert "track 2" in sound.source
    assert not load_sound(tmp_path / "a.mov", SoundChoice(1)).samples.any()


def test_two_speakers_share_a_file(tmp_path):
    left, right = voice(1), voice(2)
    path = write(tmp_path / "a.mov", [np.stack([left, right])])
    hashes = {load_sound(path).content_hash}
    for channel, own in (("left", left), ("right", right), ("mix", (left + right) / 2)):
        sound = load_sound(path, SoundChoice(0, channel))
        assert likeness(sound, own) > 0.999
        hashes.add(sound.content_hash)
    assert len(hashes) == 4  # a performance of one choice is not another's
    with pytest.raises(UserError, match="channel"):
        load_sound(path, SoundChoice(0, "7"))
    with pytest.raises(UserError, match="track"):
        load_sound(path, SoundChoice(3))


def test_an_empty_file_says_so(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(UserError, match="empty"):
        load_sound(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["latin1_title.m4a", "latin1_bext.wav", "apac_second.mov", "inverted.wav"])
def test_odd_files_that_artists_had(shared_cases, name):
    reference = load_sound(shared_cases / "audio" / "voice_ref.wav").samples
    sound = load_sound(shared_cases / "audio" / name)
    assert abs(likeness(sound, reference)) > 0.95


def test_a_track_without_a_decoder_is_named(shared_cases):
    with pytest.raises(UserError, match="apac"):
        load_sound(shared_cases / "audio" / "apac_only.m4a")


def test_onnxruntime_is_told_not_to_phone_home():
    """Its telemetry starts at the import: whatever else a process does, the variable is set before."""
    code = (
        "import os, sys, numpy as np\nfrom talksplat.core.audio import ENCODERS, Sound\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "ENCODERS['moonshine'].encode(Sound(np.zeros(16000, np.float32)))\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "1", done.stderr


def test_listening_leaves_nothing_in_an_empty_home(tmp_path):
    code = (
        "import numpy as np\nfrom talksplat.core.audio import ENCODERS, Sound\n"
        "ENCODERS['moonshine'].encode(Sound(np.zeros(16000, np.float32)))"
    )
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env=os.environ | places, check=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]

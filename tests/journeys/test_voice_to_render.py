# SPDX-License-Identifier: GPL-3.0-or-later
"""From the shell: a voice becomes a bake and the bake a render, as a user types it; what goes wrong is one sentence."""

import json
import os
import signal
import subprocess
import sys
import time
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from talksplat.core import cli
from talksplat.core.audio import load_sound
from talksplat.core.formats import BakeReader, read_head
from talksplat.core.jobs import talksplat_version
from talksplat.core.listening.pauses import speech_presence
from talksplat.core.performance import Controls, Replay, read_performance

COMMAND = Path(sys.executable).with_name("talksplat")


def shell(*words, folder, code=0):
    """Run `talksplat WORDS`; (stdout lines, stderr)."""
    process = subprocess.run([COMMAND, *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=280)
    assert process.returncode == code, process.stderr + process.stdout
    return process.stdout.splitlines(), process.stderr


@pytest.fixture
def main(capsys, monkeypatch):
    """The same command without a process of its own: (exit code, stdout lines, stderr)."""

    def run(*words, folder):
        monkeypatch.chdir(folder)
        capsys.readouterr()
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return run


@pytest.fixture
def error_of(main):
    """The one sentence of a UserError; nothing new may be in `folder`."""

    def run(*words, folder):
        before = sorted(p.name for p in folder.rglob("*"))
        code, out, error = main(*words, folder=folder)
        assert (code, out) == (1, [])
        [sentence] = error.splitlines()
        assert sentence.endswith(".")
        assert sorted(p.name for p in folder.rglob("*")) == before
        return sentence

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_head, voice):
    """H.head, VOICE.wav and, baked by the real command, SHOT.bake."""
    folder = tmp_path_factory.mktemp("shots")
    (folder / "H.head").write_bytes(tiny_head.read_bytes())
    (folder / "VOICE.wav").write_bytes(voice.read_bytes())
    out, progress = shell(
        "bake",
        "--head",
        "H.head",
        "--audio",
        "VOICE.wav",
        "--fps",
        "24",
        "--out",
        "SHOT.bake",
        "--controls.intensity",
        "1.2",
        folder=folder,
    )
    assert "frames: 29" in out
    assert "29/29" in progress
    return folder


def test_the_baked_frames_are_the_heads_own(folder):
    with BakeReader.open(folder / "SHOT.bake") as reader:
        replay, error = Replay(read_head(folder / "H.head")), reader.manifest.error
        performance = read_performance(folder / "SHOT.performance")
        assert reader.card.fps == 24
        for n in reader.frames:
            live = replay.at(performance.at(Fraction(n - 1, 24), Controls(intensity=1.2)))
            assert np.linalg.norm(reader.frame(n)[0] - live.means, axis=1).max() <= error.position
        assert error.position < 1e-5


def test_a_render_of_the_requested_size_and_a_movie_with_the_sound(folder):
    shell("render", "SHOT.bake", "--size", "64", "--out", "render", folder=folder)
    assert len(list((folder / "render").glob("SHOT.*.png"))) == len(list((folder / "render").glob("SHOT.*.exr"))) == 29
    assert Image.open(folder / "render" / "SHOT.0001.png").size == (64, 64)
    with av.open(str(folder / "render" / "SHOT.mp4")) as movie:
        assert movie.streams.video[0].average_rate == 24
        sound = movie.streams.audio[0]
        assert abs(float(sound.duration * sound.time_base) - 29 / 24) < 0.03
        pieces = np.concatenate([f.to_ndarray()[0] for f in movie.decode(sound)])
    assert np.sqrt(np.mean(pieces**2)) > 0.02, "the voice is in the movie"
    out, _ = shell("render", "SHOT.bake", "--size", "64", "--out", "render", folder=folder)
    assert "rendered: 0" in out


def test_info_says_what_each_file_holds(folder):
    for file, line in (
        ("SHOT.bake", "frames: 29"),
        ("H.head", "face_gaussians: 240"),
        ("SHOT.performance", "kind: performance"),
    ):
        out, _ = shell("info", file, folder=folder)
        assert line in out
        assert all(": " in each for each in out)


def test_events_as_lines_of_json(folder, main):
    words = ("bake", "--head", "H.head", "--audio", "VOICE.wav", "--frame-count", "3", "--out", "J.bake", "--json")
    code, out, _ = main(*words, folder=folder)
    events = [json.loads(line) for line in out]
    assert code == 0
    assert events[0]["kind"] == "Started"
    assert events[-1]["body"]["result"]["frames"] == 3


def test_a_bad_file_ends_the_real_command_with_1_and_a_sentence(tmp_path):
    (tmp_path / "bad.bake").write_bytes(b"hello")
    out, error = shell("info", "bad.bake", folder=tmp_path, code=1)
    assert out == []
    assert error.startswith("bad.bake: ")
    assert error.count("\n") == 1


def test_hostile_files_end_in_one_sentence(folder, tmp_path, error_of):
    bake, head = (folder / "SHOT.bake").read_bytes(), (folder / "H.head").read_bytes()
    hostile = {
        "empty.bake": b"",
        "short.bake": bake[:40],
        "flipped.bake": bake[:-900] + bytes(100) + bake[-800:],
        "text.bake": b"hello\n" * 9,
        "short.head": head[: len(head) // 2],
        "huge.head": b"\xff" * 8 + head[8:],
    }
    for name, data in hostile.items():
        (tmp_path / name).write_bytes(data)
        assert name in error_of("info", name, folder=tmp_path)
    assert "nowhere.head" in error_of("info", "nowhere.head", folder=tmp_path)
    assert str(tmp_path) in error_of("info", tmp_path, folder=tmp_path)
    for name in ("text.bake", "short.bake"):
        assert name in error_of("render", name, "--out", "render", folder=tmp_path)
    for name in ("short.head", "huge.head"):
        assert name in error_of("bake", "--head", name, "--audio", "x.wav", "--out", "o.bake", folder=tmp_path)


def test_hostile_sounds_end_in_one_sentence_and_leave_nothing(folder, tmp_path, main, error_of):
    write_wave(tmp_path / "none.wav", b"")
    (tmp_path / "text.wav").write_text("not a sound\n" * 50)
    (tmp_path / "cut.wav").write_bytes((folder / "VOICE.wav").read_bytes()[:1000])
    with av.open(str(tmp_path / "mute.mp4"), "w") as movie:
        stream = movie.add_stream("mpeg4", rate=24)
        stream.width = stream.height = 16
        for _ in range(4):
            movie.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        movie.mux(stream.encode())
    for command in ("perform", "bake"):
        for name in ("none.wav", "text.wav", "cut.wav", "mute.mp4", "nowhere.wav"):
            assert name in error_of(
                command, "--head", folder / "H.head", "--audio", name, "--out", "o", folder=tmp_path
            )
    write_wave(tmp_path / "silent.wav", bytes(8000))
    words = ("bake", "--head", folder / "H.head", "--audio", "silent.wav", "--out", "o.bake")
    code, out, _ = main(*words, folder=tmp_path)
    assert code == 0
    assert "frames: 12" in out


def write_wave(path, samples):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples)


def test_help_usage_and_version(tmp_path, main):
    for words, expected in (
        ((), "{" + ",".join([*cli.JOBS, "demo", "version"]) + "}"),
        (("--help",), "bake"),
        (("bake", "--help"), "--controls.intensity"),
        (("render", "--help"), "--size"),
    ):
        code, out, _ = main(*words, folder=tmp_path)
        assert code == 0
        assert expected in "\n".join(out)
    for words in (("bake", "--head", "x"), ("dance",), ("bake", "--cameras", "x")):
        assert main(*words, folder=tmp_path)[0] == 2
    for words in ("version", "--version"):
        assert main(words, folder=tmp_path) == (0, [talksplat_version()], "")


def test_info_and_help_load_nothing_heavy(folder):
    for words in (["info", "SHOT.bake"], ["info", "H.head"], ["--help"]):
        code = (
            "import sys\nfrom talksplat.core.cli import main\n"
            f"try:\n    main({words!r})\nexcept SystemExit: pass\n"
            "print({'torch', 'numba', 'librosa', 'scipy', 'av', 'onnxruntime', 'PIL'} & set(sys.modules))"
        )
        process = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        assert process.stdout.splitlines()[-1] == "set()"


def test_interrupting_keeps_the_frames_and_says_how_to_continue(folder):
    words = ["bake", "--head", "H.head", "--audio", "VOICE.wav", "--fps", "960", "--out", "LONG.bake", "--json"]
    process = subprocess.Popen([COMMAND, *words], cwd=folder, stdout=subprocess.PIPE, text=True)
    is_baking = False
    for line in process.stdout:
        body = json.loads(line)["body"]
        is_baking |= body.get("title", "").startswith("Baking")
        if is_baking and body.get("done", 0) >= 20:
            process.send_signal(signal.SIGINT)
            break
    last = json.loads(process.communicate(timeout=200)[0].splitlines()[-1])
    assert process.returncode == 130
    assert last["kind"] == "Cancelled"
    assert "LONG.bake" in last["body"]["sentence"]
    with BakeReader.open(folder / "LONG.bake") as reader:
        assert 20 <= len(reader.frames) < 1152


def test_a_killed_shell_leaves_a_bake_that_continues(folder):
    words = ["bake", "--head", "H.head", "--audio", "VOICE.wav", "--fps", "240", "--out"]
    process = subprocess.Popen([COMMAND, *words, "KILLED.bake"], cwd=folder, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not (folder / "KILLED.bake").is_file() or (folder / "KILLED.bake").stat().st_size < 120_000:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with BakeReader.open(folder / "KILLED.bake") as reader:
        kept = len(reader.frames)
        assert 0 < kept < 288
    out, _ = shell(*words, "KILLED.bake", folder=folder)
    assert f"new: {288 - kept}" in out
    continued = (folder / "KILLED.bake").read_bytes()
    (folder / "KILLED.bake").unlink()
    shell(*words, "KILLED.bake", folder=folder)
    assert (folder / "KILLED.bake").read_bytes() == continued


def test_real_speech_straight_from_a_video_moves_the_head_while_someone_speaks(make_tiny_head, tmp_path, main):
    """A GRID clip (tests/fixtures/grid, CC BY), encoded by the encoder that heads are shipped with."""
    clip = Path(__file__).parents[1] / "fixtures" / "grid" / "sgbc6n.mpg"
    make_tiny_head(tmp_path / "H.head", encoder="moonshine")
    words = ("bake", "--head", "H.head", "--audio", clip, "--fps", "24", "--out", "s.bake", "--controls.blinks", "0")
    assert main(*words, folder=tmp_path)[0] == 0
    performance = read_performance(tmp_path / "s.performance")
    with BakeReader.open(tmp_path / "s.bake") as reader:
        assert abs(len(reader.frames) / 24 - performance.duration) < 1 / 24 + 1e-6
        means = np.stack([reader.frame(n)[0] for n in reader.frames])
    speed = np.abs(np.diff(means, axis=0)).max(axis=(1, 2))
    times = (np.arange(len(speed)) + 0.5) / 24
    speaking, silent = (times > 0.5) & (times < 2.1), (times < 0.25) | (times > 2.5)  # sgbc6n.align
    # The face comes to rest and leaves it again in the silence: these movements do not count.
    presence = speech_presence(load_sound(clip), times)
    assert speed[speaking].mean() > 1.5 * speed[silent & ((presence == 0) | (presence == 1))].mean()
    assert performance.loudness[100:260].mean() > 5 * performance.loudness[300:345].mean()

# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's Python has no torch, scipy, librosa or mediapipe: voice -> performance -> bake -> pictures -> files."""

import subprocess
import sys
from pathlib import Path

from talksplat.core.formats import read_words

SAMPLES = Path(__file__).resolve().parents[2] / "samples"

ARTIST = """
import sys
TRAINING = {"torch", "scipy", "librosa", "mediapipe", "gsplat", "sklearn", "tensorboard", "stlpips_pytorch"}


class NotInstalled:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in TRAINING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled)
from talksplat.core.cli import main

head, voice = sys.argv[1:]
for words in (
    ["perform", "--head", head, "--audio", voice, "--out", "v.performance"],
    ["bake", "--head", head, "--audio", voice, "--out", "v.bake", "--frame-count", "3"],
    ["render", "v.bake", "--size", "64", "--out", "pictures"],
    ["export", "v.bake", "--out", "files"],
    ["info", "v.bake"],
    ["align", voice, "--text", "line.txt", "--out", "v.TextGrid"],
):
    code = main(words)
    assert code == 0, words
assert not TRAINING & {name.split(".")[0] for name in sys.modules}
"""


def test_a_voice_becomes_pictures_and_files(tmp_path):
    (tmp_path / "line.txt").write_text("Set green by C six now.", encoding="utf-8")
    command = [sys.executable, "-c", ARTIST, str(SAMPLES / "sample.head"), str(SAMPLES / "voice.wav")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "pictures").glob("*.exr"))) == len(list((tmp_path / "pictures").glob("*.png"))) == 3
    assert len(list((tmp_path / "files").glob("*.ply"))) == 3
    assert len(read_words(tmp_path / "v.TextGrid").words) == 6

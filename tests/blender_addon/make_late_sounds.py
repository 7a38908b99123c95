# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in the core's Python: `make_late_sounds.py FOLDER JSON` writes sounds of three clicks and prints how the core
reads them; `make_late_sounds.py --read SOUND FILE.npy` writes the samples that it reads."""

import importlib.util
import json
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 48000
CLICKS = (0.5, 1.25, 2.0)  # seconds after the first sample


def clicks():
    samples = np.zeros(3 * RATE, np.float32)
    tone = 0.8 * np.sin(2 * np.pi * 1500 * np.arange(RATE // 80) / RATE)
    for click in CLICKS:
        samples[round(click * RATE) :][: len(tone)] = tone
    return samples


def write(path, codec, lag, has_picture):
    with av.open(str(path), "w") as out:
        if has_picture:
            video = out.add_stream("mpeg4", rate=25)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
        audio = out.add_stream(codec, rate=RATE, layout="mono")
        for number in range(100 if has_picture else 0):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            out.mux(video.encode(picture))
        if has_picture:
            out.mux(video.encode(None))
        sample_format, samples = audio.codec_context.format.name, clicks()
        for start in range(0, len(samples), 1024):
            chunk = samples[start : start + 1024]
            chunk = (chunk * 32767).astype("<i2") if sample_format.startswith("s16") else chunk
            frame = av.AudioFrame.from_ndarray(chunk[None], format=sample_format, layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), start + round(lag * RATE)
            out.mux(audio.encode(frame))
        out.mux(audio.encode(None))


def read(path):
    from talksplat.core.audio import load_sound

    sound = load_sound(path)
    loud = np.flatnonzero(np.abs(sound.samples) > 0.15)
    starts = [loud[i] for i in range(len(loud)) if i == 0 or loud[i] - loud[i - 1] > 0.1 * sound.rate]
    return len(sound.samples) / sound.rate, [start / sound.rate for start in starts]


def find_package():
    if importlib.util.find_spec("talksplat") is None:
        root = Path(__file__).resolve().parents[2]
        spec = importlib.util.spec_from_file_location(
            "talksplat", root / "__init__.py", submodule_search_locations=[str(root)]
        )
        sys.modules["talksplat"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["talksplat"])


def main(folder, files):
    for name, settings in files.items():
        write(folder / name, *settings)
    print(json.dumps({name: read(folder / name) for name in files}))


if __name__ == "__main__":
    find_package()
    if sys.argv[1] == "--read":
        from talksplat.core.audio import load_sound

        np.save(sys.argv[3], load_sound(sys.argv[2]).samples)
    else:
        main(Path(sys.argv[1]), json.loads(sys.argv[2]))

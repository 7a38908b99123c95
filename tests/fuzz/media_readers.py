# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads sounds, videos and data sets from outside: a small real one of each kind, and what we do with it."""

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from file_readers import OLD, Reader, check_finite

from talksplat.core.audio import load_sound, load_soundtrack
from talksplat.core.converting.convert import convert
from talksplat.core.footage import Footage
from talksplat.core.formats import Camera
from talksplat.core.interchange import probe_video, read_video
from talksplat.core.jobs import Convert
from talksplat.core.metrics import read_align

GRID = OLD.parent / "grid"
FRAMES = 12  # of a video that are decoded


def sounds(folder: Path) -> list[Path]:
    """The voice in the containers and codecs that artists have."""
    files = [Path(shutil.copy(OLD / "voice.wav", folder))]
    voice = load_sound(files[0]).samples
    for name, codec, rate in (
        ("a.m4a", "aac", 48000),
        ("a.flac", "flac", 48000),
        ("a.mkv", "aac", 44100),
        ("a.ogg", "libopus", 48000),
    ):
        with av.open(str(folder / name), "w") as out:
            stream = out.add_stream(codec, rate=rate)
            stream.layout = "mono"
            at_rate = np.interp(np.arange(int(len(voice) * rate / 16000)) * 16000 / rate, np.arange(len(voice)), voice)
            frame = av.AudioFrame.from_ndarray((at_rate[None] * 32767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate = rate
            fifo = av.AudioFifo()
            fifo.write(frame)
            while piece := fifo.read(1024, partial=True):
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        files.append(folder / name)
    return files


def read_a_sound(path: Path) -> None:
    check_finite([load_sound(path).samples])
    check_finite([load_soundtrack(path)[0]])


def read_a_video(path: Path) -> None:
    probe_video(path)
    for frame in read_video(path, Fraction(25), size=(32, 32), stop=FRAMES):
        assert frame.rgb.shape == (32, 32, 3)


def footage_folder(folder: Path) -> list[Path]:
    shutil.copytree(OLD / "footage", folder / "footage")
    return [folder / "footage"]


def read_a_footage(path: Path) -> None:
    footage = Footage.open(path)
    for i in range(min(len(footage), 4)):
        picture = footage.picture(i)
        check_finite([picture.rgb, picture.alpha, footage.camera(i).matrix])
    for clip in range(len(footage.clips)):
        check_finite([footage.track(clip).landmarks])


def er_nerf_folder(folder: Path) -> list[Path]:
    """A TalkingGaussian / ER-NeRF data set of a turning head, written by our own converter."""
    [source] = footage_folder(folder)
    with np.load(source / "frames.npz") as stored:
        columns = dict(stored)
    for i, viewmat in enumerate(columns["viewmat"]):
        eye = [0.25 * np.sin(i), -0.7, 0.2 * np.cos(2.2 * i)]
        viewmat[:] = Camera.looking_at(eye, [0.002, 0, 0], 64, 64, 0.4).matrix
        with np.load(source / "tracks" / f"c{columns['clip'][i]}.npz") as track:
            marks = track["landmarks"][np.abs(track["time"] - columns["time"][i]).argmin()]
        seen = marks @ viewmat[:3, :3].T + viewmat[:3, 3]
        columns["landmarks2d"][i] = seen[:, :2] / seen[:, 2:] * columns["K"][i, 0, 0] + columns["K"][i, :2, 2]
    np.savez(source / "frames.npz", **columns)
    list(convert(Convert(str(source), str(folder / "set"))))
    shutil.rmtree(source)
    return [folder / "set"]


def read_an_er_nerf(path: Path) -> None:
    out = path.with_name("converted")
    shutil.rmtree(out, ignore_errors=True)
    list(convert(Convert(str(path), str(out))))
    read_a_footage(out)


READERS: dict[str, Reader] = {
    "sound": Reader(sounds, read_a_sound, 150),
    "video": Reader(lambda folder: [Path(shutil.copy(GRID / "sgbc6n.mpg", folder))], read_a_video, 40),
    "footage": Reader(footage_folder, read_a_footage, 100),
    "er-nerf": Reader(er_nerf_folder, read_an_er_nerf, 15),
    "align": Reader(lambda folder: [Path(shutil.copy(GRID / "sgbc6n.align", folder))], read_align, 300),
}

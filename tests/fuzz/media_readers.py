# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads sounds, videos and data sets from outside: a small real one of each kind, and what we do with it."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from file_readers import OLD, Reader, check_finite, read_splats
from PIL import Image

from talksplat.core.audio import Sound, load_sound, load_soundtrack, write_wav
from talksplat.core.converting.convert import convert
from talksplat.core.footage import Footage
from talksplat.core.formats import Camera
from talksplat.core.interchange import ExrDepth, ExrLayer, FrameMetadata, probe_video, read_video, write_exr
from talksplat.core.jobs import Convert
from talksplat.core.metrics import read_align

GRID = OLD.parent / "grid"
FRAMES = 12  # of a video that are decoded
SECONDS = 0.3  # of the sounds: a small file is one whose header is hit
SIDE = 16  # pixels of the data sets' pictures
PICTURES = {3: 6, 4: 5}  # how many of the clips of the fixture, which holds back the last
SOUNDS = (  # container, codec, rate, sample format
    ("m4a", "aac", 48000, "fltp"),
    ("flac", "flac", 48000, "s16"),
    ("mkv", "aac", 44100, "fltp"),
    ("ogg", "libopus", 48000, "s16"),
    ("mp3", "libmp3lame", 44100, "s16p"),
    ("aiff", "pcm_s24be", 48000, "s32"),
    ("wav", "adpcm_ms", 22050, "s16"),
    ("s64.wav", "pcm_s64le", 48000, "s64"),
    ("w64", "pcm_f64le", 48000, "dbl"),
    ("caf", "pcm_alaw", 8000, "s16"),
)
VIDEOS = (  # container, codec, pixel format
    ("mp4", "libx264", "yuv420p"),
    ("mov", "prores_ks", "yuv422p10le"),
    ("mkv", "ffv1", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("ts", "mpeg2video", "yuv420p"),
    ("mpg", "mpeg1video", "yuv420p"),
    ("webm", "libvpx-vp9", "yuv420p"),
)


def sounds(folder: Path) -> list[Path]:
    """A piece of the voice in the containers and codecs that artists have."""
    voice = load_sound(OLD / "voice.wav").samples[8000 : 8000 + round(SECONDS * 16000)]
    files = [folder / f"{k}.{name}" for k, (name, *_) in enumerate(SOUNDS)]
    for path, (_, codec, rate, kind) in zip(files, SOUNDS):
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=rate)
            stream.layout, stream.format = "mono", kind
            mux_sound(out, stream, voice, rate)
    write_wav(folder / "plain.wav", Sound(voice))
    return [folder / "plain.wav", *files]


def mux_sound(out: av.container.OutputContainer, stream: av.AudioStream, voice: np.ndarray, rate: int) -> None:
    """`voice` at 16 kHz, through the encoder's own rate and format."""
    frame = av.AudioFrame.from_ndarray((voice[None] * 32767).astype(np.int16), format="s16", layout="mono")
    frame.sample_rate = 16000
    resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.codec_context.frame_size or 1024)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def videos(folder: Path) -> list[Path]:
    """A few small pictures with sound in the containers that cameras and editors write, and the start of a real one."""
    voice = load_sound(OLD / "voice.wav").samples[: 16000 * FRAMES // 25]
    files = [folder / f"a.{name}" for name, *_ in VIDEOS]
    for path, (_, codec, pixels) in zip(files, VIDEOS):
        with av.open(str(path), "w") as out:
            film = out.add_stream(codec, rate=25)
            film.width, film.height, film.pix_fmt = 64, 48, pixels
            voiced = out.add_stream({"mpg": "mp2", "webm": "libopus"}.get(path.suffix[1:], "aac"), rate=48000)
            voiced.layout = "mono"
            for k in range(FRAMES):
                rgb = np.add.outer(np.arange(48) * 3, np.arange(64) * 2 + 9 * k)[..., None] % 256
                frame = av.VideoFrame.from_ndarray(np.tile(rgb, 3).astype(np.uint8), format="rgb24")
                frame.pts = k
                out.mux(film.encode(frame))
            out.mux(film.encode(None))
            mux_sound(out, voiced, voice, 48000)
    (folder / "grid.mpg").write_bytes((GRID / "sgbc6n.mpg").read_bytes()[:60_000])
    return [*files, folder / "grid.mpg"]


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


def small_footage(folder: Path) -> list[Path]:
    """A turning head in a few pictures of two clips: the fixture's, seen from elsewhere, smaller and shorter."""
    [source] = footage_folder(folder)
    card = json.loads((source / "footage.json").read_text(encoding="utf-8"))
    with np.load(source / "frames.npz") as stored:
        kept = np.concatenate([np.flatnonzero(stored["clip"] == clip)[:count] for clip, count in PICTURES.items()])
        columns = {name: values[kept] for name, values in stored.items()}
    columns["clip"] -= min(PICTURES)
    clips = card["clips"][min(PICTURES) :]
    (source / "footage.json").write_text(json.dumps(card | {"width": SIDE, "height": SIDE, "clips": clips}), "utf-8")
    for i, viewmat in enumerate(columns["viewmat"]):
        eye = [0.25 * np.sin(i), -0.7, 0.2 * np.cos(2.2 * i)]
        viewmat[:] = Camera.looking_at(eye, [0.002, 0, 0], 64, 64, 0.4).matrix
        with np.load(source / "tracks" / f"{clips[columns['clip'][i]]['name']}.npz") as track:
            marks = track["landmarks"][np.abs(track["time"] - columns["time"][i]).argmin()]
        seen = marks @ viewmat[:3, :3].T + viewmat[:3, 3]
        columns["K"][i, :2] *= SIDE / 64
        columns["landmarks2d"][i] = seen[:, :2] / seen[:, 2:] * columns["K"][i, 0, 0] + columns["K"][i, :2, 2]
    np.savez(source / "frames.npz", **columns)
    for kind in ("image", "label"):
        shutil.move(source / kind, folder / kind)
        (source / kind).mkdir()
        for i, old in enumerate(kept):
            with Image.open(folder / kind / f"{old:06d}.png") as picture:
                picture.resize((SIDE, SIDE), Image.Resampling.NEAREST).save(source / kind / f"{i:06d}.png")
        shutil.rmtree(folder / kind)
    for k, clip in enumerate(clips):
        length = round((columns["time"][columns["clip"] == k].max() + 0.1) * 16000)
        write_wav(source / clip["audio"], Sound(load_sound(source / clip["audio"]).samples[:length].copy()))
    for left in card["clips"][: min(PICTURES)]:
        (source / left["audio"]).unlink()
        (source / "tracks" / f"{left['name']}.npz").unlink()
    return [source]


def er_nerf_folder(folder: Path) -> list[Path]:
    """A TalkingGaussian / ER-NeRF data set of a turning head, written by our own converter."""
    [source] = small_footage(folder)
    list(convert(Convert(str(source), str(folder / "set"))))
    shutil.rmtree(source)
    return [folder / "set"]


def read_an_er_nerf(path: Path) -> None:
    out = path.with_name("converted")
    shutil.rmtree(out, ignore_errors=True)
    list(convert(Convert(str(path), str(out))))
    read_a_footage(out)


def write_an_er_nerf(path: Path) -> None:
    out = path.with_name("converted")
    shutil.rmtree(out, ignore_errors=True)
    list(convert(Convert(str(path), str(out))))


def sogs(folder: Path) -> list[Path]:
    """A folder and a zip of 60 Gaussians in pictures of 8 x 8, with a palette of harmonics of degree 1."""
    rng, table = np.random.default_rng(0), list(np.linspace(-3, 0, 256))
    made = folder / "sog"
    made.mkdir()
    sizes = dict.fromkeys(("means_l", "means_u", "quats", "scales", "sh0", "labels"), (8, 8)) | {"palette": (1, 192)}
    for name, size in sizes.items():
        pixels = rng.integers(0, 256, (*size, 4), np.uint8)
        pixels[..., 3] |= 252
        pixels[..., :2] *= name != "labels"
        Image.fromarray(pixels).save(made / f"{name}.webp", lossless=True, exact=True)
    meta = {"version": 2, "count": 60, "quats": {"files": ["quats.webp"]}} | {
        "means": {"mins": [-1, -1, -1], "maxs": [1, 1, 1], "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": table, "files": ["scales.webp"]},
        "sh0": {"codebook": table, "files": ["sh0.webp"]},
        "shN": {"bands": 1, "count": 64, "codebook": table, "files": ["palette.webp", "labels.webp"]},
    }
    (made / "meta.json").write_text(json.dumps(meta))
    shutil.make_archive(str(made), "zip", made)
    (folder / "sog.zip").rename(folder / "a.sog")
    return [made, folder / "a.sog"]


def depth_files(folder: Path) -> list[Path]:
    path, depth = folder / "depth.exr", np.linspace(0, 3, 48, dtype=np.float32).reshape(6, 8)
    write_exr(path, [ExrLayer("ViewLayer.Depth", {"Z": depth})], FrameMetadata(Fraction(24), 1))
    return [path]


def read_a_depth(path: Path) -> None:
    depth = ExrDepth.of(path)
    values = depth.read()
    assert values.shape == (depth.height, depth.width)
    assert not np.isnan(values).any()


READERS: dict[str, Reader] = {
    "sog": Reader(sogs, read_splats, 200),
    "sound": Reader(sounds, read_a_sound, 200),
    "video": Reader(videos, read_a_video, 100),
    "footage": Reader(footage_folder, read_a_footage, 100),
    "er-nerf": Reader(er_nerf_folder, read_an_er_nerf, 40),
    "our footage to er-nerf": Reader(small_footage, write_an_er_nerf, 20),
    "exr depth": Reader(depth_files, read_a_depth, 200),
    "align": Reader(lambda folder: [Path(shutil.copy(GRID / "sgbc6n.align", folder))], read_align, 300),
}

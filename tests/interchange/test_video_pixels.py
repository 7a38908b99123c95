# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoded picture is square, upright, progressive and of the right colour; what is no video is an error."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.video import probe_video, read_video

FIVE = [Fraction(i, 25) for i in range(5)]
MATRICES = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}  # kr, kb


def first(path, **options):
    return next(read_video(path, Fraction(25), **options)).rgb


def four_corners(width=96, height=64):
    """Red upper left, green upper right, blue lower left, white lower right."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = (255, 0, 0)
    rgb[: height // 2, width // 2 :] = (0, 255, 0)
    rgb[height // 2 :, : width // 2] = (0, 0, 255)
    rgb[height // 2 :, width // 2 :] = 255
    return rgb


def corners(rgb):
    names = {(255, 0, 0): "R", (0, 255, 0): "G", (0, 0, 255): "B", (255, 255, 255): "W"}
    height, width = rgb.shape[:2]
    places = [(y * height // 4, x * width // 4) for y in (1, -1) for x in (1, -1)]
    return "".join(names[tuple(int(c > 127) * 255 for c in rgb[y, x])] for y, x in places)


@pytest.mark.parametrize(
    ("degrees", "hflip", "vflip", "shown"),  # degrees are counter-clockwise; shown: corners as read from left to right
    [(0, False, False, "RGBW"), (90, False, False, "GWRB"), (-90, False, False, "BRWG"), (180, False, False, "WBGR"),
     (0, True, False, "GRWB"), (0, False, True, "BWRG"), (90, True, False, "WGBR"), (-90, True, False, "RBGW")],
)  # fmt: skip
def test_phones_are_held_in_every_direction(cinema, tmp_path, degrees, hflip, vflip, shown):
    film = cinema.write_film(tmp_path / "phone.mp4", FIVE, pictures=[four_corners()] * 5,
                             setup=lambda s: s.set_display_rotation(degrees, hflip, vflip))  # fmt: skip
    rgb, info = first(film), probe_video(film)
    assert corners(rgb) == shown
    assert rgb.shape[:2] == ((96, 64) if degrees % 180 else (64, 96)) == (info.height, info.width)


def disc(width, height, aspect):
    """A round thing as an anamorphic camera stores it."""
    y, x = np.mgrid[:height, :width] + 0.5
    inside = ((x - width / 2) * aspect) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
    return np.repeat((inside * 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("aspect", [Fraction(16, 15), Fraction(8, 9), Fraction(4, 3)], ids=str)
@pytest.mark.parametrize("said", [True, False], ids=["said by the file", "said by us"])
def test_anamorphic_pixels_become_square(cinema, tmp_path, aspect, said):
    def tell(stream):
        if said:
            stream.codec_context.sample_aspect_ratio = aspect

    film = cinema.write_film(tmp_path / "pal.mp4", FIVE, pictures=[disc(180, 144, float(aspect))] * 5, setup=tell)
    own = None if said else aspect
    rgb, info = first(film, pixel_aspect=own), probe_video(film, own)
    assert rgb.shape == (144, round(180 * aspect), 3) == (info.height, info.width, 3)
    mask = rgb[..., 1] > 127
    wide, high = (np.ptp(np.flatnonzero(mask.any(axis=axis))) for axis in (0, 1))
    assert abs(wide - high) <= 2


def test_a_crop_is_where_its_box_is(cinema, tmp_path):
    """On a ramp a value is a place: pixel x's centre has the value x + 0.5, in the middle of any crop."""
    ramp = np.repeat((np.arange(200, dtype=np.uint8) + 20)[None, :, None], 96, axis=0).repeat(3, axis=2)
    film = cinema.write_film(tmp_path / "ramp.mkv", FIVE, "ffv1", [np.ascontiguousarray(ramp)] * 5)
    assert np.array_equal(first(film), ramp)
    assert np.array_equal(first(film, crop=(31, 10, 64, 40)), ramp[10:50, 31:95])
    for left, width, size in ((30.25, 64.0, 64), (30.25, 100.0, 40), (17.0, 40.0, 160)):
        rgb = first(film, crop=(left, 8, width, 80), size=(size, 80))
        middle = np.arange(size)[size // 4 : -size // 4]
        wanted = left + (middle + 0.5) * width / size + 20 - 0.5
        assert np.abs(rgb[40, middle, 0] - wanted).max() < 1.01
        assert abs(np.mean(rgb[40, middle, 0] - wanted)) < 0.26
    with pytest.raises(ValueError, match="not inside"):
        first(film, crop=(150, 0, 64, 64))


def test_rotated_anamorphic_and_cropped_at_once(cinema, tmp_path):
    def tell(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(-90)

    film = cinema.write_film(tmp_path / "phone.mp4", FIVE, pictures=[four_corners(96, 64)] * 5, setup=tell)
    assert first(film).shape == (128, 64, 3)
    # Upright: B R over W G, each 32 x 64.
    assert corners(first(film, crop=(16, 32, 32, 64), size=(64, 64))) == "BRWG"
    assert (first(film, crop=(36, 70, 20, 40), size=(16, 16)).reshape(-1, 3).mean(axis=0) - (0, 255, 0)).max() < 12


def flat(path, codes, pix_fmt="yuv420p", size=(64, 48), **tags):
    """Three pictures of one stored Y, U, V, lossless, with colour tags."""
    with av.open(str(path), "w") as out:
        film = out.add_stream("ffv1", rate=25)
        film.width, film.height, film.pix_fmt = *size, pix_fmt
        kind = np.uint16 if "10" in pix_fmt else np.uint8
        for i in range(3):
            frame = av.VideoFrame(*size, pix_fmt)
            for plane, code in zip(frame.planes, codes):
                plane.update(np.full(plane.buffer_size // kind().itemsize, code, kind).tobytes())
            frame.pts, frame.time_base = i, Fraction(1, 25)
            for name, tag in tags.items():
                setattr(frame, name, tag)
                setattr(film.codec_context, name, tag)
            out.mux(film.encode(frame))
        out.mux(film.encode())
    return path


@pytest.mark.parametrize(
    ("matrix", "full", "size", "tags"),
    [("601", False, (64, 48), {}), ("709", False, (1280, 720), {}), ("709", False, (64, 48), {"colorspace": 1}),
     ("601", False, (1280, 720), {"colorspace": 5}), ("601", False, (64, 48), {"colorspace": 6, "color_range": 1}),
     ("601", True, (64, 48), {"colorspace": 5, "color_range": 2}),
     ("709", True, (64, 48), {"colorspace": 1, "color_range": 2}),
     ("2020", False, (64, 48), {"colorspace": 9, "color_range": 1})],
)  # fmt: skip
def test_colours_are_those_of_the_standard(tmp_path, matrix, full, size, tags):
    """ITU-R BT.601, BT.709, BT.2020: Y' = kr R' + (1 - kr - kb) G' + kb B', full or 16..235."""
    codes = (150, 100, 160)
    low, of_y, of_c = (0, 255, 255) if full else (16, 219, 224)
    y, u, v = (codes[0] - low) / of_y, (codes[1] - 128) / of_c, (codes[2] - 128) / of_c
    kr, kb = MATRICES[matrix]
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    wanted = 255 * np.array([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue])
    rgb = first(flat(tmp_path / "flat.mkv", codes, size=size, **tags))
    assert np.abs(rgb - wanted).max() <= 1


def test_a_phones_hdr_becomes_srgb(tmp_path):
    """HLG (ITU-R BT.2100): its reference white (75 %) becomes white, its black black, and nothing is washed out."""
    tags = {"colorspace": 9, "color_range": 1, "color_trc": 18, "color_primaries": 9}
    grey = [flat(tmp_path / f"{y}.mkv", (y, 512, 512), "yuv420p10le", **tags) for y in (64, 230, 400, 721, 940)]
    values = [first(film).mean() for film in grey]
    assert values == sorted(values)
    assert values[0] <= 1
    assert values[-2] >= 245
    assert values[-1] == 255
    # 38 % is 27 of 203 cd/m2 on a screen of 1000: 0.132 of white, in sRGB 0.40.
    assert abs(values[2] - 0.40 * 255) < 2


def test_interlaced_pictures_become_progressive(cinema, tmp_path):
    """A bar that moves 8 pixels from field to field: as stored its edge is a comb, as shown it is not."""
    fields = []
    for i in range(24):
        rgb = np.zeros((64, 128, 3), np.uint8)
        rgb[:, 8 + 4 * i : 24 + 4 * i] = 255
        fields.append(rgb)
    woven = []
    for upper, lower in zip(fields[::2], fields[1::2]):
        both = upper.copy()
        both[1::2] = lower[1::2]
        woven.append(both)
    combs = {}
    for flagged in (True, False):
        film = _flagged(tmp_path / f"{flagged}.mkv", woven, flagged)
        frames = list(read_video(film, Fraction(25)))
        assert [f.index for f in frames] == list(range(12))
        rows = frames[6].rgb[8:-8, :, 1].astype(float)
        combs[flagged] = np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()
    assert combs[True] < 0.2 * combs[False]


def _flagged(path, pictures, interlaced):
    with av.open(str(path), "w") as out:
        film = out.add_stream("mpeg2video", rate=25)
        film.height, film.width = pictures[0].shape[:2]
        film.pix_fmt, film.bit_rate = "yuv420p", 4_000_000
        if interlaced:
            film.codec_context.options = {"flags": "+ilme+ildct"}
        graph = av.filter.Graph()
        source = graph.add_buffer(width=film.width, height=film.height, format="rgb24", time_base=Fraction(1, 25))
        mode = "tff" if interlaced else "prog"
        graph.link_nodes(source, graph.add("setfield", mode), graph.add("buffersink")).configure()
        for i, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            graph.vpush(frame)
            out.mux(film.encode(graph.vpull()))
        out.mux(film.encode())
    return path


@pytest.mark.parametrize(("hole", "missing"), [(Fraction(1, 5), False), (1, True)])
def test_a_picture_that_is_shown_too_long_is_a_missing_one(cinema, tmp_path, hole, missing):
    """Matroska says how long a picture lasts; what a hole shows is not what was filmed."""
    times = [Fraction(i, 25) + hole * (i >= 10) for i in range(20)]
    got = list(read_video(cinema.write_film(tmp_path / "film.mkv", times), Fraction(25)))
    assert [f.index for f in got] == list(range(round(times[-1] * 25) + 1))
    held = [k for k in range(len(got)) if times[9] < Fraction(k, 25) < times[10]]
    assert [f.index for f in got if f.damaged] == (held if missing else [])


def test_a_broken_picture_is_marked_and_the_last_one_repeated(cinema, tmp_path):
    film = cinema.write_film(tmp_path / "film.mov", [Fraction(i, 25) for i in range(20)], "png")
    data = bytearray(film.read_bytes())
    marks = [i for i in range(len(data)) if data[i : i + 8] == b"\x89PNG\r\n\x1a\n"]
    data[marks[7] : marks[7] + 8] = b"NOT-PNG!"
    film.write_bytes(data)
    got = list(read_video(film, Fraction(25)))
    assert [cinema.number_of(f.rgb) for f in got] == [*range(7), 6, *range(8, 20)]
    damaged = {f.index for f in got if f.damaged}
    assert 7 in damaged
    assert damaged <= {7, 8}, "each picture of this film is a key frame"
    for mark in marks[1:]:
        data[mark : mark + 8] = b"NOT-PNG!"
    film.write_bytes(data)
    with pytest.raises(UserError, match="is damaged"):
        list(read_video(film, Fraction(25)))


def _wav(path):
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", None))
        out.writeframes(bytes(3200))


def _y4m(header, size):
    return lambda path: path.write_bytes(b"YUV4MPEG2 " + header + b" F25:1 Ip C420\n" + (b"FRAME\n" + bytes(size)) * 3)


def _covered(path):
    """A sound with a cover picture."""
    cover = path.with_suffix(".png")
    Image.fromarray(four_corners()).save(cover)
    with av.open(str(path), "w") as out, av.open(str(cover)) as image:
        picture = out.add_stream("png", rate=1)
        picture.width, picture.height, picture.pix_fmt = 96, 64, "rgb24"
        picture.disposition = av.stream.Disposition.attached_pic
        voice = out.add_stream("libmp3lame", rate=48000, layout="mono")
        for packet in image.demux(video=0):
            if packet.size:
                packet.stream = picture
                out.mux(packet)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        piece.sample_rate = 48000
        out.mux(voice.encode(piece))
        out.mux(voice.encode())


HOSTILE = {
    "words.mp4": (lambda p: p.write_text("not a film"), "cannot be read as a video|has no pictures"),
    "nothing.mp4": (lambda p: p.write_bytes(b""), "is empty"),
    "folder.mp4": (lambda p: p.mkdir(), "is not a file"),
    "missing.mp4": (lambda p: None, "no such file"),
    "sound.wav": (_wav, "has no pictures"),
    "cover.mp3": (_covered, "has no pictures"),
    "empty.y4m": (lambda p: p.write_bytes(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420\n"), "without pictures"),
    "huge.y4m": (_y4m(b"W9000 H64 A1:1", 864000), "9000 x 64"),
    "point.y4m": (_y4m(b"W4 H4 A1:1", 24), "4 x 4"),
    "wide.y4m": (_y4m(b"W64 H48 A900:1", 4608), "pixel aspect"),
    "list.m3u8": (lambda p: p.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"), "cannot be read as"),
    "list.ffconcat": (lambda p: p.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n"), "cannot be read as"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_video_is_a_one_sentence_error(tmp_path, name):
    make, words = HOSTILE[name]
    make(tmp_path / name)
    for ask in (probe_video, first):
        with pytest.raises(UserError, match=words) as error:
            ask(tmp_path / name)
        assert name in str(error.value)
        assert "\n" not in str(error.value)


def test_videos_that_break_off_freeze_or_jump_back(cinema, tmp_path):
    times = [Fraction(i, 25) for i in range(100)]
    film = cinema.write_film(tmp_path / "front.mp4", times, setup=None)
    whole = tmp_path / "whole.mp4"
    with av.open(str(film)) as source, av.open(str(whole), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    data = whole.read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UserError, match="breaks off"):
        probe_video(tmp_path / "half.mp4")
    (tmp_path / "headless.mp4").write_bytes(film.read_bytes()[: len(data) // 2])
    with pytest.raises(UserError, match="cannot be read"):
        probe_video(tmp_path / "headless.mp4")
    still = cinema.write_film(tmp_path / "still.mkv", [*times, Fraction(60)])
    with pytest.raises(UserError, match="no new picture"):
        list(read_video(still, Fraction(25)))
    ts = [cinema.write_film(tmp_path / f"{i}.ts", times, "mpeg2video", clock=25) for i in range(2)]
    (tmp_path / "twice.ts").write_bytes(ts[0].read_bytes() + ts[1].read_bytes())
    with pytest.raises(UserError, match="jumps back"):
        list(read_video(tmp_path / "twice.ts", Fraction(25)))

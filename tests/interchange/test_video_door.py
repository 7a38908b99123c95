# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a library throws at a video becomes one sentence with the file's name; text in it never matters; of several
streams one that can be decoded is taken."""

import av
import pytest

from talksplat.core.formats import SeekableFile, UserError
from talksplat.core.formats.seekable_file import SEEK_FAILED
from talksplat.core.interchange import probe_video, read_video
from talksplat.core.interchange.video_file import VideoFile

THROWN = [
    ValueError("text\nof a library"),
    UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid"),
    OverflowError("too large"),
    AssertionError(),
    RecursionError(),
    MemoryError(),
    OSError(5, "Input/output error"),
    av.error.InvalidDataError(1, "Invalid data"),
]


@pytest.fixture
def film(cinema, tmp_path):
    return cinema.write_film(tmp_path / "film.mp4", [k / 25 for k in range(30)])


@pytest.mark.parametrize("thrown", THROWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("ask", [probe_video, lambda path: list(read_video(path, 25))], ids=["probe", "read"])
def test_whatever_is_thrown_is_a_sentence(film, monkeypatch, thrown, ask):
    def throw(*_):
        raise thrown

    monkeypatch.setattr(VideoFile, "_time_of", throw)
    with pytest.raises(UserError, match=r"film\.mp4") as caught:
        ask(film)
    assert "\n" not in str(caught.value)
    assert "text" not in str(caught.value)


def test_a_title_that_is_no_text_does_not_matter(shared_cases):
    path = shared_cases / "video" / "latin1.mp4"
    info = probe_video(path)
    assert len(list(read_video(path, info.rate))) >= 25


def with_unknown_codec(path):
    """The first video stream's codec is one that nobody has."""
    data = path.read_bytes()
    place = data.index(b"stsd")
    place = data.index(b"avc1", place)
    path.write_bytes(data[:place] + b"xyz9" + data[place + 4 :])
    return path


def test_a_codec_without_decoder_is_named(film):
    with pytest.raises(UserError, match=r"film\.mp4: the codec xyz9 of its pictures cannot be decoded here"):
        probe_video(with_unknown_codec(film))


def test_a_stream_with_a_decoder_is_taken(cinema, tmp_path):
    """A phone's depth or gain map beside the film, in a codec that nobody here has."""
    path = tmp_path / "two.mp4"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, width in zip(streams, (192, 96)):
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
        for k in range(30):
            for stream, width in zip(streams, (192, 96)):
                frame = av.VideoFrame.from_ndarray(cinema.numbered(k, width), format="rgb24")
                frame.pts = k
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode())
    assert probe_video(path).width == 192
    assert probe_video(with_unknown_codec(path)).width == 96
    assert [cinema.number_of(frame.rgb) for frame in read_video(path, 25)] == list(range(30))


def test_a_seek_that_fails_is_an_answer(film):
    """PyAV prints the traceback of an exception of `seek`, which a broken header's pointer causes."""
    with film.open("rb") as file:
        seekable = SeekableFile(file)
        assert seekable.seek(10) == 10 == seekable.tell()
        assert seekable.seek(-5) == seekable.seek(-(10**9), 1) == seekable.seek(1 << 63) == SEEK_FAILED
        assert (seekable.tell(), seekable.read(4)) == (10, film.read_bytes()[10:14])

# SPDX-License-Identifier: GPL-3.0-or-later
"""WAV as recorders, editors and old telephones write it: the values that come out are those that were written."""

import struct

import av
import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.audio.decode import load_soundtrack
from talksplat.core.formats import UserError

RATE = 16000  # ours: nothing is resampled
PCM, FLOAT, ALAW, EXTENSIBLE = 1, 3, 6, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
WAVE = np.random.default_rng(0).uniform(-0.9, 0.9, 4001)  # an odd count, so that 8-bit and 24-bit need padding
UNKNOWN = 0xFFFFFFFF  # a size that was not known when the header was written


def encode(values, bits, kind=PCM):
    """[L] -1..1 -> bytes, little-endian."""
    if kind == FLOAT:
        return values.astype({32: "<f4", 64: "<f8"}[bits]).tobytes()
    if bits == 8:
        return np.rint(values * 128 + 128).astype(np.uint8).tobytes()
    codes = np.rint(values * float(2 ** (bits - 1))).astype(np.int64)
    return codes.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


def fmt(bits, kind=PCM, valid=0, channels=1):
    """The body of the chunk `fmt `; with `valid` bits as WAVE_FORMAT_EXTENSIBLE."""
    block = channels * bits // 8
    body = struct.pack("<HHIIHH", EXTENSIBLE if valid else kind, channels, RATE, RATE * block, block, bits)
    mask = {1: 4, 2: 3}[channels]
    return body + struct.pack("<HHIH", 22, valid, mask, kind) + GUID_TAIL if valid else body


def chunk(name, body, padded=True, stated=None):
    return name + struct.pack("<I", len(body) if stated is None else stated) + body + b"\0" * (padded and len(body) % 2)


def riff(*chunks, name=b"RIFF", stated=None):
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body) if stated is None else stated) + body


def rf64(data, bits, name=b"RF64"):
    """More than 4 GB as EBU Tech 3306 has it: the sizes are in a chunk of their own."""
    sizes = struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(data), len(data), len(data) * 8 // bits, 0)
    return riff(
        chunk(b"ds64", sizes),
        chunk(b"fmt ", fmt(bits)),
        chunk(b"data", data, stated=UNKNOWN),
        name=name,
        stated=UNKNOWN,
    )


def simple(bits, kind=PCM, valid=0):
    return riff(chunk(b"fmt ", fmt(bits, kind, valid)), chunk(b"data", encode(WAVE, bits, kind)))


FMT16, DATA16 = chunk(b"fmt ", fmt(16)), chunk(b"data", encode(WAVE, 16))
OPEN16 = FMT16 + chunk(b"data", encode(WAVE, 16), stated=UNKNOWN)
UNFILLED16 = FMT16 + chunk(b"data", encode(WAVE, 16), stated=0)
BARE24 = chunk(b"fmt ", fmt(24)) + chunk(b"data", encode(WAVE, 24), padded=False)
NOTE = chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!\0")  # of odd size: a padding byte follows
CUT_NOTE = chunk(b"LIST", b"INFO", stated=4000)
FILES = {  # name -> (the file, the largest error of a value)
    "8 bit": (simple(8), 2.0**-7),
    "16 bit": (simple(16), 2.0**-15),
    "24 bit": (simple(24), 2.0**-22),
    "32 bit": (simple(32), 2.0**-22),
    "64 bit": (simple(64), 2.0**-22),
    "32 bit float": (simple(32, FLOAT), 2.0**-22),
    "64 bit float": (simple(64, FLOAT), 2.0**-22),
    "extensible 16": (simple(16, valid=16), 2.0**-15),
    "extensible 24": (simple(24, valid=24), 2.0**-22),
    "extensible 24 in 32": (simple(32, valid=24), 2.0**-22),
    "extensible 64": (simple(64, valid=64), 2.0**-22),
    "extensible float": (simple(32, FLOAT, valid=32), 2.0**-22),
    "extensible 64 bit float": (simple(64, FLOAT, valid=64), 2.0**-22),
    "RF64": (rf64(encode(WAVE, 24), 24), 2.0**-22),
    "BW64": (rf64(encode(WAVE, 16), 16, b"BW64"), 2.0**-15),
    "RF64 of 64 bit": (rf64(encode(WAVE, 64), 64), 2.0**-22),
    "odd chunk before the sound": (riff(FMT16, NOTE, DATA16), 2.0**-15),
    "odd chunk after the sound": (riff(FMT16, DATA16, NOTE), 2.0**-15),
    "odd sound without padding": (riff(BARE24), 2.0**-22),
    "a chunk nobody knows": (riff(chunk(b"JUNK", bytes(1001)), FMT16, DATA16), 2.0**-15),
    "a last chunk that is cut": (riff(FMT16, DATA16, CUT_NOTE), 2.0**-15),
    "size left open": (riff(OPEN16, stated=UNKNOWN), 2.0**-15),
    "size never filled in": (riff(UNFILLED16, stated=0), 2.0**-15),
    "long fmt chunk": (riff(chunk(b"fmt ", fmt(16) + b"\0\0"), DATA16), 2.0**-15),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_the_values_are_those_that_were_written(tmp_path, kind):
    data, error = FILES[kind]
    path = tmp_path / "kind.wav"
    path.write_bytes(data)
    samples = load_sound(path).samples
    assert len(samples) == len(WAVE)
    assert np.abs(samples - WAVE).max() <= error
    track, rate, _ = load_soundtrack(path)
    assert abs(len(track) / rate - len(WAVE) / RATE) < 0.001


@pytest.mark.parametrize("bits", [16, 24, 64])
def test_channels_stay_apart(tmp_path, bits):
    left, right = WAVE[:-1].reshape(2, -1)
    data = encode(np.stack([left, right], axis=1).ravel(), bits)
    path = tmp_path / "two.wav"
    path.write_bytes(riff(chunk(b"fmt ", fmt(bits, channels=2)), chunk(b"data", data)))
    assert np.abs(load_sound(path).samples - (left + right) / 2).max() < 2.0**-14


@pytest.mark.parametrize("codec", ["pcm_alaw", "pcm_mulaw", "adpcm_ima_wav", "adpcm_ms"])
def test_telephones_and_old_games(tmp_path, codec):
    """Companded and differential codes: near the values, at their time."""
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(8000) / RATE)
    path = tmp_path / "old.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=RATE, layout="mono")
        resampler = av.AudioResampler(stream.format, "mono", RATE, frame_size=stream.codec_context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray((tone[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = RATE
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    samples = load_sound(path).samples
    assert len(tone) <= len(samples) < len(tone) + 2048
    settled = slice(1000, len(tone) - 100)  # differential codes begin at 0 with small steps
    assert np.abs(samples[settled] - tone[settled]).max() < 0.05


def test_a_sound_that_breaks_off_is_a_sentence(tmp_path):
    """The recorder's battery: the header states more than there is."""
    path = tmp_path / "cut.wav"
    path.write_bytes(riff(chunk(b"fmt ", fmt(24)), chunk(b"data", encode(np.tile(WAVE, 8), 24)))[: -3 * 16000])
    with pytest.raises(UserError, match=r"breaks off at 1\.0 of 2\.0 s"):
        load_sound(path)

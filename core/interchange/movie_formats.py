# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of movies that a render writes: codecs, pixels and sound of each. A new one: a row in MOVIE_FORMATS."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MovieFormat:
    """What FFmpeg is asked for."""

    label: str  # in the panel
    description: str  # its tooltip: one sentence without a full stop
    suffix: str
    container: str
    codec: str
    options: dict[str, str]  # of the codec
    pixels: str  # FFmpeg's name of what the codec stores
    sound_codec: str
    has_alpha: bool = False  # straight, as players and editors expect; else the head stands before grey
    even: bool = False  # whether width and height are to be even
    sound_bits: int = 0  # a second; 0: uncompressed


# The name that `Render.movie_format` takes -> the format.
MOVIE_FORMATS = {
    # crf: x264's quality: no visible loss, a face of 512 pixels stays near 1 MB a second or below.
    "mp4": MovieFormat(
        "MP4",
        "H.264 and AAC, which everything plays, before grey",
        ".mp4",
        "mp4",
        "libx264",
        {"crf": "16", "preset": "fast"},
        "yuv420p",
        "aac",
        even=True,
        sound_bits=192000,
    ),
    "prores": MovieFormat(
        "ProRes 4444",
        "For editing: 10 bits a channel, straight alpha, uncompressed sound and time code",
        ".mov",
        "mov",
        "prores_ks",
        {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"},
        "yuva444p10le",
        "pcm_s24le",
        has_alpha=True,
    ),
}

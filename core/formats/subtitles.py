# SPDX-License-Identifier: GPL-3.0-or-later
"""SRT and WebVTT: cues of a sentence or so, each from one time to another; in WebVTT times may stand between words too
(W3C, WebVTT: "cue timestamp"), as automatic captions have them."""

import re
from collections.abc import Iterator
from pathlib import Path

from .timed_label import TimedLabel
from .user_error import UserError

CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"  # h:mm:ss,mmm
ARROW = re.compile(rf"^[ \t]*{CLOCK}[ \t]*-->[ \t]*{CLOCK}", re.MULTILINE)
INSIDE = re.compile(rf"<{CLOCK}>")
MARKUP = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": ""}


def is_subtitles(text: str) -> bool:
    """Whether a time span of a cue stands in the text, or it says that it is WebVTT."""
    return text.startswith("WEBVTT") or ARROW.search(text) is not None


def subtitle_cues(text: str, path: Path | str) -> Iterator[TimedLabel]:
    """The cues, or their words where these have times. Raises UserError for a file without any cue."""
    spans = list(ARROW.finditer(text := text.replace("\r\n", "\n").replace("\r", "\n")))
    if not spans:
        raise UserError(f"{path}: has no cue with its times; export the subtitles again.")
    for span, following in zip(spans, [*spans[1:], None]):
        start, end = _seconds(span.groups()[:4]), _seconds(span.groups()[4:])
        body = text[span.end() : following.start() if following else len(text)]
        lines = body.split("\n")[1:]  # of the line of times the settings are left
        gap = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
        yield from _timed_words("\n".join(lines[:gap]), start, end)


def _timed_words(body: str, start: float, end: float) -> Iterator[TimedLabel]:
    """The cue's text from time to time that stands in it."""
    at, begun = 0, start
    for mark in INSIDE.finditer(body):
        time = _seconds(mark.groups())
        yield TimedLabel(begun, time, _plain(body[at : mark.start()]))
        at, begun = mark.end(), time
    yield TimedLabel(begun, end, _plain(body[at:]))


def _seconds(clock: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = clock
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((thousandths or "0").ljust(3, "0")) / 1000


def _plain(text: str) -> str:
    text = MARKUP.sub("", text)
    for entity, letter in ENTITIES.items():
        text = text.replace(entity, letter)
    return text

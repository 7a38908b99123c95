# SPDX-License-Identifier: GPL-3.0-or-later
"""What is spoken, as a text that does not say when, or as subtitles that say it roughly."""

import math
import re
from pathlib import Path

from .subtitles import is_subtitles, subtitle_cues
from .text_file import read_text
from .textgrid import is_textgrid
from .timed_label import TimedLabel
from .user_error import UserError

SUBTITLE_SUFFIXES = (".srt", ".vtt")  # lower case
NO_SCRIPT = (".lab", ".align")  # they hold times, which would be read out as numbers
LABEL_LINE = re.compile(r"\s*\d+\.\d+\s+\d+\.\d+\s+\S")  # what Audacity exports, as .txt


def read_script(path: Path | str) -> list[TimedLabel]:
    """The cues of subtitles, or the whole text between 0 and infinity seconds. Raises UserError."""
    text = read_text(path, "a text file, or subtitles")
    if _has_times(text) or Path(path).suffix.lower() in NO_SCRIPT:
        raise UserError(f"{path}: says already when each word is spoken; choose it as the words.")
    return list(subtitle_cues(text, path)) if is_subtitles(text) else [TimedLabel(0.0, math.inf, text)]


def is_plain_script(path: Path | str) -> bool:
    """Whether a file is a text that does not say when it is spoken. Raises UserError for what cannot be read."""
    if Path(path).suffix.lower() not in (".txt", ".md"):
        return False
    text = read_text(path, "a text file")
    return not (_has_times(text) or is_subtitles(text))


def _has_times(text: str) -> bool:
    return is_textgrid(text) or LABEL_LINE.match(text) is not None

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is spoken, as a text that does not say when, or as subtitles that say it roughly."""

import math
from pathlib import Path

from .subtitles import is_subtitles, subtitle_cues
from .text_file import read_text
from .textgrid import is_textgrid
from .timed_label import TimedLabel
from .user_error import UserError

SCRIPT_SUFFIXES = (".txt", ".md", ".srt", ".vtt")  # lower case
NO_SCRIPT = (".lab", ".align")  # they hold times, which would be read out as numbers


def read_script(path: Path | str) -> list[TimedLabel]:
    """The cues of subtitles, or the whole text between 0 and infinity seconds. Raises UserError."""
    text = read_text(path, "a text file, or subtitles")
    if is_textgrid(text) or Path(path).suffix.lower() in NO_SCRIPT:
        raise UserError(f"{path}: says already when each word is spoken; choose it as the words.")
    return list(subtitle_cues(text, path)) if is_subtitles(text) else [TimedLabel(0.0, math.inf, text)]

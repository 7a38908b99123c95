# SPDX-License-Identifier: GPL-3.0-or-later
"""What words do to the lips: held-back English voices before and after, with their transcripts aligned as `talksplat
align` does. Prints the tables of docs/research/align.md in markdown.

    python -m talksplat.samples.mouth_net.evaluate_words --data ../shared/data --work ../mouth_net [--head FILE.head]

Arguments as in `evaluate`. The phones that lips are held against are PocketSphinx's, and not those that sharpen them.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from ...core.audio import Sound, load_sound
from ...core.dispatch import run_job
from ...core.evaluation import Lips, head_lips
from ...core.formats import read_head
from ...core.jobs import Align, Finished
from ...core.listening import SpokenWords, read_spoken_words
from .clips import Clip, all_clips
from .evaluate import COLUMNS, evaluate, net_lips


def aligned_words(clips: list[Clip]) -> dict[str, SpokenWords]:
    """Content hash of a clip's sound -> its words; clips whose text is not heard are missing."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        text, out = Path(folder, "line.txt"), Path(folder, "line.TextGrid")
        for clip in clips:
            text.write_text(clip.transcript, encoding="utf-8")
            *_, end = run_job(Align(str(clip.file), str(text), str(out)))
            if isinstance(end, Finished):
                found[load_sound(clip.file).content_hash] = read_spoken_words(out)
    return found


def lips_with(head: Path | None, words_of: Callable[[Sound], SpokenWords | None]) -> Lips:
    """Those of a head, or of the net itself."""
    if head is not None:
        return head_lips(read_head(head), words_of)
    return lambda sound: net_lips(sound, words_of(sound))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--head", type=Path, help="a .head file; without one the net itself is measured")
    arguments = parser.parse_args()
    clips = all_clips(arguments.data)
    words = aligned_words([clip for clip in clips if clip.held_back and clip.transcript and clip.language == "en"])
    kept = [clip for clip in clips if not clip.held_back or load_sound(clip.file).content_hash in words]
    print(f"{len(words)} clips with words\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, words_of in (("before", lambda _: None), ("after", lambda sound: words[sound.content_hash])):
        for row_name, row in evaluate(kept, lips_with(arguments.head, words_of), arguments.work).items():
            print(f"| {' | '.join(row.cells(f'{row_name}, {name}'))} |")


if __name__ == "__main__":
    main()

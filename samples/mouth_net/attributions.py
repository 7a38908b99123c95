# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose recordings the net was trained on, and under which licences: for the card, and as a page beside the weights."""

from dataclasses import dataclass, field

from .clips import Clip

# Data sets that ask for their paper, and what they are called there.
PAPERS = {
    "LibriSpeech": "V. Panayotov, G. Chen, D. Povey, S. Khudanpur, ICASSP 2015",
    "speechocean762": "J. Zhang et al., Interspeech 2021",
    "FLEURS": "A. Conneau et al., SLT 2022",
    "EmoDB": "F. Burkhardt et al., Interspeech 2005",
    "VoxPopuli": "C. Wang et al., ACL 2021",
    "Multilingual LibriSpeech": "V. Pratap et al., Interspeech 2020",
    "AMI": "J. Carletta et al., MLMI 2005",
    "AISHELL": "H. Bu et al., O-COCOSDA 2017",
    "vocadito": "R. Bittner et al., 2021",
    "LJSpeech": "K. Ito, L. Johnson, 2017",
}
PAGE = """# The voices behind these weights

`mouth_net.safetensors` was trained on the recordings below, as they are and changed (speed, room, music under them).
None of them is part of talksplat. Made again by `samples/mouth_net`, which says what is done with them.

| data set | licence | speakers | recordings |
|---|---|---|---|
{rows}

Phones were found by PocketSphinx 5.1 with its US English model (Carnegie Mellon University, BSD), lips by MediaPipe's
Face Landmarker (Google, Apache-2.0), speech features by Moonshine tiny-en (Useful Sensors, MIT).
"""


@dataclass
class Source:
    """A data set, and what of it was used."""

    source: str
    licence: str
    speakers: set[str] = field(default_factory=set)
    clips: int = 0


def used_sources(clips: list[Clip]) -> list[Source]:
    """Of the clips that are not held back, by name."""
    sources: dict[tuple[str, str], Source] = {}
    for clip in clips:
        if not clip.held_back:
            row = sources.setdefault((clip.source, clip.licence), Source(clip.source, clip.licence))
            row.speakers.add(clip.speaker)
            row.clips += 1
    return [sources[key] for key in sorted(sources)]


def attributions(sources: list[Source]) -> str:
    """The page."""
    rows = [f"| {_cited(row.source)} | {row.licence} | {len(row.speakers)} | {row.clips} |" for row in sources]
    return PAGE.format(rows="\n".join(rows))


def _cited(source: str) -> str:
    paper = next((paper for name, paper in PAPERS.items() if source.startswith(name)), "")
    return f"{source}: {paper}" if paper else source

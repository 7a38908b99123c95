# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of silence, so that a head rests before it has a sound: its canonical Gaussians are the mean of what it was
trained on, which is often the middle of a word.

Features of silence are the same at every moment, so one frame of them for each encoder is stored and no encoder runs.

Letters: C feature channels, A width of a branch's code.
"""

from functools import cache
from pathlib import Path

import numpy as np

from ..formats import HeadFile, UserError
from .audio_inference import FRAMES, WINDOW, AudioInference
from .condition import MAX_VALUE, Condition, Performance

SILENCE_FILE = Path(__file__).parent / "silence.npz"  # encoder -> [C] float32; written by samples.pack_silence


def rest_condition(head: HeadFile) -> Condition | None:
    """The head's condition in silence, expression neutral; None where its encoder or its audio nets are unknown here.

    The same as `baking`'s codes of silence to float32's rounding.
    """
    silence = _silence().get(head.card.audio_encoder)
    if silence is None:
        return None
    windows = np.broadcast_to(silence[:, None], (1, FRAMES, len(silence), WINDOW))
    codes, widths = {}, head.card.audio_code
    with np.errstate(all="ignore"):  # hostile weights: `Replay.at` holds what comes out of them
        for branch in head.card.branches:
            try:
                net = AudioInference(head.part(f"{branch}.audio"), len(silence), widths.get(branch, 0))
            except UserError:
                return None
            codes[branch] = net(windows)[0]
    return Condition(codes, np.zeros(len(head.card.expression), np.float32))


def resting_performance(head: HeadFile, rest: Condition | None) -> Performance | None:
    """The performance of a head that hears nothing, at any time in seconds: the condition `rest` and what the controls
    add to it. None where there is none, or it is no finite number."""
    if rest is None or not all((np.abs(code) < MAX_VALUE).all() for code in rest.audio.values()):  # NaN fails too
        return None
    names = head.card.expression
    return Performance(
        {branch: code[None] for branch, code in rest.audio.items()},
        rest.audio,
        np.zeros((1, len(names)), np.float32),
        names,
        np.zeros(1, np.float32),
        head.card.content_hash,
        "",
    )


def features_of_silence(encoder: str) -> np.ndarray:
    """[C] float32, without the encoder. Raises KeyError for one that is unknown here."""
    return _silence()[encoder]


@cache
def _silence() -> dict[str, np.ndarray]:
    with np.load(SILENCE_FILE) as rows:
        return dict(rows)

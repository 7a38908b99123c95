# SPDX-License-Identifier: GPL-3.0-or-later
"""Moonshine tiny-en's encoder (speech recognition, MIT, arXiv 2410.15608) through ONNX Runtime.

The model is part of the package; nothing is downloaded. Knows nothing of heads.

Letters: k feature frame, hop 384 samples (24 ms, 41.67 Hz), C = 288.

Receptive field of frame k (three convolutions, no padding; kernel, stride):
    127, 64 : n -> centre 64 n + 63
      7,  3 : m -> centre 64 (3 m + 3) + 63     = 192 m + 255
      3,  2 : k -> centre 192 (2 k + 1) + 255   = 384 k + 447,  extent 127 + 6*64 + 2*192 = 895 samples
so 447 zeros in front put the centre of frame k on sample 384 k.

The layers above attend to the whole input, and so a frame's values depend on how much there is: on read speech the
same three seconds alone and inside half a minute differ by 0.66 of the features' own deviation. A head trained on clips
would meet strange features in a long sound. Every sound is therefore encoded in spans of 4 s that overlap by half and
are blended by triangles: no seams, bounded memory, and the difference falls to 0.38 (correlation 0.96). Against one
pass over the whole half minute these features differ by 0.94 of their deviation: they are features of 4 s spans, not
approximations of a single pass. Whoever asks for a smaller overlap (`blended_spans`) has fewer spans to wait for.
not in the paper: chosen because the paper's encoder is unknown to us.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..formats import UserError
from .features import MARGIN, Encoder
from .sound import LEVEL_SECONDS, SILENT, SOUND_RATE, Sound, loudest_level

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = Path(__file__).parent / "moonshine_tiny_en" / "encoder_model.ort"
SHA256 = "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"
HOP, EXTENT, CENTRE = 384, 895, 447  # samples at 16 kHz
SPAN = 166  # frames of one pass: 3.98 s
STEP = SPAN // 2
LOUD = -50.0  # dB of full scale, root mean square of LEVEL_BLOCK
LEVEL_BLOCK = round(LEVEL_SECONDS * SOUND_RATE)  # samples
# Spans at once, a thread each. Not in the paper: chosen because two threads for one span take longer, spin between
# spans and so slow whatever numpy does there. The features are the same to the bit.
THREADS = 2


@lru_cache(maxsize=2)
def load_session(path: Path) -> "InferenceSession":
    """The network in `path`, after its bytes were checked. UserError when missing or not the known file."""
    # Version 1.32 writes an identity into the user's cache and asks a Microsoft host for attention every few seconds.
    # Only the environment stops it, and only before the import; `disable_telemetry_events` comes too late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # half a second of imports, which only this encoder needs

    fix = "reinstall talksplat (the model belongs to the package)"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"the speech model {path} cannot be read ({error.strerror or error}); {fix}.") from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise UserError(f"the speech model {path} is damaged (its SHA-256 differs from the published one); {fix}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def encode_pass(
    samples: np.ndarray,  # [N] float32 at 16 kHz, N >= EXTENT
) -> np.ndarray:
    """One pass of the network, [(N - EXTENT) // HOP + 1, 288]; frame k is centred on sample HOP k + CENTRE."""
    inputs = {"input_values": samples[None], "attention_mask": np.ones((1, len(samples)), dtype=np.int64)}
    return np.asarray(load_session(MODEL).run(["last_hidden_state"], inputs)[0])[0]


def encode_span(
    samples: np.ndarray,  # [(SPAN - 1) HOP + EXTENT] float32
) -> np.ndarray:
    """`encode_pass`, [SPAN,288], except that a span in which nothing is loud is silence.

    The network divides by its input's own level: four seconds of room tone at -80 dB give features that move as
    lively as speech. So a span whose loudest LEVEL_BLOCK is below SILENT counts as digital silence, one above LOUD is
    left as it is, and between them one fades into the other. Pauses between words are in spans with words and are not
    touched.
    not in the paper: chosen so that a head rests while nobody speaks.
    """
    level = loudest_level(samples[: len(samples) // LEVEL_BLOCK * LEVEL_BLOCK], SOUND_RATE)
    presence = float(np.interp(level, (SILENT, LOUD), (0.0, 1.0)))
    if presence == 1.0:
        return encode_pass(samples)
    silence = encode_silence(len(samples))
    return silence if presence == 0.0 else silence + np.float32(presence) * (encode_pass(samples) - silence)


@lru_cache(maxsize=1)
def encode_silence(count: int) -> np.ndarray:
    """`encode_pass` of `count` zeros; not to be written into."""
    return encode_pass(np.zeros(count, dtype=np.float32))


class Moonshine(Encoder):
    """Features of speech recognition, 288 channels every 24 ms, from overlapping spans of 4 s (see the module)."""

    name = "moonshine"
    channels = 288

    def times(self, sound: Sound) -> np.ndarray:
        """[T]: frame k is centred on sample 384 k, counted from MARGIN before time 0."""
        margin = round(MARGIN * SOUND_RATE) // HOP
        count = -(-len(sound.samples) // HOP) + 1 + 2 * margin
        return (np.arange(count) - margin) * (HOP / SOUND_RATE)

    def pieces(self, sound: Sound) -> Iterator[np.ndarray]:
        """[<=STEP,288] at a time. Raises UserError when the model's file is missing or damaged."""
        return blended_spans(sound, len(self.times(sound)))


def blended_spans(
    sound: Sound,
    count: int,  # T: frames from MARGIN before time 0
    overlap: int = SPAN - STEP,  # frames that a span shares with the next, 1 .. SPAN / 2
    project: Callable[[np.ndarray], np.ndarray] = np.asarray,  # [SPAN,288] -> [SPAN,P], affine
) -> Iterator[np.ndarray]:
    """The T frames in order, [<=SPAN-overlap,P] at a time.

    The first span starts `overlap` before the first frame, so that each frame is in one span or in two, whose weights
    sum to 1. Raises UserError when the model's file is missing or damaged.
    """
    step = SPAN - overlap
    before = (overlap + round(MARGIN * SOUND_RATE) // HOP) * HOP + CENTRE  # samples from the first span to time 0
    triangle = 1 - np.abs((np.arange(SPAN, dtype=np.float32) + 0.5) / (SPAN / 2) - 1)
    weights = np.minimum(triangle * (SPAN / 2 / overlap), 1)[:, None]
    left, falling = count, np.float32(0)  # of the span before, where this one rises
    for i, features in enumerate(_encode_spans(sound, range(-before, (overlap + count) * HOP - before, step * HOP))):
        span = weights * project(features)
        span[:overlap] += falling
        falling = span[step:]
        piece = span[0 if i else overlap : step][:left]
        left -= len(piece)
        if len(piece):
            yield piece


def _encode_spans(sound: Sound, starts: range) -> Iterator[np.ndarray]:
    """`encode_span` from each of these samples on; THREADS at once, and so many are waited for ahead."""
    load_session(MODEL)  # before the threads, which would each load it
    waiting: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for start in starts:
            samples = sound.stretch(start, start + (SPAN - 1) * HOP + EXTENT)
            waiting.append(pool.submit(encode_span, samples))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

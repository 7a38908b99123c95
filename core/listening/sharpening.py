# SPDX-License-Identifier: GPL-3.0-or-later
"""What the encoder `mouth_shapes` gives for a sound, sharpened by the phones that a text was aligned to.

Not in the paper: chosen by what it does to real lips and to closures (docs/research/align.md). A p, b or m that is
spoken is a closure, at the moment at which the encoder hears it best; in a vowel the encoder's own shape moves towards
the phone's as far as the encoder was not sure of it. Where the phones are not what is heard nothing changes, and
neither does anything a second and more from any phone.

Letters: T feature frames, K measures, Q phone classes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ..audio import MOUTH_MEASURES, PHONE_CLASSES, Features, phone_classes
from ..formats import TimedLabel

K = len(MOUTH_MEASURES)
MEASURES = {measure.name: k for k, measure in enumerate(MOUTH_MEASURES)}
APART, WIDTH, PUCKER = (MEASURES[name] for name in ("lips_apart", "mouth_width", "pucker"))
HEARD_CLOSURES = [K + PHONE_CLASSES.index(name) for name in ("p b", "m")]
# Class -> least lips_apart, mouth_width and pucker: those of samples/mouth_net/phonetics.toml, which has the sources.
SHAPES = {
    "uw": (0.4, 0.0, 1.0), "uh": (0.52, 0.25, 0.65), "ao": (0.8, 0.2, 0.65), "er": (0.5, 0.28, 0.65),
    "aa": (1.0, 0.55, 0.2), "ae": (0.95, 0.8, 0.1), "ah": (0.7, 0.52, 0.3), "eh": (0.75, 0.75, 0.15),
    "ih": (0.52, 0.75, 0.15), "iy": (0.48, 1.0, 0.0),
    "w": (0.0, 0.0, 1.0), "sh": (0.0, 0.2, 0.8), "r": (0.0, 0.2, 0.75),
}  # fmt: skip
# Measure -> what it is in a closure, and how much of the way there it goes. Lips pressed together are beyond 0: a head
# looks at moments 20 ms apart, and what is as short as a b comes out of its audio net more open than it went in.
CLOSURE = {"lips_apart": (-0.2, 1.0), "lip_press": (1.0, 1.0), "upper_lip": (0.15, 0.5), "lower_lip": (0.8, 0.5)}
FIRST_PART = 0.55  # of a diphthong, as in the phonetic table
CLOSED, FALLS_OFF = 0.02, 0.01  # seconds to either side of its moment that a closure is whole, and falls to 1/e
SHAPE_SHARE, OPEN_SHARE = 0.4, 0.3  # of the way to a phone's shape where the encoder gave its class no chance
SMOOTH = np.exp(-0.5 * (np.arange(-7, 8) / 2) ** 2)  # frames: a share does not jump where a phone begins
OTHERS = 0.25  # of the probability of classes that the text does not have there
# How well phones must fit to count, as in core/aligning: the mean of ln(the class's probability / the likeliest's),
# each at least WRONG; how fast trust falls around it; and the seconds to either side that it is the mean of.
HEARD, SHARP, WRONG, AROUND = -0.75, 10.0, -6.0, 1.0


def phone_path(phones: Sequence[TimedLabel], times: np.ndarray) -> np.ndarray:
    """[T] int: the number of the class of PHONE_CLASSES that is spoken at each of `times`, -1 where none is."""
    path, classes = np.full(len(times), -1), phone_classes(phone.label for phone in phones)
    for phone in phones:
        for start, end, number in _parts(phone, classes[phone.label]):
            path[slice(*np.searchsorted(times, (start, end)))] = number
    return path


def _parts(phone: TimedLabel, classes: tuple[int, ...]) -> Iterator[tuple[float, float, int]]:
    """A diphthong's first class lasts FIRST_PART of it; of three and more each as long."""
    shares = [0.0, FIRST_PART, 1.0] if len(classes) == 2 else np.linspace(0, 1, len(classes) + 1)
    edges = [phone.start + share * (phone.end - phone.start) for share in shares]
    return zip(edges, edges[1:], classes)


def confidence(features: Features, path: np.ndarray) -> float:
    """0..1: how surely the phones of a path [T] are what is heard; 0 without any."""
    known = path >= 0
    return float(_trust(_fits(features, path)[known].mean())) if known.any() else 0.0


def sharpened(features: Features, path: np.ndarray) -> Features:
    """The features with the phones of a path [T]; bit for bit the same where there are none around."""
    known, rows = path >= 0, np.arange(len(path))
    trust = np.where(known, _trust(_around(_fits(features, path), known, round(AROUND / features.hop))), 0.0)
    values = features.values.copy()
    unsure = trust * (1 - values[rows, K + path])
    _shape(values, path, unsure)
    _close(values, features, path, trust)
    _choose(values, path, trust)
    return Features(values, features.times)


def _shape(values: np.ndarray, path: np.ndarray, unsure: np.ndarray) -> None:
    table = np.full((len(PHONE_CLASSES) + 1, 3), np.nan)  # the last row: -1, nobody
    for name, shape in SHAPES.items():
        table[PHONE_CLASSES.index(name)] = shape
    columns, targets = [APART, WIDTH, PUCKER], table[path]
    steps = np.nan_to_num(targets - values[:, columns]) * unsure[:, None] * (OPEN_SHARE, SHAPE_SHARE, SHAPE_SHARE)
    steps[:, 0] = np.maximum(steps[:, 0], 0)  # a vowel is at least so open, and may be more
    for column, step in zip(columns, steps.T):
        if step.any():
            values[:, column] += np.convolve(step, SMOOTH / SMOOTH.sum(), "same")


def _close(values: np.ndarray, features: Features, path: np.ndarray, trust: np.ndarray) -> None:
    """Each p, b and m: whole around the moment of its span that the encoder takes most for one."""
    heard = features.values[:, HEARD_CLOSURES].sum(axis=1) - features.values[:, APART]
    reach = round((CLOSED + 6 * FALLS_OFF) / features.hop)
    outside = np.maximum(np.abs(np.arange(-reach, reach + 1)) * features.hop - CLOSED, 0.0)
    shape, closure = np.exp(-outside / FALLS_OFF), np.zeros(len(values) + 2 * reach)
    for first, stop in _closures(path):
        best = first + int(heard[first:stop].argmax())
        around = slice(best, best + 2 * reach + 1)
        closure[around] = np.maximum(closure[around], trust[best] * shape)
    closure = closure[reach : reach + len(values)]
    for name, (target, share) in CLOSURE.items():
        column = values[:, MEASURES[name]]
        column += closure * share * (target - column)


def _closures(path: np.ndarray) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[-1, path, -1]))
    for first, stop in zip(edges.tolist(), edges[1:].tolist()):
        if K + path[first] in HEARD_CLOSURES:
            yield first, stop


def _choose(values: np.ndarray, path: np.ndarray, trust: np.ndarray) -> None:
    """What is heard times what the text says, as probabilities."""
    rows = np.flatnonzero(trust)
    prior = np.repeat(1 - (1 - OTHERS) * trust[rows, None], len(PHONE_CLASSES), axis=1)
    prior[np.arange(len(rows)), path[rows]] = 1
    likely = values[rows, K:] * prior
    values[rows, K:] = likely / likely.sum(axis=1, keepdims=True)


def _fits(features: Features, path: np.ndarray) -> np.ndarray:
    """[T]: ln(the probability of the path's class / the likeliest's), at least WRONG."""
    heard = features.values[:, K:]
    shares = heard[np.arange(len(path)), path] / np.maximum(heard.max(axis=1), 1e-9)
    return np.log(np.maximum(shares, np.exp(WRONG)))


def _around(fits: np.ndarray, known: np.ndarray, reach: int) -> np.ndarray:
    """[T]: the mean of those known within `reach` frames."""
    sums, counts = (np.cumsum(np.r_[0.0, row]) for row in (np.where(known, fits, 0.0), known))
    first, stop = np.maximum(np.arange(len(fits)) - reach, 0), np.minimum(np.arange(len(fits)) + reach + 1, len(fits))
    return (sums[stop] - sums[first]) / np.maximum(counts[stop] - counts[first], 1)


def _trust(fit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(fit - HEARD) * SHARP))

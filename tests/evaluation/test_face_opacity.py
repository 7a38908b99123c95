# SPDX-License-Identifier: GPL-3.0-or-later
"""A training of 1,000 steps left faces half transparent (alpha 0.53; 0.95 after 6,000), and nothing said so."""

import numpy as np
import pytest

from talksplat.core.evaluation import Evaluator, evaluation_tables, measure_face_opacity, opacity_warning
from talksplat.core.footage import Footage
from talksplat.core.formats.head_file import HeadFile, read_head
from talksplat.core.jobs.events import Warned


def run(generator):
    """What a generator returns."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def with_opacity(head, change):
    """A head whose Gaussians' opacities are changed."""
    tensors = {
        name: change(value).astype(np.float32) if name.endswith("gaussians.opacities") else value
        for name, value in head.tensors.items()
    }
    return HeadFile(head.card, tensors)


def test_the_figure_is_the_alpha_of_what_is_drawn(smoke, tiny_footage):
    head, footage = read_head(smoke[1]), Footage.open(tiny_footage)
    changes = {"gone": lambda a: 0 * a, "faint": lambda a: 0.05 * a, "solid": lambda a: np.full_like(a, 0.999)}
    measured = {
        name: run(measure_face_opacity(Evaluator(with_opacity(head, change), footage)))
        for name, change in changes.items()
    }
    alpha = {name: opacity["alpha inside the face"] for name, opacity in measured.items()}
    assert alpha["gone"] == 0
    assert 0 < alpha["faint"] < 0.6 < 0.9 < alpha["solid"] <= 1
    assert measured["solid"]["opaque share"] > 0.9
    assert measured["faint"]["opaque share"] < 0.1
    assert measured["solid"]["pictures"] == 9
    sentence = opacity_warning("anna.head", measured["faint"])
    assert sentence.startswith("anna.head: the face is not opaque yet")
    assert "more steps" in sentence
    assert opacity_warning("anna.head", measured["solid"]) == ""


def test_a_training_says_how_opaque_its_face_is(smoke):
    events, head, work = smoke
    opacity = read_head(head).card.training["results"]["opacity"]
    alpha = opacity["alpha inside the face"]
    assert events[-1].result["face_alpha"] == alpha
    warned = [event.sentence for event in events if isinstance(event, Warned) and "not opaque" in event.sentence]
    assert bool(warned) == (alpha < 0.9)
    assert f"| face | 9 | {alpha:.2f} |" in evaluation_tables({"opacity": opacity})
    assert "alpha inside the face" in (work / "report.html").read_text()


def test_without_a_frontal_picture_there_is_no_figure_and_no_warning():
    assert opacity_warning("anna.head", {}) == ""
    assert "opacity" not in evaluation_tables({})


@pytest.mark.parametrize("alpha", [0.53, 0.899])
def test_what_is_too_short_is_warned_about(alpha):
    assert f"alpha {alpha:.2f} inside it" in opacity_warning("anna.head", {"alpha inside the face": alpha})

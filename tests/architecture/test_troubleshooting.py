# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md is today's, and no sentence that a user can meet is missing from it."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs_build"))

import messages  # noqa: E402
import troubleshooting  # noqa: E402

# They hand on a sentence that was made elsewhere, and say nothing of their own: file -> how often.
HANDED_ON = {
    "blender_addon/f12/handlers.py": 1,
    "blender_addon/open_files.py": 1,
    "blender_addon/operators/make_self_contained.py": 1,
    "blender_addon/playback.py": 4,
    "core/aligning/align.py": 1,
    "core/baking/farm/shots.py": 1,
    "core/baking/render.py": 2,
    "core/dispatch.py": 1,
    "core/formats/json_codec.py": 1,
    "core/performance/condition.py": 1,
    "core/performance/replay.py": 1,
    "core/preparing/clip_list.py": 2,
    "core/training/train.py": 1,
    "core/worker.py": 2,
}


@pytest.fixture(scope="module")
def source():
    return messages.Source(ROOT)


def test_the_page_is_current(source):
    assert troubleshooting.PAGE.read_text(encoding="utf-8") == troubleshooting.page(source), (
        "run `make troubleshooting`"
    )


def spoken(tree):
    """By a search of its own: the words that stand in a call of an error or a warning itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and messages.called(node) in messages.SAID:
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.count(" ") >= 3:
                    yield " ".join(part.value.replace("{}", "<path>").split())


def test_all_words_of_every_error_are_in_the_page(source):
    text = troubleshooting.PAGE.read_text(encoding="utf-8")
    words = {(file, said) for file, tree in source.trees.items() for said in spoken(tree)}
    assert len(words) > 400
    assert {(file, said) for file, said in words if said not in text} == set()


def test_a_place_without_words_of_its_own_is_known_to_hand_a_sentence_on(source):
    found = {}
    for site in source.sites():
        if not site.templates and not site.is_return:
            found[site.file] = found.get(site.file, 0) + 1
    assert found == HANDED_ON


def test_a_sentence_is_followed_through_names_constants_and_parameters(tmp_path):
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.py").write_text(
        "FIX = 'copy the whole file again'\n"
        "def fail(path, what):\n    raise UserError(f'{path}: {what}; {FIX}.')\n"
        "def read(path):\n    fail(path, 'is cut short' if path else 'has no end at all')\n",
        encoding="utf-8",
    )
    [site] = messages.Source(tmp_path).sites()
    ends = "; copy the whole file again."
    assert site.templates == {f"<path>: is cut short{ends}", f"<path>: has no end at all{ends}"}

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads of an error is words: `(BadZipFile)` and `(ErrorException)` told nobody what to do."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Our own mistakes, and a library that does not load: the name is what somebody looks for.
FOR_ENGINEERS = {"core/worker.py", "core/raster/gsplat_backend.py"}


def caught_names_shown(path):
    """Lines in which `type(error).__name__` is of an exception that was caught there."""
    for handler in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(handler, ast.ExceptHandler):
            continue
        for node in ast.walk(handler):
            if isinstance(node, ast.Attribute) and node.attr == "__name__" and isinstance(node.value, ast.Call):
                arguments = [arg.id for arg in node.value.args if isinstance(arg, ast.Name)]
                if arguments == [handler.name]:
                    yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"


def test_no_sentence_shows_the_class_of_an_exception():
    files = [path for part in ("core", "blender_addon") for path in (ROOT / part).rglob("*.py")]
    shown = [line for path in files for line in caught_names_shown(path)]
    assert shown, "the search finds what it should"
    assert [line for line in shown if line.split(":")[0] not in FOR_ENGINEERS] == []

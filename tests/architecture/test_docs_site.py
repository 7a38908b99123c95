# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that `make docs` built works from a folder: nothing of a page is fetched from a server, and search is in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs"
FETCHED = re.compile(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(?:https?:)?//[^\"]*|<link[^>]*stylesheet[^>]*//[^>]*")


@pytest.fixture(scope="module")
def pages():
    found = sorted(SITE.rglob("*.html"))
    if not found:
        pytest.skip("the site is not built: run `make docs`")
    return found


def test_a_page_fetches_nothing_from_a_server(pages):
    assert [
        (page.name, FETCHED.findall(page.read_text(encoding="utf-8")))
        for page in pages
        if FETCHED.search(page.read_text(encoding="utf-8"))
    ] == []


def test_search_finds_a_word_of_every_page_of_docs(pages):
    index = (SITE / "search" / "search_index.js").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.relative_to(ROOT / "docs").with_suffix(".html").as_posix() in index, page.name

# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of `make docs` works from a folder: nothing is fetched, search is in it, and a dead link fails the build."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs"
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
FETCHED = re.compile(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(?:https?:)?//[^\"]*|<link[^>]*stylesheet[^>]*//[^>]*")


@pytest.fixture(scope="module")
def pages():
    found = sorted(SITE.rglob("*.html"))
    if not found:
        pytest.skip("the site is not built: run `make docs`")
    return found


def test_a_page_fetches_nothing_from_a_server(pages):
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    assert {name: FETCHED.findall(text) for name, text in texts.items() if FETCHED.search(text)} == {}


def test_search_finds_every_page_of_docs(pages):
    index = (SITE / "search" / "search_index.js").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.relative_to(ROOT / "docs").with_suffix(".html").as_posix() in index, page.name


@pytest.mark.parametrize("link", ["nowhere.md", "files.md#nowhere", "nowhere.jpg"])
def test_a_dead_link_fails_the_build_of_make_docs(link, tmp_path):
    if not MKDOCS.is_file():
        pytest.skip("MkDocs is not here: run `make docs`")
    for name in ("docs", "docs_build"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "README.md", "ARCHITECTURE.md"):
        shutil.copy(ROOT / name, tmp_path)
    [command] = re.findall(r"\$\(VENVDOCS\)/bin/mkdocs (build.*)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    with (tmp_path / "docs" / "takes.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[a link]({link})\n")
    done = subprocess.run([MKDOCS, *command.split()], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert link.partition("#")[2] or link in done.stdout + done.stderr

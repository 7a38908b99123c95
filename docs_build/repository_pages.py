# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's pages that lie outside docs/: the README is its home, ARCHITECTURE.md is *How it works* and *API*.

A hook of MkDocs (mkdocs.yml names it). The files stay where a reader of the repository looks for them; here their links
become those of the site. What search needs in a page that was opened as a file is iframe_worker.js beside this module,
which the theme would fetch from a server.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- public API: written by `make api` -->\n", "<!-- end of the public API -->\n"
THEIR_SHIM, OUR_SHIM = "https://unpkg.com/iframe-worker/shim", "assets/iframe_worker.js"
SITES = {"README.md": "index.md", "ARCHITECTURE.md": "architecture.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    before, rest = _read("ARCHITECTURE.md").split(BEGIN, 1)
    table, after = rest.split(END, 1)
    pages = {
        "index.md": _read("README.md"),
        "architecture.md": before.removesuffix("\n") + "\nIt is a page of its own: [API](api.md).\n" + after,
        "api.md": "# The public API\nWhat each package exports; other packages import from there only.\n\n" + table,
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=_from_top(text)))
    files.append(File.generated(config, OUR_SHIM, content=_read("docs_build/iframe_worker.js")))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """A link from docs/ up into the repository leads to the site's page of that file."""
    for name, page in SITES.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return markdown


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Search runs without a network."""
    return output.replace(THEIR_SHIM, get_relative_url(OUR_SHIM, page.url))


def on_post_template(output_content: str, **_: object) -> str:
    """The same for the page of what is not there."""
    return output_content.replace(THEIR_SHIM, f"/{OUR_SHIM}")


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _from_top(text: str) -> str:
    """Links as the top of the repository writes them, as docs/ writes them; pages in backticks become links."""
    text = re.sub(r"`docs/([\w/]+\.md)`", r"[\1](\1)", text)
    return text.replace("](docs/", "](")

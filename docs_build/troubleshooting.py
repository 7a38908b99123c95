# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/troubleshooting.md: every sentence that a user can meet, by area, each with the files that say it.

python docs_build/troubleshooting.py      writes it (`make troubleshooting`)
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from messages import Source

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
HEAD = """# Troubleshooting
Every sentence by which TalkSplat says that something is wrong or missing, in Blender, in a shell and on a farm. Search
this page for a few words of what you read, without names and numbers: those are `<in angle brackets>` here. A sentence
says what is wrong and, after the semicolon, what to do. The page is written from the source code, so that none is
missing.
"""


def area_of(file: str, areas: list[dict]) -> dict | None:
    """The area with the longest beginning of `file`."""
    fitting = [(len(start), i) for i, area in enumerate(areas) for start in area["files"] if file.startswith(start)]
    return areas[max(fitting)[1]] if fitting else None


def page(source: Source) -> str:
    """The page's markdown. Raises KeyError for a file that is of no area."""
    areas = tomllib.loads((Path(__file__).with_name("areas.toml")).read_text(encoding="utf-8"))["area"]
    sentences = defaultdict(set)
    for site in source.sites():
        area = area_of(site.file, areas)
        if site.templates and area is None:
            raise KeyError(f"{site.file}: no area of areas.toml has it")
        if area is not None:
            sentences[area["title"]] |= {as_code(template) for template in site.templates}
    parts = [HEAD]
    for area in areas:
        rows = sorted(sentences[area["title"]], key=lambda row: row.strip("`").casefold())
        parts.append(f"## {area['title']}\n{area['text'].strip()}\n\n" + "".join(f"* {row}\n" for row in rows))
    return "\n".join(parts)


def as_code(template: str) -> str:
    """A sentence as a code span, on one line; one with backticks has two around it."""
    text = re.sub(r"(?<!\.)\.\.(?!\.)", ".", " ".join(template.split()))  # a reason is said as a sentence, too
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def main() -> int:
    """Write it; the exit code."""
    PAGE.write_text(page(Source(ROOT)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

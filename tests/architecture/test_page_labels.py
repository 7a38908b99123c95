# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages call a button, a setting and a menu what the window calls them: each *Label* and *Menu ▸ Label* of the
README and docs/ is a text of the add-on, a channel of a head's rig, or in the list of Blender's own below. A link leads
to a page and a heading that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = [*(ROOT / "blender_addon").rglob("*.py"), ROOT / "core/performance/controls.py", ROOT / "core/baking/passes.py"]
TEXTS += [ROOT / "core/exporting/exporters.py"]
ITALICS = re.compile(r"(?<![*\w])\*(?![*\s])([^*]+?)\*(?![*\w])")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLENDERS = """Add, Add-ons, Adjust Last Operation, Allow Online Access, Apply Transform, Auto Blend In/Out, Collision,
Custom Properties, Edit, File, Film, Flat, Gaussian Splat, Get Extensions, Import, Install from Disk, Material, New,
OK, Object Properties, Preferences, Push Down, Set Point Cloud Type, Space, Transparent, Type, USD, Visibility, ▾"""
FAMILIES = {"Detail", "Side"}  # of channels: Detail 1, Detail 2 ...; Smile Side ...
ARKIT = {"jawOpen", "eyeBlinkLeft"}  # what an avatar's channels are called


def shown_texts() -> set[str]:
    """What the add-on shows, or may show: its strings, the rig's channels, its presets."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in TEXTS]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    measures = ast.parse((ROOT / "core/rigging/directions.py").read_text(encoding="utf-8"))
    names = {node.value for node in ast.walk(measures) if isinstance(node, ast.Constant)}
    channels = {name.replace("_", " ").title() for name in names if isinstance(name, str) and name.isidentifier()}
    presets = {path.stem for path in (ROOT / "blender_addon/presets").rglob("*.py")}
    return (
        {text for text in texts if isinstance(text, str)} | channels | {f"{name} Side" for name in channels} | presets
    )


def labels(page: Path) -> set[str]:
    """Of *Menu ▸ Label* both; an emphasis that is a sentence is none."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    italics = {" ".join(found.split()) for found in ITALICS.findall(text)}
    return {part.strip().removesuffix("...") for label in italics for part in re.split("[▸>]", label)}


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_label_of_a_page_is_one_that_is_shown(page):
    known = shown_texts() | set(re.split(r",\s+", BLENDERS)) | FAMILIES | ARKIT
    assert labels(page) - known == set()


@pytest.mark.parametrize("page", GUIDES[1:], ids=lambda page: page.name)
def test_a_page_is_reached_from_the_readme(page):
    assert f"docs/{page.name}" in GUIDES[0].read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page):
    targets = [t for t in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))) if "://" not in t]
    for target in targets:
        name, _, heading = target.partition("#")
        there = (page.parent / name) if name else page
        assert there.is_file(), target
        assert not heading or heading in anchors(there), target

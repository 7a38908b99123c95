# SPDX-License-Identifier: GPL-3.0-or-later
"""A self-contained HTML page and its parts: one style for every report. Knows no report.

Parts are HTML; everything else is plain text and gets escaped.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from ..formats import atomic_write

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fafafa;max-width:1340px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin:2em 0 .6em}p,ul{max-width:52em;margin:.5em 0}
dl{display:grid;grid-template-columns:max-content auto;gap:2px 1.2em}dt,figcaption,.note{color:#555}dd{margin:0}
dd,td,pre{overflow-wrap:anywhere}.note,figcaption,table,pre{font-size:13px}
.row{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(var(--least),100%),1fr));gap:16px}
figure{margin:0 0 8px}img{max-width:100%;display:block}.row img{width:100%}
svg{width:100%;background:#fff;border:1px solid #e3e3e3;box-sizing:border-box;font:11px system-ui,sans-serif}
.g{stroke:#eee}.m{text-anchor:middle}.e{text-anchor:end}.t{font-weight:600}.s{fill:#777}.b{stroke:#bbb}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.6em 0;font-variant-numeric:tabular-nums}
td,th{padding:3px 9px;text-align:right;vertical-align:bottom;border-bottom:1px solid #e3e3e3;white-space:nowrap}
td:first-child,th:first-child,.why{text-align:left}.why{white-space:normal}.bad{color:#b3261e;font-weight:600}
pre{background:#f0f0f0;padding:.6em;white-space:pre-wrap}
"""


def write_page(path: Path, title: str, heading: str, parts: Iterable[str]) -> None:
    """Write a page atomically: plain text `title` (the browser tab) and `heading`, then the HTML parts."""
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"/><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(heading)}</h1>{''.join(parts)}</body></html>\n"
    )
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def definition_list(texts: Mapping[str, str]) -> str:
    """Names and values, one below the other; plain text."""
    return f"<dl>{''.join(f'<dt>{escape(a)}</dt><dd>{escape(b)}</dd>' for a, b in texts.items())}</dl>"


def side_by_side(parts: Iterable[str], min_width: int = 360) -> str:
    """Parts in rows, as many next to each other as fit at `min_width` pixels or more."""
    return f'<div class="row" style="--least:{min_width}px">{"".join(parts)}</div>'


def html_figure(image: bytes, kind: str, caption: str) -> str:
    """An embedded picture. image: the bytes of a file; kind: "png" or "jpeg"; caption: plain text."""
    data = base64.b64encode(image).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/{kind};base64,{data}"/>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML."""
    lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for cells in rows]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'

# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the public API in ARCHITECTURE.md, from what each package of core exports and its docstrings.

    python tests/architecture/api_table.py      writes it (`make api`)

Read from the source alone, nothing is imported. A constant's line is the comment beside it.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- public API: written by `make api` -->\n", "<!-- end of the public API -->\n"
LONGEST = 220  # characters of a line's text


def packages() -> list[Path]:
    """The packages of core, density inside training among them."""
    return sorted(path.parent for path in (ROOT / "core").rglob("__init__.py") if path.parent != ROOT / "core")


def exported(package: Path) -> dict[str, Path]:
    """Name -> the file that defines it, in the order of `__all__`."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    where = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            where |= {alias.asname or alias.name: package / f"{node.module}.py" for alias in node.names}
    names = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and _is_all(n)), [])
    return {name: where.get(name, package / "__init__.py") for name in sorted(names, key=str.lower)}


def _is_all(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)


def described(name: str, file: Path) -> tuple[str, str]:
    """(how it is written, its first sentence)."""
    source = file.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        overload = isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "overload" for d in node.decorator_list)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name and not overload:
            written = signature(node) if isinstance(node, ast.FunctionDef) else name
            return written, first_sentence(ast.get_docstring(node) or "")
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(n, ast.Name) and n.id == name for t in targets if t for n in ast.walk(t)):
            return name, comment_of(source.splitlines(), node.lineno)
    return name, ""


def signature(node: ast.FunctionDef) -> str:
    """name(parameters), without types: those are in the source."""
    spec = node.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    optional = len(spec.defaults)
    shown = [name + ("=" if i >= len(names) - optional else "") for i, name in enumerate(names)]
    shown += [f"*{spec.vararg.arg}"] if spec.vararg else []
    shown += [f"{a.arg}=" if d is not None else a.arg for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]
    shown += [f"**{spec.kwarg.arg}"] if spec.kwarg else []
    return f"{node.name}({', '.join(shown)})"


def first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]
    return sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"


def comment_of(lines: list[str], number: int) -> str:
    """The comment behind an assignment, or above it."""
    if "  # " in lines[number - 1]:
        return lines[number - 1].split("  # ", 1)[1]
    above = []
    while number >= 2 and lines[number - 2].startswith("# "):
        above.insert(0, lines[number - 2][2:])
        number -= 1
    return first_sentence(" ".join(above))


def table() -> str:
    """The section in markdown."""
    parts = []
    for package in packages():
        names = exported(package)
        about = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
        path = package.relative_to(ROOT).as_posix()
        parts.append(f"### `{path}`\n{about.strip()}\n")
        if names:
            rows = [described(name, file) for name, file in names.items()]
            parts.append("| name | |\n|---|---|\n" + "".join(f"| `{a}` | {escaped(b)} |\n" for a, b in rows))
    return "\n".join(parts)


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def page(old: str) -> str:
    """The page with today's table."""
    before, rest = old.split(BEGIN, 1)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END, 1)[1]


def main() -> int:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

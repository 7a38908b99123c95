# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sentence that a user can meet, read from the source: nothing is imported or run.

A sentence is the first argument of a call in SAID, or what a function returns whose name ends as one of ENDS. Its parts
that are known at run time alone are in angle brackets. A name is followed to the constant of any module, to what its
function assigned to it, and, where it is a parameter, to what the callers hand over.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import NamedTuple

PARTS = ("core", "blender_addon", "samples")
SAID = {"UserError": 0, "Warned": 0, "Failed": 0, "Problem": 0, "FileCache": 1}  # class -> the place of its sentence
ENDS = (
    "reason",
    "sentence",
    "sentence_of",
    "warning",
    "warnings",
    "fault",
    "problem",
    "error",
    "soundtrack_of",
    "missing_in",
    "load",
    "open_tensorboard",
)  # functions that say
DEEPEST = 5  # names that lead to names
MOST = 24  # ways to read one sentence whose parts have several
TEXT_METHODS = {"rstrip", "lstrip", "strip", "removesuffix", "removeprefix", "format", "replace"}
FILES = {
    "path",
    "source",
    "where",
    "folder",
    "file",
    "title",
    "out",
    "prefix",
    "name",
}  # never followed
VAGUE = {"str", "len", "join", "self", "name", "float", "int", "min", "max", "sorted", "tuple", "getinfo"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Site(NamedTuple):
    """A place that says something."""

    file: str  # from the top of the repository
    line: int
    is_return: bool  # of a function that gives a reason
    templates: frozenset[str]  # empty: it hands on a sentence that was made elsewhere


class Source:
    """The modules of the repository at `root`."""

    def __init__(self, root: Path) -> None:
        paths = sorted(path for part in PARTS for path in (root / part).rglob("*.py"))
        self.trees = {p.relative_to(root).as_posix(): ast.parse(p.read_text(encoding="utf-8")) for p in paths}
        self._inside: dict[ast.AST, Function | None] = {}
        self._known: dict[tuple[ast.expr, int], set[str]] = {}
        self._given_names: dict[ast.AST, dict[str, list[ast.expr]]] = {}
        for tree in self.trees.values():
            self._enter(tree, None)

    def _enter(self, node: ast.AST, function: Function | None) -> None:
        """Remembers of each node the function that it stands in."""
        self._inside[node] = function
        inner = node if isinstance(node, Function) else function
        for child in ast.iter_child_nodes(node):
            self._enter(child, inner)

    @cached_property
    def constants(self) -> dict[str, list[ast.expr]]:
        """NAME -> what modules assign to it."""
        found = defaultdict(list)
        for tree in self.trees.values():
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    found[node.targets[0].id].append(node.value)
        return found

    @cached_property
    def returns(self) -> dict[str, list[ast.expr]]:
        """The name of a function -> what functions of that name return or yield."""
        found = defaultdict(list)
        for node, function in self._inside.items():
            if function is not None and isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                found[function.name].append(node.value)
        return found

    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """The last name of what is called -> the calls."""
        found = defaultdict(list)
        for node in self._inside:
            if isinstance(node, ast.Call) and (name := called(node)):
                found[name].append(node)
        return found

    @cached_property
    def said(self) -> dict[str, int]:
        """SAID with the classes that are derived from its own."""
        names = dict(SAID)
        for node in self._inside:
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    if isinstance(base, ast.Name) and base.id in names:
                        names[node.name] = names[base.id]
        return names

    def sites(self) -> Iterator[Site]:
        """Every place, in the order of the files."""
        for file, tree in self.trees.items():
            for node in ast.walk(tree):
                said = self._sentence(node)
                if said is not None:
                    templates = frozenset(t for t in self.read(said) if has_words(t))
                    yield Site(file, said.lineno, isinstance(node, ast.Return), templates)

    def _sentence(self, node: ast.AST) -> ast.expr | None:
        if isinstance(node, ast.Call):
            place = self.said.get(called(node))
            return node.args[place] if place is not None and len(node.args) > place else None
        function = self._inside[node]
        is_reason = function is not None and function.name.endswith(ENDS)
        return node.value if is_reason and isinstance(node, ast.Return) else None

    def read(self, node: ast.expr, depth: int = 0) -> set[str]:
        """`_read`, each expression once a depth."""
        key = (node, depth)
        if key not in self._known:
            self._known[key] = self._read(node, depth)
        return self._known[key]

    def _read(self, node: ast.expr, depth: int) -> set[str]:
        """The ways in which an expression may read; {<name>} where that is known at run time alone."""
        match node:
            case ast.Constant(value=str(text)):
                return {text.replace("{}", "<path>")}
            case ast.JoinedStr(values=values):
                return self._joined([v.value if isinstance(v, ast.FormattedValue) else v for v in values], depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right], depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self.read(body, depth) | self.read(orelse, depth)
            case ast.BoolOp(values=values):
                return set().union(*(self.read(value, depth) for value in values))
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in TEXT_METHODS:
                return self.read(value, depth)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return set().union(*(self.read(part, depth) for part in parts))
            case ast.NamedExpr(value=value):
                return self.read(value, depth)
            case ast.Call() if called(node).endswith(ENDS) and called(node) in self.returns and depth < DEEPEST:
                return self._first(self.returns[called(node)], depth + 1) or {f"<{shown(node)}>"}
            case ast.Name(id=name) if name not in FILES and depth < DEEPEST:
                return {t for t in self._named(node, name, depth + 1) if has_words(t, 2)} or {f"<{shown(node)}>"}
            case ast.Attribute(attr=name) if name.isupper() and name in self.constants and depth < DEEPEST:
                return self._first(self.constants[name], depth + 1)
        return {f"<{shown(node)}>"}

    def _joined(self, parts: list[ast.expr], depth: int) -> set[str]:
        ways = [sorted(self.read(part, depth)) for part in parts]
        count = 1
        for i, way in enumerate(ways):  # a part that reads in very many ways is named instead
            count *= len(way)
            if count > MOST:
                count, ways[i] = count // len(way), [f"<{shown(parts[i])}>"]
        return {"".join(way) for way in product(*ways)}

    def _first(self, values: list[ast.expr], depth: int) -> set[str]:
        return {t for value in values if is_text(value) for t in self.read(value, depth)}

    def _named(self, node: ast.Name, name: str, depth: int) -> set[str]:
        function = self._inside[node]
        if function is None or name.lstrip("_").isupper():
            return self._first(self.constants.get(name, []), depth)
        if values := self._assigned(function).get(name):
            return self._first(values, depth)
        parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        if name not in (*parameters, *(a.arg for a in function.args.kwonlyargs)):
            return set()
        given = [self._given(call, name, parameters) for call in self.calls[function.name]]
        return self._first([value for value in given if value is not None], depth)

    def _assigned(self, function: Function) -> dict[str, list[ast.expr]]:
        """A function's own names -> what is assigned to them, or what a loop takes them from."""
        if function not in self._given_names:
            found = self._given_names[function] = defaultdict(list)
            for node in ast.walk(function):
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        found[name].append(value)
                    case ast.NamedExpr(target=ast.Name(id=name), value=value):
                        found[name].append(value)
                    case ast.For(target=ast.Name(id=name), iter=value):
                        found[name].append(value)
        return self._given_names[function]

    @staticmethod
    def _given(call: ast.Call, name: str, parameters: list[str]) -> ast.expr | None:
        for keyword in call.keywords:
            if keyword.arg == name:
                return keyword.value
        names = parameters[1:] if parameters[:1] in (["self"], ["cls"]) else parameters
        at = names.index(name) if name in names else len(call.args)
        return call.args[at] if at < len(call.args) else None


def called(node: ast.Call) -> str:
    """`error` of `head.error(...)` and of `error(...)`."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_text(node: ast.expr) -> bool:
    """Whether an expression has words of its own, or leads to some."""
    return any(
        isinstance(n, ast.JoinedStr | ast.Name | ast.Call)
        or (isinstance(n, ast.Constant) and isinstance(n.value, str) and " " in n.value)
        for n in ast.walk(node)
    )


def has_words(template: str, fewest: int = 3) -> bool:
    """At least so many words outside of angle brackets."""
    depth, outside = 0, ""
    for sign in template:
        depth += (sign == "<") - (sign == ">")
        outside += sign if depth == 0 else " "
    return len([word for word in outside.split() if any(c.isalpha() for c in word)]) >= fewest


def shown(node: ast.expr) -> str:
    """What stands in angle brackets: the last name in the expression."""
    names = [
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute | ast.Name)
    ]
    plain = [name for name in names if name not in VAGUE] or names
    return (plain[0] if plain else "value").strip("_").replace("_", " ").lower()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Dataclasses as plain JSON values and back, strictly: for the cards in files and for the wire.

Field types: str, bool, int, float, Fraction, a dataclass, dict (opaque JSON), dict[str, X], tuple[X, ...], X | None.
"""

import json
import math
import re
import types
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from .ratio import parse_ratio
from .user_error import UserError

# Metadata of a field that came later: files that do not need it are written as before, for older readers.
LATER = {"later": True}


def to_json_values(value: Any) -> Any:
    """The JSON values of a dataclass, or of any value that a field may have; a Fraction becomes "25/1".

    Of a dataclass that says `without_defaults = True` (a class variable) only the fields that are not at their default;
    so of a field whose metadata is LATER.
    """
    if is_dataclass(value):
        of_all, values = _leaves_out_defaults(value), [(f, getattr(value, f.name)) for f in fields(value)]
        values = [(f, v) for f, v in values if v != f.default or not (of_all or f.metadata == LATER)]
        return {f.name: to_json_values(item) for f, item in values}
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, dict):
        return {key: to_json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_values(item) for item in value]
    return value


def _leaves_out_defaults(kind: Any) -> bool:
    return getattr(kind, "without_defaults", False)


def to_json(value: Any) -> str:
    """One line with sorted keys: equal values, equal text. Raises ValueError for NaN and infinity."""
    return json.dumps(to_json_values(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def to_pretty_json(value: Any) -> str:
    """As `to_json`, for people to read: indented, fields in their own order, the rows of a matrix a line each."""
    text = json.dumps(to_json_values(value), ensure_ascii=False, allow_nan=False, indent=1)
    # No text of JSON holds a line break: only the layout changes, wherever a bracket stands.
    return re.sub(r"\[[^\[\]{}]*\]", lambda match: re.sub(r"\n *", " ", match[0]), text) + "\n"


def from_json(text: str | bytes, source: str) -> Any:
    """JSON values of untrusted text; NaN, duplicate keys and lone surrogates are rejected. `source` names the file in
    the UserError."""

    def reject_duplicates(pairs: list[tuple[str, Any]]) -> dict:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ValueError("duplicate key")
        return table

    def reject_constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text, object_pairs_hook=reject_duplicates, parse_constant=reject_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # raises for 1e999 and lone surrogates
        return value
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise UserError(f"{source}: its JSON cannot be read; copy it again or recreate it.") from error


def require_version(card: Any, newest: int, source: Path | str) -> Any:
    """`card` (JSON values) when its version is `newest` or older. Raises UserError."""
    version = card.get("version") if isinstance(card, dict) else None
    if type(version) is not int or version < 1:
        raise UserError(f"{source}: its card has no version; copy it again or recreate it.")
    if version > newest:
        raise UserError(f"{source}: made by a newer talksplat (version {version}); update this one.")
    return card


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def from_json_values(kind: Any, value: Any, source: str, complete: bool = False) -> Any:
    """`value` (from `from_json`) as a `kind`, every type checked; unknown fields are rejected.

    source: begins the sentence of an error (a file's name, "a message"). complete: reject missing fields even where
    they have defaults. Raises UserError.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind, value, source, complete)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is types.UnionType:  # X | None
        return None if value is None else from_json_values(inner[0], value, source, complete)
    if kind is dict or origin is dict:
        if not isinstance(value, dict):
            raise _type_error(source, kind, value)
        if not inner:
            return value
        return {key: from_json_values(inner[1], item, f"{source}.{key}", complete) for key, item in value.items()}
    if origin is tuple:
        if not isinstance(value, list):
            raise _type_error(source, kind, value)
        return tuple(from_json_values(inner[0], item, f"{source}[{i}]", complete) for i, item in enumerate(value))
    return _scalar(kind, value, source)


def _dataclass(kind: type, value: Any, source: str, complete: bool) -> Any:
    if not isinstance(value, dict):
        raise _type_error(source, kind, value)
    known, complete = {f.name: f for f in fields(kind)}, complete and not _leaves_out_defaults(kind)
    for name in value:
        if name not in known:
            raise UserError(f"{source}: has an unknown field {name[:40]!r}; it is damaged or of another version.")
    for name, field in known.items():
        if name not in value and (complete or (field.default is MISSING and field.default_factory is MISSING)):
            raise UserError(f"{source}: the field {name!r} is missing; it is damaged or of another version.")
    hints = _hints(kind)
    values = {name: from_json_values(hints[name], item, f"{source}: {name}", complete) for name, item in value.items()}
    try:
        return kind(**values)
    except UserError as error:  # raised by the dataclass, which does not know the file
        raise UserError(f"{source}: {error}") from error


def _scalar(kind: type, value: Any, source: str) -> Any:
    if kind is Fraction:
        ratio = parse_ratio(value) if isinstance(value, str) and "/" in value else None
        if ratio is None:
            raise _type_error(source, kind, value)
        return ratio
    if kind is float and type(value) in (int, float):
        if abs(value) > 1e308 or not math.isfinite(value):
            raise _type_error(source, kind, value)
        return float(value)
    if type(value) is not kind:
        raise _type_error(source, kind, value)
    if kind is int and not -(2**63) <= value < 2**63:
        raise _type_error(source, kind, value)
    return value


def _type_error(source: str, kind: Any, value: Any) -> UserError:
    expected = kind.__name__ if isinstance(kind, type) else str(kind)
    shown = repr(value) if not isinstance(value, int) else "a number"
    return UserError(f"{source}: is {shown[:40]} where {expected} is expected; it is damaged or of another version.")

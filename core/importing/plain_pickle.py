# SPDX-License-Identifier: GPL-3.0-or-later
"""The values in a pickle that PyTorch wrote, without unpickling it: its instructions are read by `pickletools`, and
those that build tensors, containers and numbers are carried out here. Nothing is imported and nothing is called, so
nothing that a pickle says can run.

A pickle names what it wants to call. ALLOWED has the few names of a checkpoint and what stands for the result; any
other name is an error that says it. Instructions that a checkpoint does not need are unknown.
"""

import io
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import UserError

MAX_BYTES = 1 << 24  # of a pickle: a checkpoint's has some ten thousand


@dataclass(frozen=True)
class Name:
    """Something that the pickle names, such as "torch._utils._rebuild_tensor_v2"."""

    text: str


@dataclass(frozen=True)
class Storage:
    """Numbers in another file of the archive."""

    key: str  # that file's name
    kind: np.dtype
    count: int  # a claim


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage; every number is a claim."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    return StoredTensor(storage, int(offset), tuple(map(int, size)), tuple(map(int, stride)))


def _same(value: Any, *_: Any) -> Any:
    return value


def _nothing(*_: Any) -> None:
    """Of what no importer asks for, such as the numbers of numpy in an optimiser's state."""


def _dictionary(*_: Any) -> dict:
    return {}


NUMPYS = ("numpy.core.multiarray", "numpy._core.multiarray")
ALLOWED: Mapping[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _same,
    "torch.nn.parameter.Parameter": _same,
    "torch.Size": lambda size=(): tuple(size),
    "torch.device": _nothing,
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _dictionary,
    "_codecs.encode": _nothing,
    "numpy.dtype": _nothing,
    **{f"{module}.scalar": _nothing for module in NUMPYS},
    **{f"{module}._reconstruct": _nothing for module in NUMPYS},
}
KINDS = {
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
    "torch.ShortStorage": np.dtype("<i2"),
    "torch.CharStorage": np.dtype("i1"),
    "torch.ByteStorage": np.dtype("u1"),
    "torch.BoolStorage": np.dtype("?"),
}
# Named, but never called: the values of an argument.
ONLY_NAMED = {*KINDS, "builtins.dict", "builtins.list", "numpy.ndarray", "torch.float32", "torch.float64"}


def read_pickle(data: bytes, source: Path | str) -> Any:
    """The values: dicts, lists, tuples, texts, numbers, None and StoredTensor. Raises UserError for a pickle that names
    anything that no checkpoint needs, and ValueError for one that makes no sense."""
    if len(data) > MAX_BYTES:
        raise UserError(f"{source}: its list of contents is too long for a checkpoint; choose another file.")
    reader = _Reader(source)
    for instruction, argument, _ in pickletools.genops(io.BytesIO(data)):
        if instruction.name == "STOP":
            return reader.stack.pop()
        reader.carry_out(instruction.name, argument)
    raise ValueError("a pickle without an end")


class _Mark:
    """Where a tuple, list or dict begins on the stack."""


class _Reader:
    """The stack machine of the pickle protocol."""

    def __init__(self, source: Path | str) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._source = source

    def carry_out(self, name: str, argument: Any) -> None:
        """One instruction, as pickletools calls it."""
        if name in LITERALS:
            self.stack.append(LITERALS[name] if argument is None else argument)
        elif name in CONTAINERS:
            self.stack.append(CONTAINERS[name]())
        elif name in TUPLES:
            count = TUPLES[name]
            if len(self.stack) < count:
                raise ValueError("a tuple of more than there is")
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif name not in ("PROTO", "FRAME"):
            step = getattr(self, f"_{name.lower()}", None)
            if step is None:
                raise UserError(
                    f"{self._source}: has the instruction {name}, which no checkpoint needs; do not use it."
                )
            step(argument)

    def _mark(self, _: Any) -> None:
        self.stack.append(_Mark)

    def _since_mark(self) -> list[Any]:
        place = len(self.stack) - 1 - self.stack[::-1].index(_Mark)
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("no list to append to")
        self.stack[-1].extend(values)

    def _setitems(self, _: Any) -> None:
        self._update(self._since_mark())

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _update(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
        elif self.stack[-1] is not None:  # what stands for something that no importer asks for
            raise ValueError("no dictionary to add to")

    def _binput(self, index: int) -> None:
        self._memo[index] = self.stack[-1]

    _long_binput = _binput

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _binget(self, index: int) -> None:
        self.stack.append(self._memo[index])

    _long_binget = _binget

    def _global(self, argument: str) -> None:
        self._named(argument.replace(" ", "."))

    def _stack_global(self, _: Any) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        self._named(f"{module}.{attribute}")

    def _named(self, text: str) -> None:
        if text not in ALLOWED and text not in ONLY_NAMED:
            shown = text[:60].encode("ascii", "replace").decode()
            raise UserError(
                f"{self._source}: wants to call {shown!r}, which no checkpoint needs; do not use this file."
            )
        self.stack.append(Name(text))

    def _reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Name) or function.text not in ALLOWED or not isinstance(arguments, tuple):
            raise ValueError("a call of what cannot be called")
        self.stack.append(ALLOWED[function.text](*arguments))

    def _build(self, _: Any) -> None:
        self.stack.pop()  # attributes, such as a state's versions of its modules

    def _binpersid(self, _: Any) -> None:
        kind, key, place, count = self._storage(self.stack.pop())
        del place  # the device that it was on
        self.stack.append(Storage(key, KINDS[kind.text], int(count)))

    @staticmethod
    def _storage(argument: Any) -> tuple[Name, str, Any, int]:
        if not isinstance(argument, tuple) or len(argument) != 5 or argument[0] != "storage":
            raise ValueError("an unknown kind of reference")
        kind, key = argument[1:3]
        if not isinstance(kind, Name) or kind.text not in KINDS or not isinstance(key, str):
            raise ValueError("an unknown kind of storage")
        return kind, key, argument[3], argument[4]


TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES")
NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")
LITERALS = dict.fromkeys((*TEXTS, *NUMBERS, "NONE")) | {"NEWTRUE": True, "NEWFALSE": False}
CONTAINERS: Mapping[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

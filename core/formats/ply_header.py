# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of a PLY file, as other tools write it, and the tables behind it. Knows no Gaussian.

Taken as many tools write it: words separated by any spaces or tabs, blank lines, either line ending, comments anywhere,
text or binary of either byte order, a newline after the last row.
"""

import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .user_error import UserError

MAX_HEADER = 1 << 16  # bytes
MAX_TAIL = 64  # bytes of white space after the last row
TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1"},
    **{"short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2"},
    **{"int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "<"}  # format -> numpy's byte order


@dataclass(frozen=True)
class PlyElement:
    """One table of a file."""

    name: str
    count: int  # rows
    row: np.dtype | None  # in the file's order of properties; None where a property is a list


@dataclass(frozen=True)
class PlyHeader:
    """The header of a file that has a table of vertices."""

    comments: tuple[str, ...]
    elements: tuple[PlyElement, ...]
    is_text: bool
    data: int  # file offset of the first table

    @property
    def vertices(self) -> PlyElement:
        """The table of Gaussians."""
        return next(element for element in self.elements if element.name == "vertex")

    def comment(self, start: str) -> str:
        """What follows `start` in the first comment that begins with it; "" if there is none."""
        return next((text[len(start) :].strip() for text in self.comments if text.startswith(start)), "")


def read_tables(file: BinaryIO, header: PlyHeader, wanted: tuple[str, ...], path: Path | str) -> dict[str, np.ndarray]:
    """Element -> its rows, structured [count], for those `wanted` that come before any element with lists.

    Raises UserError, and ValueError for text that is not numbers.
    """
    tables = {}
    file.seek(header.data)
    for element in header.elements:
        if element.row is None:
            break  # the length of lists is unknown: nothing behind them can be found
        if header.is_text:
            tables[element.name] = _read_text_rows(file, element.row, element.count)
        elif element.name in wanted:
            data = file.read(element.count * element.row.itemsize)
            tables[element.name] = np.frombuffer(
                data[: len(data) // element.row.itemsize * element.row.itemsize], element.row
            )
        else:
            file.seek(element.count * element.row.itemsize, io.SEEK_CUR)
            continue
        if len(tables[element.name]) != element.count:
            raise UserError(f"{path}: is cut short; copy or export it again.")
    return tables


def _read_text_rows(file: BinaryIO, row: np.dtype, count: int) -> np.ndarray:
    names = row.names or ()
    if not count:
        return np.empty(0, row)
    values = np.loadtxt(file, np.float64, comments=None, ndmin=2, max_rows=count, encoding="latin-1")
    if values.shape[1] != len(names):
        raise ValueError("a row has more or fewer numbers than there are properties")
    table = np.empty(len(values), row)
    with np.errstate(invalid="ignore", over="ignore"):
        for name, column in zip(names, values.T):
            table[name] = column
    return table


def read_header(file: BinaryIO, size: int, path: Path | str) -> PlyHeader:
    """The header of a file of `size` bytes, which its tables must fit. Raises UserError."""
    text = file.read(min(size, MAX_HEADER))
    first = text.partition(b"\n")[0]
    if first.split() != [b"ply"] or not first.startswith(b"ply"):
        raise UserError(f"{path}: is not a PLY file; choose a .ply of Gaussian splats.")
    lines, at = [], len(first) + 1
    while True:
        stop = text.find(b"\n", at)
        if stop < 0:
            raise UserError(f"{path}: its PLY header has no end; copy or export it again.")
        line, at = text[at:stop].decode("utf-8", "replace").strip(), stop + 1
        if line == "end_header":
            break
        if line:
            lines.append(line)
    header = _parse_lines(lines, at, path)
    _check_size(file, header, size, path)
    return header


def _parse_lines(lines: list[str], data: int, path: Path | str) -> PlyHeader:
    comments: list[str] = []
    elements: list[tuple[str, int, list[tuple[str, str]], bool]] = []
    form: list[str] = []
    for line in lines:
        word, *words = line.split()
        if word in ("comment", "obj_info"):
            comments.append(line[len(word) :].strip())
        elif word == "format" and not form and len(words) == 2:
            form = words
        elif word == "element" and len(words) == 2 and _is_count(words[1]):
            elements.append((words[0], int(words[1]), [], False))
        elif word == "property" and elements and words and words[0] == "list":
            elements[-1] = (*elements[-1][:3], True)
        elif word == "property" and elements and len(words) == 2 and words[0] in TYPES:
            elements[-1][2].append((words[1], TYPES[words[0]]))
        else:
            raise UserError(f"{path}: line {line[:40]!r} of its PLY header is invalid; copy or export it again.")
    if len(form) != 2 or form[0] not in ORDERS or form[1] != "1.0":
        raise UserError(f"{path}: is a PLY of format {' '.join(form)[:30]!r}; export it as binary little-endian.")
    tables = tuple(_element(*element, ORDERS[form[0]], path) for element in elements)
    reachable = [table.name for table in itertools.takewhile(lambda table: table.row is not None, tables)]
    if "vertex" not in reachable or [table.name for table in tables].count("vertex") > 1:
        raise UserError(f"{path}: has no vertex table of plain numbers, or has two; export it as 3DGS PLY.")
    return PlyHeader(tuple(comments), tables, form[0] == "ascii", data)


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 15


def _element(
    name: str, count: int, row: list[tuple[str, str]], lists: bool, order: str, path: Path | str
) -> PlyElement:
    if not lists and (len({n for n, _ in row}) != len(row) or not row):
        raise UserError(f"{path}: the properties of {name[:40]!r} are duplicated or missing; export it again.")
    return PlyElement(name, count, None if lists else np.dtype([(n, order + code) for n, code in row]))


def _check_size(file: BinaryIO, header: PlyHeader, size: int, path: Path | str) -> None:
    """Before anything is allocated: the file holds the rows that its header claims, and nothing else."""
    total, open_end = header.data, header.is_text
    for element in header.elements:
        if element.row is None:
            open_end = True
            break
        # A number of a text and the space behind it are two characters at least.
        width = 2 * len(element.row.names or ()) if header.is_text else element.row.itemsize
        total += element.count * width
    if total > size + header.is_text:  # the last number of a text may have no space behind it
        raise UserError(
            f"{path}: holds {size} bytes where its header says {total}; it is cut short or damaged, export it again."
        )
    if not open_end and total != size:
        file.seek(total)
        if size - total > MAX_TAIL or file.read(MAX_TAIL).strip(b" \t\r\n\0"):
            raise UserError(f"{path}: holds {size - total} bytes more than its header says; export it again.")

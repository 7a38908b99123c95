# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that are nearly those of a real file: what broken disks, other programs and attackers make of one.

Letters: n bytes of the file.
"""

import json
import random
import re
from collections.abc import Callable

LENGTHS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
NUMBERS = (
    "-1",
    "0",
    "1e999",
    "1e999999999",
    "NaN",
    "-Infinity",
    "99999999999999999999",
    "0.0000001",
    "null",
    '""',
    "[]",
)


def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_bytes(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    for place in range(start, min(start + rng.choice((1, 2, 4, 16)), len(data))):
        data[place] = rng.choice((0, 1, 0x20, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def set_length(data: bytearray, rng: random.Random) -> None:
    """An integer of some width, either byte order, at a place where headers are likelier than elsewhere."""
    width = rng.choice((2, 4, 8))
    place = rng.randrange(min(len(data), rng.choice((64, 1024, len(data)))))
    value = (rng.choice(LENGTHS) + rng.choice((-1, 0, 0, 1))) % (1 << 8 * width)
    data[place : place + width] = value.to_bytes(width, rng.choice(("little", "big")))


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def delete(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 4, 64, 4096))]


def repeat(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.choice((1, 16, 512))]
    data[start:start] = piece * rng.choice((1, 2, 100))


def insert(data: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.randbytes(rng.choice((1, 3, 32)))


def append(data: bytearray, rng: random.Random) -> None:
    data += rng.randbytes(rng.choice((1, 100, 5000)))


def set_number(data: bytearray, rng: random.Random) -> None:
    """Another number where the text has one (JSON, PLY headers, tables)."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(data[: 1 << 16])))
    if found:
        span = rng.choice(found).span()
        data[span[0] : span[1]] = rng.choice(NUMBERS).encode()


def set_word(data: bytearray, rng: random.Random) -> None:
    """A word becomes another word of the file, or something that is no text."""
    found = list(re.finditer(rb"[A-Za-z_]{3,}", bytes(data[: 1 << 16])))
    if found:
        span = rng.choice(found).span()
        other = rng.choice(found).group()
        data[span[0] : span[1]] = rng.choice((other, b"\xff\xfe", b"../../etc/passwd", b"\x00", b"x" * 5000))


def set_ratio(data: bytearray, rng: random.Random) -> None:
    """Another number where the text has one with an exponent, or a ratio such as 25/1, which is a string in JSON."""
    found = list(re.finditer(rb"[-+]?\d[\d./:eE+-]*", bytes(data[: 1 << 16])))
    if found:
        span = rng.choice(found).span()
        data[span[0] : span[1]] = rng.choice((*NUMBERS, "1/0", "0/1", "1e9999999/1")).encode()


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits,
    set_bytes,
    set_length,
    cut,
    delete,
    repeat,
    insert,
    append,
    set_number,
    set_ratio,
    set_word,
)


JSON_VALUES = (None, True, -1, 0, 0.5, 1e308, 2**63, 10**400, "", "x", "1e999999999", "../x", "\x00", [], {}, [[]])
LARGEST_JSON = 1 << 16  # bytes of a text that is parsed


def mutate_json(value: object, rng: random.Random) -> object:
    """`value` with one of its values, keys or lists changed: what parses, but is not what was meant."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        kind = rng.random()
        if kind < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if kind < 0.2:
            return {f"{k}_" if k == key else k: v for k, v in value.items()}
        return value | {key: mutate_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        changed = rng.choice(
            ([], [value[place]] * 2, [mutate_json(value[place], rng)], [mutate_json(value[place], rng)])
        )
        return [*value[:place], *changed, *value[place + 1 :]]
    return rng.choice(JSON_VALUES)


def _as_json(data: bytes) -> object:
    """The JSON values of a text, None where it is none."""
    try:
        return json.loads(data) if data[:1] in (b"{", b"[") and len(data) <= LARGEST_JSON else None
    except ValueError:
        return None


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """`data` [n] after one to three mutations; of JSON half of the time its values instead of its bytes."""
    if rng.random() < 0.5 and (value := _as_json(data)) is not None:
        return json.dumps(mutate_json(value, rng)).encode()
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not out:
            break
        rng.choice(MUTATIONS)(out, rng)
    return bytes(out)

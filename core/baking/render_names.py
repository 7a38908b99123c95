# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder and the names of a render: its tokens filled in, its version chosen. Knows no pixels.

A version is never overwritten: the newest one goes on where every file that it has is of this very render; else the
next one begins.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..formats import BakeCard, UserError
from ..jobs import (
    TOKENS,
    Render,
    SequenceName,
    existing_versions,
    files_name,
    fill_path,
    fill_tokens,
    has_version,
    with_version,
)


def sequence_of(job: Render) -> SequenceName:
    """How the pictures of a job without tokens are called. Raises UserError."""
    name = files_name(job.name, job.bake)
    return SequenceName.of(name) if job.name else SequenceName(name)


def with_names(job: Render, card: BakeCard, is_same: Callable[[Render], bool]) -> Render:
    """The job with its folder and its names, no token left. is_same: whether what is there of a job with names is of
    that very render. Raises UserError."""
    values = {"shot": Path(job.bake).stem, "head": Path(card.head).stem, **_given(job)}
    named = replace(job, out=fill_path(job.out, values), name=fill_tokens(job.name, values))
    if not _has_version(named):
        if job.version:
            raise UserError(f"version {job.version} has no place: write v### into the name or the folder.")
        return named
    taken = _versions_of(named)
    newest = max(taken, default=0)
    if job.version:
        chosen = _in_version(named, job.version)
        if job.version in taken and not is_same(chosen):
            raise UserError(
                f"{taken[job.version]}: version {job.version} is another render and is never overwritten; leave out "
                "version for the next one."
            )
        return chosen
    return _in_version(named, newest if newest and is_same(_in_version(named, newest)) else newest + 1)


def check_plain_name(job: Render) -> None:
    """Raises UserError for a name that is not settled: several processes could settle it differently."""
    if fill_tokens(job.name, dict.fromkeys(TOKENS, "value")) != job.name or has_version(job.name):
        raise UserError(f"name {job.name}: a job file's render has a plain name; write the tokens' values and version.")
    sequence_of(job)


def _has_version(job: Render) -> bool:
    return has_version(job.out) or has_version(job.name)


def _given(job: Render) -> Mapping[str, str]:
    values = {}
    for text in job.tokens:
        token, sign, value = text.partition("=")
        if token not in TOKENS or token in ("version", "frame") or not sign:
            names = ", ".join(token for token in TOKENS if token not in ("version", "frame"))
            raise UserError(f"tokens {text[:60]!r} cannot be read; write token=value, the token one of {names}.")
        values[token] = value
    return values


def _in_version(job: Render, number: int) -> Render:
    return replace(job, out=with_version(job.out, number), name=with_version(job.name, number), version=0)


def _versions_of(job: Render) -> dict[int, str]:
    """Number -> folder, or one of the files, of the versions that are there."""
    if has_version(job.out):
        parts = Path(job.out).parts
        first = next(i for i, part in enumerate(parts) if has_version(part))
        return existing_versions(str(Path(*parts[: first + 1])))
    return existing_versions(str(Path(job.out) / sequence_of(job).stem), is_beginning=True)

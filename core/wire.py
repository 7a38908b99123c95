# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and events as bytes and back: one JSON object a message, never pickle.

    {"kind": "Bake", "body": {"head": "anna.head", ...}}     every field is in the body;
                                                             of `Controls` those not at their default

The two sides say `Hello` first; whoever changes a message raises PROTOCOL, `Hello` itself stays as it is so that
different versions can still tell each other. Transport is core/worker.py's business; which jobs there are is
dispatch.JOBS.
"""

from dataclasses import dataclass
from typing import get_args

from .dispatch import JOBS
from .formats import UserError, from_json, from_json_values, to_json
from .jobs import Event, Job

PROTOCOL = 2
MAX_MESSAGE_BYTES = 64 << 20  # a camera a frame for ten minutes is about 10 MB


@dataclass(frozen=True)
class Hello:
    """The first message of each side."""

    protocol: int
    version: str  # talksplat's, for the sentence that says what to update


@dataclass(frozen=True)
class Cancel:
    """End what this client has asked for; the job answers `Cancelled`."""


@dataclass(frozen=True)
class Quit:
    """Cancel what runs and end the worker."""


Message = Hello | Cancel | Quit | Job | Event


def kinds() -> dict[str, type]:
    """Every message by its name: greetings, the jobs of dispatch.JOBS, events."""
    jobs = (row.message for row in JOBS.values())
    return {kind.__name__: kind for kind in (Hello, Cancel, Quit, *jobs, *get_args(Event))}


def to_bytes(message: Message) -> bytes:
    """Raises UserError for numbers that JSON cannot hold and for a message above MAX_MESSAGE_BYTES;
    TypeError for what is no message or holds more than JSON values (a mistake of ours)."""
    name = type(message).__name__
    if kinds().get(name) is not type(message):
        raise TypeError(f"{name} is not a message")
    try:
        data = to_json({"kind": name, "body": message}).encode()
    except ValueError as error:  # NaN, infinity, half of a surrogate pair
        raise UserError(f"a {name} message holds a value that cannot be sent ({error}); set it again.") from error
    return _capped(data)


def from_bytes(data: bytes) -> Message:
    """The message, every field there and of its type. Raises UserError."""
    value = from_json(_capped(data), "a message")
    if not isinstance(value, dict) or set(value) != {"kind", "body"}:
        raise UserError("a message has no kind and body; install the same version of add-on and worker.")
    kind = kinds().get(value["kind"]) if isinstance(value["kind"], str) else None
    if kind is None:
        raise UserError(
            f"a message of unknown kind {str(value['kind'])[:40]!r} came; "
            "install the same version of add-on and worker."
        )
    return from_json_values(kind, value["body"], f"a {kind.__name__} message", complete=True)


def _capped(data: bytes) -> bytes:
    if len(data) > MAX_MESSAGE_BYTES:
        raise UserError(
            f"a message of {len(data)} bytes is above the {MAX_MESSAGE_BYTES} allowed; send fewer frames at once."
        )
    return data

# SPDX-License-Identifier: GPL-3.0-or-later
"""A head with its rig, and the `MakeRig` job that writes it into the head's file."""

import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from ..audio import load_sound
from ..formats import HeadFile, UserError, check_writable, read_head, rig_of, with_rig, write_head
from ..jobs import Event, Finished, MakeRig, Progress, Started, Warned
from ..listening import compute_performance
from ..performance import Replay
from .make_rig import make_rig
from .measure_rig import measure_rig

VOICES = Path(__file__).parent / "voices"  # recordings of speech that the package has; licences in its README.md
HELD_BACK = "_held_back"  # in the names of recordings that no rig is made from


def rig(job: MakeRig) -> Generator[Event, None, None]:
    """Write `job.out`, or `job.head` again, with a rig; nothing else of the head changes. Raises UserError and
    OSError, before the work begins where it can be known then."""
    head, out = read_head(job.head), Path(job.out or job.head)
    check_writable(out)
    yield Started(f"Making the rig of {head.card.name}", 0)
    rigged = yield from with_measured_rig(head, job.bound, [Path(sound) for sound in job.voices])
    if not job.out:
        rigged = _moved_to_current(rigged, job.head)
    write_head(out, rigged)
    yield Finished(rig_result(out, rigged))


def _moved_to_current(rigged: HeadFile, path: str) -> HeadFile:
    """The rig in the head as it is in the file now: a training may have ended there since the work began."""
    current, made = read_head(path), rig_of(rigged)
    if current.card.content_hash != rigged.card.content_hash or made is None:
        raise UserError(f"{path} has changed while its rig was made, and is left as it is; make the rig again.")
    return with_rig(current, made)


def with_measured_rig(
    head: HeadFile, bound: float, sounds: Sequence[Path] = ()
) -> Generator[Progress | Warned, None, HeadFile]:
    """The head with a rig made from the package's voices and `sounds`, and with its errors in the rig's card.

    bound: mm, as `make_rig`; 0 gives as many channels as there are. Raises UserError for another bound, for a head that
    cannot have a rig and for a sound that cannot be read.
    """
    _check(head, bound, sounds)
    voices = sorted(VOICES.glob("*.opus"))
    performances = {}
    for path in (*voices, *sounds):
        performances[path] = yield from compute_performance(head, load_sound(path), str(path))
    held_back = [performances[path] for path in voices if HELD_BACK in path.name]
    made_from = [performances[path] for path in performances if path not in voices or HELD_BACK not in path.name]
    made = yield from make_rig(head, made_from, held_back, bound)
    measured = yield from measure_rig(with_rig(head, made), held_back)
    return with_rig(head, replace(made, card=replace(made.card, errors=made.card.errors | {"measured": measured})))


def _check(head: HeadFile, bound: float, sounds: Sequence[Path]) -> None:
    """Raises UserError for what would otherwise end the work after minutes of listening."""
    if not 0 <= bound < math.inf:
        raise UserError(f"the bound is {bound:g} mm; give a length in mm, such as 0.1.")
    Replay(head)
    for sound in sounds:
        load_sound(sound)


def rig_result(out: Path, head: HeadFile) -> dict:
    """What the job says of the rig that it made."""
    made = rig_of(head)
    assert made is not None
    named = [channel.name for channel in made.card.channels if "_detail_" not in channel.name]
    errors = made.card.errors
    return {
        "head": str(out.absolute()),
        "channels": len(made.card.channels),
        "named": ", ".join(named) or "none",
        "bound": f"{made.card.bound:g} mm RMS",
        **{f"{name}_by_channels": _row(errors[name]["by channels"]) for name in made.card.regions},
        **{kind.replace(" ", "_"): _row(values) for kind, values in errors["measured"].items()},
    }


def _row(values: dict) -> str:
    """ "rms mm 0.06, max mm 0.4"; errors by number of channels as "4: 0.260 (p99.9 1.62) mm"."""
    if all(isinstance(value, dict) for value in values.values()):
        rows = sorted((int(k), value) for k, value in values.items())
        return ", ".join(f"{k}: {value['rms']:.3f} (p99.9 {value['p99.9']:.2f})" for k, value in rows) + " mm"
    return ", ".join(f"{name} {value:g}" for name, value in values.items())

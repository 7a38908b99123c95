# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Adapt` job: new audio nets, by which a head follows any voice; all else of it stays.

A head's own audio nets were trained on one voice, and so was what they make of another one. But what the head *does* is
a function of its codes alone, and can be measured: while its own nets hear some voices, its landmarks say which code is
which shape of the mouth (geometry_codes.py), and which way to change it to reach another (code_geometry.py,
reaching_codes.py). An encoder that was trained on many speakers says which shape a sound asks for (wanted_geometry.py).
So audio nets of the usual form learn to give codes that make these shapes (fit_codes.py). In the person's own voice
they go on doing what the old ones did, as far as the encoder agrees.
"""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..audio import MOUTH_MEASURES
from ..formats import HeadFile, UserError, check_writable, read_head, write_head
from ..jobs import Adapt, Event, Finished, Pace, Progress, Started
from ..listening import with_attribution
from ..performance import ANY_VOICE, features_of_silence, not_adaptable_reason
from ..rigging import VOICES
from .code_geometry import CodeGeometry
from .fit_codes import STEPS, CodeFit, ShapeGoal
from .geometry_codes import GeometryCodes
from .heard_speech import ON_LANDMARKS, HeardSpeech, Listener, check_recordings
from .reaching_codes import codes_reaching
from .wanted_geometry import goal_weights, wanted_geometry

ENCODER = ANY_VOICE
LANDMARKS = "face"  # the branch that moves them
HEARD = "lips", "pictures"  # a training's results that depend on what the head hears


def adapt(job: Adapt) -> Generator[Event, None, None]:
    """Write `job.out`, or `job.head` again. Raises UserError and OSError, before the work begins where it can be known
    then; until the last moment the head is as it was."""
    head, out = read_head(job.head), Path(job.out or job.head)
    if reason := not_adaptable_reason(head):
        raise UserError(f"{job.head} {reason}.")
    check_writable(out)
    check_recordings([*job.voices, *job.own_voice])
    yield Started(f"Adapting {head.card.name} to any voice", 0)
    listener = Listener(head, ENCODER)
    sounds = [*sorted(VOICES.glob("*.opus")), *map(Path, job.voices)]
    speech = yield from listener.hear(sounds, [Path(path) for path in job.own_voice])
    tensors = yield from _fit_nets(speech, listener, job.seed)
    write_head(out, with_audio_nets(head if job.out else _current(head, job.head), tensors, job))
    yield Finished({"head": str(out.absolute()), "moments": len(speech), "encoder": ENCODER})


def _current(head: HeadFile, path: str) -> HeadFile:
    """The head as it is in the file now: a rig may have been made since the work began. Raises UserError where it is
    another head."""
    current = read_head(path)
    if current.card.content_hash != head.card.content_hash:
        raise UserError(f"{path} has changed while it was adapted, and is left as it is; adapt it again.")
    return current


def codes_for(speech: HeardSpeech, rest: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Branch -> [S,A]: codes for what each moment asks for; in the person's own voice those of the old nets."""
    names = [MOUTH_MEASURES[k].name for k in ON_LANDMARKS]
    wanted = GeometryCodes(names, speech.geometry, speech.codes, rest).codes(wanted_geometry(speech))
    own = speech.is_own[:, None]
    return {name: np.where(own, speech.codes[name], code) for name, code in wanted.items()}


def goal_for(speech: HeardSpeech, listener: Listener) -> ShapeGoal:
    """What the face's net is to reach."""
    geometry = CodeGeometry(
        speech.codes[LANDMARKS], speech.geometry, listener.rest[LANDMARKS],
        lambda codes: listener.geometry({LANDMARKS: codes}),
    )  # fmt: skip
    return ShapeGoal(geometry, wanted_geometry(speech), goal_weights(speech))


def _fit_nets(speech: HeardSpeech, listener: Listener, seed: int) -> Generator[Progress, None, dict[str, np.ndarray]]:
    codes = codes_for(speech, listener.rest)
    tensors, pace = {}, Pace(STEPS * len(codes))
    silence = features_of_silence(ENCODER)
    for number, (branch, code) in enumerate(codes.items()):
        goal = goal_for(speech, listener) if branch == LANDMARKS else None
        code = codes_reaching(goal, code) if goal else code
        fit = CodeFit(speech.windows, code, speech.is_own, silence, listener.rest[branch], seed, goal)
        for step in fit.run():
            yield pace.at(number * STEPS + step, f"fitting the audio net, {branch}")
        tensors |= {f"{branch}.audio.{name}": value for name, value in fit.tensors().items()}
    return tensors


def with_audio_nets(head: HeadFile, tensors: dict[str, np.ndarray], job: Adapt) -> HeadFile:
    """The head with other audio nets, and on its card from where they come."""
    nets = tuple(f"{branch}.audio." for branch in head.card.branches)
    kept = {name: value for name, value in head.tensors.items() if not name.startswith(nets)}
    results = dict(head.card.training.get("results", {}))
    before = {name: results.pop(name) for name in HEARD if name in results}  # measured through the old nets
    adapted = {
        "from": head.card.content_hash,
        "encoder": head.card.audio_encoder,
        "own voice": len(job.own_voice),
        "results before": before,
    }
    card = replace(
        head.card,
        audio_encoder=ENCODER,
        training=head.card.training | {"results": results, "adapted": adapted},
        licence=with_attribution(head.card.licence, ENCODER),
    )
    return replace(head, card=card, tensors=kept | tensors)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A preset, changed by what was asked for: `density.strategy=mcmc`, steps, a budget. Typed and checked; a mistake is
one sentence. Knows the job and the settings, nothing of training.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any

from ..audio import ENCODERS
from ..formats import UserError
from ..jobs import Train
from ..performance import FUSION_TYPES
from .density import STRATEGIES
from .training_settings import TrainingSettings, preset

NAMES: dict[str, Mapping | tuple] = {"encoder": ENCODERS, "fusion": FUSION_TYPES, "density.strategy": STRATEGIES}
AT_LEAST_1 = (
    "height",
    "window",
    "checkpoint_every",
    "landmark_every",
    "landmark_batch",
    "face_points",
    "mouth_points",
    "move_steps",
    "density.every",
    "density.budget",
    "ear.steps",
    "ear.batch",
    "ear.every",
)
SHARES = (
    "windows",
    "static_alike",
    "slide",
    "quiet_pictures",
    "quiet_moments",
    "mouth_share",
    "dssim",
    "ear.held_back",
)
POSITIVE = (
    "extent",
    "smallest",
    "largest",
    "ratio",
    "preview_every",
    "face_finest",
    "mouth_base",
    "mouth_finest",
    "density.extent",
    "density.largest",
)
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def settings_from_job(job: Train) -> TrainingSettings:
    """The job's preset with the job's own wishes; `set` is applied last. Raises UserError."""
    settings = replace(preset(job.preset), seed=job.seed)
    wishes = {
        "fusion": job.fusion,
        "density.strategy": job.density,
        "encoder": job.encoder,
        "density.budget": job.budget or "",
    }
    settings = with_overrides(settings, [f"{name}={value}" for name, value in wishes.items() if value != ""])
    if job.steps:
        settings = with_steps(settings, job.steps)
    return with_overrides(settings, job.set)


def with_steps(settings: TrainingSettings, steps: int) -> TrainingSettings:
    """So many picture steps in all: static, move and fuse keep their shares, and density control its place in them.
    Ear and motion, which see no pictures, stay. Raises UserError."""
    if not 10 <= steps <= 10_000_000:
        raise UserError(f"{steps} steps are asked for; choose between 10 and 10000000.")
    share = steps / settings.total
    static, fuse = round(settings.static_steps * share), round(settings.fuse_steps * share)
    density = replace(
        settings.density, start=round(settings.density.start * share), stop=round(settings.density.stop * share)
    )
    return replace(settings, static_steps=static, fuse_steps=fuse, move_steps=steps - static - fuse, density=density)


def with_overrides(settings: TrainingSettings, wishes: Iterable[str]) -> TrainingSettings:
    """`settings` with `name=value` wishes; names of nested settings are joined by dots. Raises UserError."""
    for wish in wishes:
        name, equals, text = wish.partition("=")
        if not equals:
            raise UserError(f"setting {wish!r} has no value; write name=value, for instance density.budget=20000.")
        settings = _put(settings, name.strip().split("."), name.strip(), text.strip())
    if settings.smallest > settings.largest or settings.ratio < 1:
        raise UserError(
            "settings smallest, largest, ratio: no Gaussian can be within them; keep smallest below largest "
            "and ratio at 1 or more."
        )
    return settings


def setting_names(settings: Any, before: str = "") -> list[str]:
    """Every name that may be set."""
    names = []
    for f in fields(settings):
        value = getattr(settings, f.name)
        names += setting_names(value, f"{before}{f.name}.") if is_dataclass(value) else [before + f.name]
    return names


def _put(level: Any, path: list[str], name: str, text: str) -> Any:
    known = {f.name for f in fields(level)} if is_dataclass(level) else set()
    value = getattr(level, path[0]) if path[0] in known else None
    if value is None or is_dataclass(value) != (len(path) > 1):
        near = get_close_matches(name, setting_names(TrainingSettings()), 1, 0.5)
        raise UserError(
            f"training setting {name!r} is unknown; "
            + (f"did you mean {near[0]!r}?" if near else "core/training/training_settings.py lists them all.")
        )
    put = _put(value, path[1:], name, text) if len(path) > 1 else _typed(value, name, text)
    return replace(level, **{path[0]: put})


def _typed(old: object, name: str, text: str) -> object:
    """`text` as the type of `old`. Raises UserError."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number"}
    try:
        if isinstance(old, bool):
            value: object = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}[text.lower()]
        elif isinstance(old, str):
            value = text
        else:
            value = type(old)(text)
    except (KeyError, ValueError):
        raise UserError(f"training setting {name} is {text!r} but must be {kinds[type(old)]}.") from None
    if name in NAMES and value not in NAMES[name]:
        raise UserError(f"training setting {name} is {text!r}; choose {', '.join(NAMES[name])}.")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _refuse_range(name, value)
    return value


def _refuse_range(name: str, value: float) -> None:
    least = 1 if name in AT_LEAST_1 else 0
    most = 1.0 if name in SHARES else 1e12
    if not (math.isfinite(value) and least <= value <= most) or (name in POSITIVE and value == 0):
        raise UserError(
            f"training setting {name} is {value:g} but must be "
            + (
                f"within 0 to {most:g}."
                if name in SHARES
                else f"{'above 0' if name in POSITIVE else least} or more.".replace("above 0 or more", "above 0")
            )
        )

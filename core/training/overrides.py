# SPDX-License-Identifier: GPL-3.0-or-later
"""A preset with a job's overrides: `density.strategy=mcmc`, steps, a budget. Typed and checked; a mistake is one
sentence. Knows the job and the settings, nothing of training.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import Field, is_dataclass, replace
from difflib import get_close_matches
from typing import ClassVar, Protocol, TypeVar

from ..audio import ENCODERS
from ..formats import BLENDS, HeadFile, UserError
from ..jobs import Train
from ..performance import FUSION_TYPES
from .density import STRATEGIES
from .training_settings import TrainingSettings, current_name, current_settings, preset

REGISTRIES: dict[str, Mapping] = {
    "blend": BLENDS,
    "encoder": ENCODERS,
    "fusion": FUSION_TYPES,
    "density.strategy": STRATEGIES,
}
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
    "audio_net.steps",
    "audio_net.batch",
    "audio_net.every",
)
SHARES = (
    "windows",
    "static_alike",
    "slide",
    "silence_pictures",
    "silence_moments",
    "mouth_share",
    "dssim",
    "audio_net.held_back",
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
KINDS = {bool: "true or false", int: "a whole number", float: "a number"}
HIGHEST = 1e12  # of any setting
# `fuse_appearance` of a head that changes its blend; not in the paper: chosen because the colours and opacities of
# edges must find new values (docs/research/linear_blending.md).
CONVERTING_APPEARANCE = 1.0
MIN_STEPS, MAX_STEPS = 10, 10_000_000


class SettingsGroup(Protocol):
    """A dataclass of settings and groups of settings."""

    __dataclass_fields__: ClassVar[dict[str, Field]]


Settings = TypeVar("Settings", bound=SettingsGroup)


def settings_from_job(job: Train, head: HeadFile | None = None) -> TrainingSettings:
    """The job's preset with the job's overrides; `set` is applied last. head: that the job goes on from, whose own
    settings take the preset's place; `steps` are then those of fuse, the only stage. Raises UserError."""
    settings = replace(preset(job.preset), seed=job.seed)
    if head is not None:
        settings = with_overrides(settings, _settings_of(head))
        if job.blend and job.blend != head.card.blend:
            settings = replace(settings, fuse_appearance=CONVERTING_APPEARANCE)
    flags = {
        "fusion": job.fusion,
        "density.strategy": job.density,
        "encoder": job.encoder,
        "blend": job.blend,
        "density.budget": job.budget or "",
    }
    settings = with_overrides(settings, [f"{name}={value}" for name, value in flags.items() if value != ""])
    if job.steps:
        settings = with_steps(settings, job.steps) if head is None else with_fuse_steps(settings, job.steps)
    settings = with_overrides(settings, job.set)
    if head is not None and settings.encoder != head.card.audio_encoder:
        own = f"{head.card.audio_encoder}, not {settings.encoder}"
        raise UserError(f"{head.source} listens by the encoder {own}; leave --encoder out.")
    return settings


def _settings_of(head: HeadFile) -> list[str]:
    """The settings on a head's card, as overrides; the seed is the job's, and names that there are no more are left."""
    stored, known = head.card.training.get("settings"), {*setting_names(TrainingSettings())} - {"seed"}
    values = _flat(current_settings(stored)) if isinstance(stored, dict) else {}
    values["encoder"] = head.card.audio_encoder
    return [f"{name}={value}" for name, value in values.items() if name in known]


def _flat(settings: Mapping, prefix: str = "") -> dict[str, object]:
    """The values by their names, those of groups joined by dots."""
    values = {}
    for name, value in settings.items():
        values |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return values


def with_fuse_steps(settings: TrainingSettings, steps: int) -> TrainingSettings:
    """So many steps of the stage fuse; the others stay. Raises UserError."""
    _check_steps(steps)
    return replace(settings, fuse_steps=steps)


def _check_steps(steps: int) -> None:
    if not MIN_STEPS <= steps <= MAX_STEPS:
        raise UserError(f"--steps is {steps} but must be within {MIN_STEPS} to {MAX_STEPS}.")


def with_steps(settings: TrainingSettings, steps: int) -> TrainingSettings:
    """So many picture steps in all: static, move and fuse keep their shares, and density control its place in them.
    The stages before pictures stay. Raises UserError."""
    _check_steps(steps)
    share = steps / settings.total
    static, fuse = round(settings.static_steps * share), round(settings.fuse_steps * share)
    density = replace(
        settings.density, start=round(settings.density.start * share), stop=round(settings.density.stop * share)
    )
    return replace(settings, static_steps=static, fuse_steps=fuse, move_steps=steps - static - fuse, density=density)


def with_overrides(settings: TrainingSettings, overrides: Iterable[str]) -> TrainingSettings:
    """`settings` with `name=value` overrides; names of nested settings are joined by dots. Raises UserError."""
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise UserError(f"setting {override!r} has no value; write name=value, for instance density.budget=20000.")
        settings = _replaced(settings, name.strip().split("."), name.strip(), text.strip())
    if settings.smallest > settings.largest or settings.ratio < 1:
        raise UserError(
            "settings smallest, largest, ratio: no Gaussian can be within them; keep smallest below largest "
            "and ratio at 1 or more."
        )
    return settings


def setting_names(settings: object, prefix: str = "") -> list[str]:
    """Every name that may be set, of a settings dataclass and those nested in it."""
    names = []
    for name, value in vars(settings).items():
        names += setting_names(value, f"{prefix}{name}.") if is_dataclass(value) else [prefix + name]
    return names


def _replaced(level: Settings, path: list[str], name: str, text: str) -> Settings:
    """`level` with the value at `path` below it. Raises UserError."""
    value = vars(level).get(path[0])
    if value is None or is_dataclass(value) != (len(path) > 1):
        similar = get_close_matches(current_name(name), setting_names(TrainingSettings()), 1, 0.5)
        raise UserError(
            f"training setting {name!r} is unknown; "
            + (f"did you mean {similar[0]!r}?" if similar else "core/training/training_settings.py lists them all.")
        )
    new = _replaced(value, path[1:], name, text) if len(path) > 1 else _parse(value, name, text)
    return replace(level, **{path[0]: new})


def _parse(old: bool | int | float | str, name: str, text: str) -> bool | int | float | str:
    """`text` as the type of `old`. Raises UserError."""
    try:
        value = _parse_bool(text) if isinstance(old, bool) else type(old)(text)
    except ValueError:
        raise UserError(f"training setting {name} is {text!r} but must be {KINDS[type(old)]}.") from None
    if name in REGISTRIES and value not in REGISTRIES[name]:
        raise UserError(f"training setting {name} is {text!r}; choose {', '.join(REGISTRIES[name])}.")
    if not isinstance(value, (bool, str)):
        _check_range(name, value)
    return value


def _parse_bool(text: str) -> bool:
    """Raises ValueError."""
    if text.lower() not in TRUE + FALSE:
        raise ValueError(text)
    return text.lower() in TRUE


def _check_range(name: str, value: float) -> None:
    """Raise UserError for a number outside of the setting's range."""
    low, high = 1 if name in AT_LEAST_1 else 0, 1.0 if name in SHARES else HIGHEST
    if math.isfinite(value) and low <= value <= high and not (name in POSITIVE and value == 0):
        return
    if name in SHARES:
        limits = f"within 0 to {high:g}"
    else:
        limits = "above 0" if name in POSITIVE else f"{low} or more"
    raise UserError(f"training setting {name} is {value:g} but must be {limits}.")

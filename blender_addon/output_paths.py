# SPDX-License-Identifier: GPL-3.0-or-later
"""Where bakes, renders and exports go: an artist's template with `{head}` and `{version}` in it as an absolute path.

A version is v001, v002, ...: files sort by it, and a bake of a changed shot never overwrites an older one.
"""

import glob
import re
from fractions import Fraction

import bpy

from ..core.formats import BakeCard, BakeHeader, UserError, open_untrusted
from ..core.jobs import Bake
from ..core.performance import controls_card
from . import open_files
from .properties import settings_of

VERSION = "{version}"


def unsaved_reason(template: str) -> str:
    """Why nothing can be written to `template` now: it is next to a .blend that was never saved; "" when it can."""
    is_relative = template.startswith("//") and not bpy.data.filepath
    return f"Save the .blend first, because {template} is next to it" if is_relative else ""


def output_path(template: str, obj: bpy.types.Object) -> str:
    """The template's absolute path for a head, `{version}` left as it is. Raises UserError."""
    if not template:
        raise UserError("No output path is set; choose one in the panel.")
    if unsaved_reason(template):
        raise UserError(f"{template} is next to the .blend, which was never saved; save it or choose another folder.")
    return open_files.absolute(template.replace("{head}", bpy.path.clean_name(obj.name)))


def bake_path(job: Bake, obj: bpy.types.Object) -> str:
    """Where `job` bakes to: the newest version where that is a bake of the same shot, finished or not; else the next
    version. A template without `{version}` names one file. Raises UserError."""
    settings = settings_of(obj)
    path = output_path(settings.bake_out.replace("{take}", VERSION), obj)  # 0.1.0 wrote a hash there
    if VERSION not in path:
        return path
    versions = existing_versions(path)
    newest = max(versions, default=0)
    if newest and _is_same_shot(versions[newest], job, settings.head_hash):
        return versions[newest]
    return path.replace(VERSION, f"v{newest + 1:03d}")


def existing_versions(path: str) -> dict[int, str]:
    """Number -> file, of the files that are there with a number in place of `{version}`."""
    first, *rest = map(re.escape, path.split(VERSION))
    pattern = re.compile(first + r"v(?P<number>\d{3,})" + r"v(?P=number)".join(rest))
    files = glob.glob("v[0-9]*".join(map(glob.escape, path.split(VERSION))))
    matches = (pattern.fullmatch(file) for file in files)
    return {int(match["number"]): match[0] for match in matches if match}


def _is_same_shot(path: str, job: Bake, head_hash: str) -> bool:
    """Whether the file is a bake that `job` would continue. Raises UserError where the sound is missing."""
    try:
        card = _read_card(path)
    except UserError:  # damaged, or no bake: it stays as it is and the next version is written
        return False
    sound_hash = open_files.sound_hash(job.audio)
    return (card.head_hash, card.audio_hash) == (head_hash, sound_hash) and shot_of(card) == shot_of(job)


def shot_of(source: BakeCard | Bake) -> tuple:
    """What a bake and a job must agree in, head and sound apart, to be of the same shot."""
    controls = source.controls
    if isinstance(source, Bake):
        controls = controls_card(source.controls_per_frame or (source.controls,))
    return Fraction(source.fps), source.frame_start, source.frame_count, source.offset, controls


def _read_card(path: str) -> BakeCard:
    with open_untrusted(path) as (file, size):
        return BakeHeader(file, size, path).card

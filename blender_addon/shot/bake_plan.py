# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a shot is baked to and what becomes of the bakes that are there: continued, kept beside the next version, or,
under a name without `{version}`, replaced.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ...core.formats import BakeCard, BakeHeader, UserError, open_untrusted
from ...core.jobs import Bake, existing_versions, has_version, with_version
from ...core.performance import change_pose
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..speech.attached_sounds import audio_hash
from ..speech.words_file import words_hash
from .comparison import as_baked, differences
from .output_paths import output_path


@dataclass(frozen=True)
class BakePlan:
    """What Bake will do."""

    job: Bake
    continues: bool = False  # a bake of this very shot, finished or not
    stored: int = 0  # frames that it holds already
    replaces: tuple[str, ...] = ()  # in what the bake of the same name that is replaced differs

    @property
    def sentence(self) -> str:
        """As the panel says it before the button is pressed."""
        name = Path(self.job.out).name
        if self.continues and self.stored == self.job.frame_count:
            return f"{name} is up to date: all {self.stored} frames are baked"
        if self.continues:
            return f"Bake continues {name}: {self.stored} of {self.job.frame_count} frames are baked"
        if self.replaces:
            return f"Bake replaces {name}, which is another shot ({', '.join(self.replaces)})"
        if not self.job.sounds:
            name += ", without a sound"
        if self.job.reuse:
            return f"Bake makes {name}; frames that have not changed come from {Path(self.job.reuse).name}"
        return f"Bake makes {name}"


def plan_bake(job: Bake, obj: bpy.types.Object) -> BakePlan:
    """What Bake does with the shot of `job`, which has no `out` yet and whose sounds are named as `sound_source` names
    them. Raises UserError.

    The newest version is continued where it is a bake of the same shot, and the one that the active take plays where
    the head has takes; else the next version is made. A template without `{version}` names one file.
    """
    template = output_path(settings_of(obj).bake_out.replace("{take}", "{version}"), obj)  # 0.1.0 wrote a hash there
    if not has_version(template):
        return _plan_for(template, job, obj)
    versions = existing_versions(template)
    newest = max(versions, default=0)
    if not newest:
        return BakePlan(replace(job, out=with_version(template, 1)))
    of_take = head_paths.path_of(obj, "bake") if settings_of(obj).takes else ""
    alike = [path for path in dict.fromkeys((of_take, versions[newest])) if path in versions.values()]
    for path in alike:
        plan = _plan_for(path, job, obj)
        if plan.continues:
            return plan
    return BakePlan(replace(job, out=with_version(template, newest + 1), reuse=alike[0]))


def _plan_for(path: str, job: Bake, obj: bpy.types.Object) -> BakePlan:
    """What Bake does with the bake at `path`. Raises UserError where the sound is missing."""
    job = replace(job, out=path)
    try:
        header = _read_header(path)
    except UserError:  # nothing is there; or it is damaged, or no bake, and then the worker says so
        return BakePlan(job)
    changed = differences(job, header.card, header.keyed_controls, header.pose_change)
    if header.card.head_hash != settings_of(obj).head_hash:
        changed.append("the head")
    if header.card.audio_hash != audio_hash(job, obj):
        changed.append("the sound")
    if header.card.words_hash != words_hash(job, obj):
        changed.append("the words")
    continued = as_baked(job, header.card, header.keyed_controls, header.pose_change)
    if not changed and has_other_rig(continued, header.card, obj):
        changed.append("the rig")
    if changed:
        return BakePlan(job, replaces=tuple(changed))
    return BakePlan(continued, continues=True, stored=_count_stored(path))


def has_other_rig(job: Bake, card: BakeCard, obj: bpy.types.Object) -> bool:
    """Whether the head's rig, as far as the shot uses it, is another than that of its bake. Raises UserError."""
    is_controlled = change_pose(job.controls_per_frame or job.controls)
    if not (is_controlled or job.pose_change.channels or card.pose_change):
        return False  # without hashing the rig
    rig = open_files.head(head_paths.path_of(obj, "head")).file.rig_hash
    wanted = job.pose_change.to_card(rig, is_controlled)
    return wanted.get("rig", "") != card.pose_change.get("rig", "")


def _count_stored(path: str) -> int:
    try:
        return len(open_files.bake(path).frames)
    except UserError:  # damaged after its header: the worker bakes it again from there
        return 0


def _read_header(path: str) -> BakeHeader:
    with open_untrusted(path) as (file, size):
        return BakeHeader(file, size, path)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot as exact numbers: which frames, each frame's own time in the sound, each frame's controls.

Everything is a Fraction until the performance is evaluated, so that no frame of a long shot drifts.
Knows neither heads nor files.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from ..formats import UserError, span_of_frames
from ..jobs import Bake
from ..performance import Controls, PoseChange, controls_card, frame_time, parse_rate

MOST_SECONDS = 86400  # of offset: a day


@dataclass(frozen=True)
class Shot:
    """Frames `frame_start` .. `frame_start + frame_count - 1` at `rate`; the sound starts `offset` seconds in."""

    rate: Fraction
    frame_start: int
    frame_count: int
    offset: Fraction
    controls: tuple[Controls, ...]  # one for all, or one a frame
    sounds: tuple[int, ...] = ()  # which sound is heard, one a frame; empty: the only one
    pose_change: PoseChange = field(default_factory=PoseChange)

    @staticmethod
    def of(job: Bake, duration: Fraction | None) -> "Shot":
        """The job's shot; `duration` of the sound in seconds settles a frame count of 0. None: it has no sound. Raises
        UserError."""
        rate = parse_rate(job.fps)
        if not math.isfinite(job.offset) or abs(job.offset) > MOST_SECONDS:
            raise UserError(f"offset {job.offset} is out of range; give seconds within a day.")
        offset = Fraction(job.offset)
        start, count = _frame_range(job, None if duration is None else offset + duration, rate)
        per_frame = job.controls_per_frame
        if per_frame and len(per_frame) != count:
            raise UserError(f"controls_per_frame holds {len(per_frame)} controls for {count} frames; give one a frame.")
        for i, controls in enumerate(per_frame or (job.controls,)):
            if names := controls.non_finite():
                where = f" at frame {start + i}" if per_frame else ""
                raise UserError(f"control {names[0]}{where} is not a finite number; reset it.")
        if len(job.pose_change.values) not in (0, 1, count):
            raise UserError(
                f"pose_change holds {len(job.pose_change.values)} rows for {count} frames; give one a frame."
            )
        sounds = job.audio_per_frame
        if (len(sounds) != count if job.more_audio else sounds) or not set(sounds) <= set(
            range(len(job.more_audio) + 1)
        ):
            raise UserError(
                f"audio_per_frame does not name one of {len(job.more_audio) + 1} sounds for each of {count} frames."
            )
        return Shot(rate, start, count, offset, per_frame or (job.controls,), sounds, job.pose_change)

    @property
    def span(self) -> range:
        """All frame numbers."""
        return range(self.frame_start, self.frame_start + self.frame_count)

    def sound_time(self, frame: int) -> Fraction:
        """Seconds on the sound's own clock at `frame`; below 0 before it starts."""
        return frame_time(frame, self.frame_start, self.rate) - self.offset

    def controls_at(self, frame: int) -> Controls:
        """What the sliders say at `frame`."""
        return self.controls[frame - self.frame_start if len(self.controls) > 1 else 0]

    def pose_change_at(self, frame: int) -> dict[str, float]:
        """What is added to the pose at `frame`: channel of the rig -> mm."""
        return self.pose_change.at(frame - self.frame_start)

    def sound_at(self, frame: int) -> int:
        """Which of the shot's sounds is heard at `frame`, from 0."""
        return self.sounds[frame - self.frame_start] if self.sounds else 0

    def controls_card(self) -> dict:
        """For the bake's card: the controls, or the number and hash of keyframed ones."""
        return controls_card(self.controls)


def _frame_range(job: Bake, end: Fraction | None, rate: Fraction) -> tuple[int, int]:
    """(the first frame, the number of frames). end: of the sound, in seconds after the first frame."""
    if job.frame_count > 0:
        return job.frame_start, job.frame_count
    if end is None and job.frame_count == 0:
        if not job.frames:
            raise UserError("a shot without a sound has no length; set frames, such as 1-24, frame_count, or audio.")
        span = span_of_frames(job.frames)
        return span[0], len(span)
    count = 0 if end is None or job.frame_count < 0 else math.ceil(end * rate)
    if count <= 0:
        sound = "" if end is None else f", the sound ends {float(end):.3f} s after the first frame"
        raise UserError(f"the shot has no frame (frame_count {job.frame_count}{sound}); set frame_count or the offset.")
    return job.frame_start, count

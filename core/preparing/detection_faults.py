# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a clip cannot be used, by what was detected in it: no face, several, a cut, another framing.

A reason reads on from the clip's name. Letters: T frames of a clip.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .detect import Detection
from .prepare_settings import (
    CUT_COLOUR_SHARE,
    CUT_FACE_JUMP,
    MAX_CROWDED_SHARE,
    MAX_FRAMING_RATIO,
    MAX_LOST_SHARE,
    MIN_CLIP_SECONDS,
    MIN_FACE_WIDTH,
)
from .source_clip import SourceClip

NOSE_TIP = 1  # MediaPipe landmark
FRAMES_AROUND_CUT = 3  # that a face stays at its new place after a cut; a wrong detection is gone sooner
MAX_NAMED_CUTS = 3


def detection_fault(clip: SourceClip, detection: Detection) -> str:
    """Why this clip cannot be used; empty where it can."""
    count, with_face, damaged = len(detection.faces), int(detection.seen.sum()), int(detection.damaged.sum())
    several = detection.faces > 1
    if damaged > MAX_LOST_SHARE * count:
        return f"is damaged: {damaged} of its {count} frames are broken or missing; copy or export it again"
    if with_face < (1 - MAX_LOST_SHARE) * count or with_face < MIN_CLIP_SECONDS * clip.rate / 2:
        return f"shows a face in only {with_face} of {count} frames; film the face from the front, well lit"
    if several.mean() > MAX_CROWDED_SHARE:
        return f"shows several faces in {int(several.sum())} of {count} frames; crop the video to one person"
    cuts = find_cuts(detection)
    if len(cuts):
        return f"is cut at {_times(cuts, clip)}; export each shot as a separate file"
    if detection.face_width < MIN_FACE_WIDTH:
        return (
            f"shows a face only {detection.face_width:.0f} pixels wide, and at least {MIN_FACE_WIDTH:.0f} are needed; "
            "film closer, or use the video at full size"
        )
    return ""


def _times(cuts: np.ndarray, clip: SourceClip) -> str:
    times = ", ".join(f"{float(k / clip.rate):.2f} s" for k in cuts[:MAX_NAMED_CUTS])
    return f"{times} and more" if len(cuts) > MAX_NAMED_CUTS else times


def find_cuts(detection: Detection) -> np.ndarray:
    """Frames that begin another shot: the picture's colours change at once, or the face jumps and stays there.

    A video that begins with grey pictures is not cut: there is no face before.
    """
    seen, nose = detection.seen, detection.points[:, NOSE_TIP, :2]
    min_jump = CUT_FACE_JUMP * max(detection.face_width, 1.0)
    cuts = []
    for k in np.flatnonzero(seen[1:] & seen[:-1]) + 1:
        around = (slice(max(k - FRAMES_AROUND_CUT, 0), k), slice(k, k + FRAMES_AROUND_CUT))
        before, after = (np.median(nose[part][seen[part]], axis=0) for part in around)
        stays = np.linalg.norm(after - before) > min_jump
        jumps = np.linalg.norm(nose[k] - nose[k - 1]) > min_jump
        if detection.colour_change[k] > CUT_COLOUR_SHARE or (stays and jumps):
            cuts.append(k)
    return np.array(cuts, np.int64)


def framing_faults(
    clips: Sequence[SourceClip],
    face_widths: Mapping[str, float],  # pixels, by clip
) -> dict[str, str]:
    """Clip -> why it does not match the framing of most clips."""
    sizes = Counter(clip.size for clip in clips)
    usual = max(sizes, key=lambda size: (sizes[size], size)) if sizes else (0, 0)
    median = float(np.median([face_widths[clip.name] for clip in clips if clip.size == usual])) if sizes else 0.0
    faults = {}
    for clip in clips:
        if clip.size != usual:
            faults[clip.name] = (
                f"is {clip.size[0]}x{clip.size[1]} pixels, the other clips are {usual[0]}x{usual[1]}; "
                "scale it, or prepare it separately"
            )
        elif not 1 / MAX_FRAMING_RATIO < face_widths[clip.name] / median < MAX_FRAMING_RATIO:
            faults[clip.name] = (
                f"shows the face {face_widths[clip.name]:.0f} pixels wide, the other clips {median:.0f}; "
                "prepare clips with another framing separately"
            )
    return faults

# SPDX-License-Identifier: GPL-3.0-or-later
"""The job's settings as checked values, and every threshold of `prepare`.

None of these numbers is in the paper (it starts from prepared data); each says why it is what it is.
"""

from dataclasses import dataclass
from fractions import Fraction

from ..formats import UserError, parse_ratio
from ..jobs import Prepare
from ..performance import parse_rate

VERSION = 2  # of what the stages compute; increased when their results change
MIN_SIDE, MAX_SIDE = 64, 4096  # pixels of a picture's side

# A clip is left out ...
MIN_CLIP_SECONDS = 1.0  # an audio encoder's window alone is half of that
MAX_LOST_SHARE = 0.2  # of frames without a face; between them the track is interpolated
MAX_CROWDED_SHARE = 0.2  # of frames with a second face: a poster or a passer-by is less
MIN_FACE_WIDTH = 60.0  # pixels: below it the mouth is 15 pixels wide and its inside is guesswork
CUT_COLOUR_SHARE = 0.5  # of the picture's colours that change from one frame to the next; speech changes below 0.1
CUT_FACE_JUMP = 0.3  # face widths that a face moves from one frame to the next where a shot is cut; 1 m/s at least
MAX_FRAMING_RATIO = 1.5  # of the face's size to the median clip's: another lens, another distance
MIN_PEAK = -60.0  # dB of full scale that the loudest sound reaches: a muted microphone
MAX_FIT_ERROR = 0.06  # of the face's width, the median distance of detected and fitted landmarks
MAX_FRAME_ERROR = 0.08  # the same for one frame, whose picture is then left out: a hand before the face, a blur

# ... and warned about
MIN_TOTAL_SECONDS = 60.0  # fewer sounds than a head needs
MAX_CLIPPED_SHARE = 0.001  # of samples at full scale
MAX_LATE_SECONDS = 0.16  # that the lips may seem late or early: they open before the sound, and 0.04..0.08 are natural
MIN_SPEECH_SHARE = 0.2  # of the sound: a lively interview has 0.5 and more, a noisy one little less


@dataclass(frozen=True)
class PrepareSettings:
    """The job's settings. The fields' names are part of the fingerprint by which finished footage is recognised
    (write_footage.finished_key), also that of 0.1.0: they stay."""

    rate: Fraction  # model frames a second
    aspect: Fraction | None  # width over height of a stored pixel; None: as the video says
    size: int  # pixels of a picture's side; 0: as the video has them
    torso: str  # "keep" or "fade"
    every: int  # every Nth model frame becomes a picture
    most: int  # most pictures of a clip; 0: all
    focal: float  # focal length in square pixels of the video; 0: estimated
    test_share: float


def settings_from_job(job: Prepare) -> PrepareSettings:
    """The settings of a job. Raises UserError in one sentence that names the flag."""
    rate = parse_rate(job.rate)
    if not 10 <= rate <= 120:
        raise UserError(f"--rate {job.rate}: a head is trained at 10 to 120 frames a second; 25 is the usual rate.")
    if job.torso not in ("keep", "fade"):
        raise UserError(f"--torso {job.torso}: choose keep or fade.")
    if job.every < 1 or job.pictures_per_clip < 0 or job.workers < 0:
        raise UserError("--every must be 1 or more, --pictures-per-clip and --workers 0 or more.")
    if not 0 <= job.test_share <= 0.5:
        raise UserError(f"--test-share {job.test_share}: give a share from 0 to 0.5.")
    if not (job.focal == 0 or 50 <= job.focal <= 1e5):
        raise UserError(f"--focal {job.focal}: give the focal length in pixels of the video, or 0 to estimate it.")
    return PrepareSettings(
        rate,
        _parse_aspect(job.pixel_aspect),
        _parse_size(job.size),
        job.torso,
        job.every,
        job.pictures_per_clip,
        float(job.focal),
        float(job.test_share),
    )


def _parse_size(text: str) -> int:
    """Pixels of a picture's side; 0 for "native"."""
    size = 0 if text == "native" else int(text) if text.isascii() and text.isdigit() else -1
    if size and not MIN_SIDE <= size <= MAX_SIDE:
        raise UserError(f"--size {text}: give {MIN_SIDE} to {MAX_SIDE} pixels, or native.")
    return size


def _parse_aspect(text: str) -> Fraction | None:
    """16/15 or 16:15 as a fraction; None for an empty text."""
    if not text:
        return None
    aspect = parse_ratio(text.replace(":", "/"))
    if aspect is None or not Fraction(1, 4) <= aspect <= 4:
        raise UserError(f"--pixel-aspect {text}: give the width over the height of a stored pixel, such as 16/15.")
    return aspect

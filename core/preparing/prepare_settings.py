# SPDX-License-Identifier: GPL-3.0-or-later
"""The job's words as checked values, and every threshold of `prepare` once.

None of these numbers is in the paper (it starts from prepared data); each says why it is what it is.
"""

from dataclasses import dataclass
from fractions import Fraction

from ..formats import UserError
from ..jobs import Prepare
from ..performance import parse_rate

VERSION = 2  # of what the stages compute; raised when their results change
SIDES = (64, 4096)  # pixels of a picture's side that can be asked for

# A clip is left out ...
SHORTEST = 1.0  # seconds; an encoder's window alone is half of that
MOST_LOST = 0.2  # share of frames without a face; between them the track is interpolated
MOST_CROWDED = 0.2  # share of frames with a second face: a poster or a passer-by is less
SMALLEST = 60.0  # pixels of face width: below it the mouth is 15 pixels wide and its inside is guesswork
CUT = 0.5  # share of the picture's colours that change from one frame to the next; speech changes below 0.1
LEAP = 0.3  # face widths that a face moves from one frame to the next where a take is cut; 1 m/s at least
OTHER_FRAMING = 1.5  # times larger or smaller than the middle clip's face: another lens, another place
FAINTEST = -60.0  # dB of full scale that the loudest sound reaches: a muted microphone
WORST_FIT = 0.06  # of the face's width, the mean distance of tracked and fitted landmarks
WORST_FRAME = 0.08  # the same for one frame, whose picture is then left out: a hand before the face, a blur

# ... and told about
LITTLE = 60.0  # seconds in all: fewer sounds than a head needs
CLIPPED = 0.001  # share of samples at full scale
TELLING = 10.0  # seconds from which lips and loudness have one best place: of single GRID sentences many have several
LATE = (4.0, 0.2)  # frames that the lips may seem late or early, and the correlation from which that says anything


@dataclass(frozen=True)
class PrepareSettings:
    """What was asked for."""

    rate: Fraction  # model frames a second
    aspect: Fraction | None  # width over height of a stored pixel; None: as the video says
    size: int  # pixels of a picture's side; 0: as the video has them
    torso: str  # "keep" or "fade"
    every: int  # a picture of every so many model frames
    most: int  # pictures of a clip at most; 0: all
    focal: float  # pixels of the video, square ones; 0: estimated
    test_share: float


def settings_from_job(job: Prepare) -> PrepareSettings:
    """Raises UserError in one sentence that names the flag."""
    rate = parse_rate(job.rate)
    if not 10 <= rate <= 120:
        raise UserError(f"--rate {job.rate}: a head is trained at 10 to 120 frames a second; 25 is the usual rate.")
    size = 0 if job.size == "native" else int(job.size) if job.size.isascii() and job.size.isdigit() else -1
    if size and not SIDES[0] <= size <= SIDES[1]:
        raise UserError(f"--size {job.size}: give {SIDES[0]} to {SIDES[1]} pixels, or native.")
    if job.torso not in ("keep", "fade"):
        raise UserError(f"--torso {job.torso}: choose keep or fade.")
    if job.every < 1 or job.pictures_per_clip < 0 or job.workers < 0:
        raise UserError("--every must be 1 or more, --pictures-per-clip and --workers 0 or more.")
    if not 0 <= job.test_share <= 0.5:
        raise UserError(f"--test-share {job.test_share}: give a share from 0 to 0.5.")
    if not (job.focal == 0 or 50 <= job.focal <= 1e5):
        raise UserError(
            f"--focal {job.focal}: give the focal length in pixels of the video, or 0 to have it estimated."
        )
    return PrepareSettings(
        rate,
        _aspect(job.pixel_aspect),
        size,
        job.torso,
        job.every,
        job.pictures_per_clip,
        float(job.focal),
        float(job.test_share),
    )


def _aspect(words: str) -> Fraction | None:
    if not words:
        return None
    try:
        aspect = Fraction(words.replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        aspect = Fraction(0)
    if not Fraction(1, 4) <= aspect <= 4:
        raise UserError(f"--pixel-aspect {words}: give the width over the height of a stored pixel, such as 16/15.")
    return aspect

# SPDX-License-Identifier: GPL-3.0-or-later
"""The job's handler: everything that is measured of a head on what was held back from it.

Pictures of held-back clips and from an unseen camera (whole, face, mouth), landmarks detected alike on true and drawn
pictures, lips in time, silence, and a delayed voice; next to it the best head that never moves. Each figure comes with
how many frames it is of and how large they are.

    talksplat evaluate HEAD FOOTAGE [--out F.json] [--video side.mp4] [--strip strip.png] [--words FOLDER]
        [--voices FOLDER] [--clips N]
"""

import json
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

from ..footage import Footage
from ..formats import UserError, atomic_write, read_head
from ..jobs import Evaluate, Event, Finished, Started, Warned
from ..metrics import StLpips
from .audio_to_lips import fit_audio_to_lips
from .comparison_movie import ComparisonMovie, MomentStrip
from .evaluation_tables import evaluation_tables
from .evaluator import Evaluator
from .face_opacity import measure_face_opacity, opacity_warning
from .final_metrics import evenly_spaced
from .held_back import HeldBackPass, HeldBackSet
from .landmark_detector import LandmarkDetector
from .samples import clip_samples
from .static_baseline import choose_static_baselines
from .voices import head_lips, measure_voices


def evaluate(job: Evaluate) -> Generator[Event, None, None]:
    """Raises UserError for a head and footage that do not fit, and for footage that holds nothing back or everything.
    Closing it leaves no unfinished file."""
    if job.out.endswith(".md"):
        raise UserError(f"{job.out} would be overwritten by the table; give the file of figures a name in .json.")
    head, footage = read_head(job.head), Footage.open(job.footage)
    yield Started(f"Measuring {Path(job.head).name} on {Path(job.footage).name}", 0)
    evaluator = Evaluator(head, footage)
    clips = evenly_spaced(footage.clips_of("test"), job.clips or len(footage.clips))
    views = [int(i) for i in footage.frames("camera")]
    _check_split(footage, clips, views)
    result = yield from _measure(job, evaluator, clips, views)
    result["opacity"] = yield from measure_face_opacity(evaluator)
    if sentence := opacity_warning(job.head, result["opacity"]):
        yield Warned(sentence)
    if job.voices:
        result["voices"] = yield from measure_voices(head_lips(head), Path(job.voices))
    if job.video:
        result["video"] = job.video
    if job.out:
        _write_result(Path(job.out), result)
    yield Finished(result)


def _measure(job: Evaluate, evaluator: Evaluator, clips: list[int], views: list[int]) -> Generator[Event, None, dict]:
    """Returns the result; writes the movie and the strip."""
    with ExitStack() as stack:
        detector = stack.enter_context(LandmarkDetector())
        if detector.missing:
            yield Warned(f"Landmarks on pictures are left out: {detector.missing}")
        st_lpips, missing = _find_st_lpips()
        if missing:
            yield Warned(f"ST-LPIPS is left out: {missing}")
        yield from _check_words(job, evaluator.footage, clips)
        baselines = yield from choose_static_baselines(evaluator, detector)
        audio_to_lips = yield from fit_audio_to_lips(evaluator)
        held_back = HeldBackSet({clip: clip_samples(evaluator, clip) for clip in clips}, views, job.words)
        filmed = [clip for clip in clips if held_back.samples[clip]]
        movie = stack.enter_context(ComparisonMovie(job.video, evaluator.footage, filmed))
        strip = MomentStrip(job.strip, evaluator.footage, held_back.samples)
        measurement = HeldBackPass(evaluator, detector, baselines, audio_to_lips, st_lpips)
        result = yield from measurement.run(held_back, movie, strip)
    return result | ({"strip": job.strip} if strip.write() else {})


def _check_split(footage: Footage, clips: list[int], views: list[int]) -> None:
    """Raises UserError where nothing is held back, or everything."""
    if not clips and not views:
        raise UserError(f"{footage.folder} holds no clip and no camera back; prepare it again with a test share.")
    if not footage.clips_of("train"):
        raise UserError(
            f"{footage.folder} holds every clip back, so there is nothing to compare with; prepare it again "
            "with a smaller test share."
        )


def _find_st_lpips() -> tuple[StLpips | None, str]:
    """The metric, or the sentence that says why there is none."""
    try:
        return StLpips.from_package(), ""
    except UserError as error:
        return None, str(error)


def _check_words(job: Evaluate, footage: Footage, clips: list[int]) -> Generator[Event, None, None]:
    """Warns of clips without words. Raises UserError where none has any."""
    if not job.words:
        return
    names = [footage.clips[clip].name for clip in clips]
    missing = [name for name in names if not (Path(job.words) / f"{name}.align").is_file()]
    if names and len(missing) == len(names):
        raise UserError(
            f"{job.words} has no {names[0]}.align and none for any other held-back clip; choose the folder with "
            "GRID's .align files."
        )
    if missing:
        yield Warned(
            f"{len(missing)} of {len(names)} clips have no .align file in {job.words}; closures are measured "
            "on the others."
        )


def _write_result(out: Path, result: dict) -> None:
    """The figures as JSON, and the tables next to it as markdown."""
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(result, indent=1), encoding="utf-8")
    with atomic_write(out.with_suffix(".md")) as temporary:
        temporary.write_text(evaluation_tables(result), encoding="utf-8")

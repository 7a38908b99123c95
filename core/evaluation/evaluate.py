# SPDX-License-Identifier: GPL-3.0-or-later
"""The deed: everything there is to say about a head on what was held back from it.

Pictures of unheard clips and from an unseen camera (whole, face, mouth), landmarks found by one detector on true and
drawn pictures, lips in time, silence, and a delayed voice; beside it the strongest head that never moves. Each figure
comes with how many frames it is of and how large they are.

    talksplat evaluate HEAD FOOTAGE [--out F.json] [--video side.mp4] [--strip strip.png] [--words FOLDER] [--clips N]
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..audio import load_sound
from ..footage import Footage
from ..formats import UserError, atomic_write, read_head
from ..jobs import Evaluate, Event, Finished, Pace, Progress, Started, Warned
from ..metrics import StLpips, bilabial_spans, pauses, read_align, silent_spans
from .audio_to_lips import AudioToLips, fit_audio_to_lips
from .comparison_movie import ComparisonMovie, MomentStrip
from .delayed_voice import recovered_shifts, shift_summary
from .evaluation_tables import evaluation_tables
from .evaluator import Evaluator
from .final_metrics import evenly_spaced
from .landmark_detector import DETECTOR_NAME, LandmarkDetector, relative_gap
from .lip_sync import SpokenClip, closures, filled, likeness, offsets, silence, speak_clip
from .picture_metrics import SampleResult, Tally, measure_sample
from .samples import Sample, sample_of, samples_of
from .static_baseline import StaticBaselines, strongest_baseline

ST_LPIPS_PICTURES = 120  # of either kind at most, evenly chosen: it takes as long as all the rest of a picture together
LEAST = 23  # model frames of a clip whose lips are shifted: 15 to either side and 8 that overlap


def evaluate(job: Evaluate) -> Iterator[Event]:
    """Raises UserError for a head and footage that do not fit, or footage that holds nothing back, or nothing else."""
    if job.out.endswith(".md"):
        raise UserError(f"{job.out} is where the table will stand; name the figures' file .json.")
    head, footage = read_head(job.head), Footage.open(job.footage)
    yield Started(f"Measuring {Path(job.head).name} on {Path(job.footage).name}", 0)
    judge = Evaluator(head, footage)
    clips = evenly_spaced(list(footage.clips_of("test")), job.clips or len(footage.clips))
    views = [int(i) for i in footage.frames("camera")]
    if not clips and not views:
        raise UserError(f"{footage.folder} holds no clip and no camera back; prepare it again with a test share.")
    if not footage.clips_of("train"):
        raise UserError(
            f"{footage.folder} holds every clip back, so there is nothing to compare with; prepare it again "
            "with a smaller test share."
        )
    with ExitStack() as stack:
        eyes = stack.enter_context(LandmarkDetector())
        if eyes.missing:
            yield Warned(f"Landmarks on pictures are left out: {eyes.missing}")
        st_lpips, missing = _st_lpips()
        if missing:
            yield Warned(f"ST-LPIPS is left out: {missing}")
        yield from _unwritten(job, footage, clips)
        statics = yield from strongest_baseline(judge, eyes)
        listener = yield from fit_audio_to_lips(judge)
        takes = {clip: samples_of(judge, clip) for clip in clips}
        film = stack.enter_context(ComparisonMovie(job.video, footage, [clip for clip in clips if takes[clip]]))
        strip = MomentStrip(job.strip, footage, takes)
        examined = _Examined(judge, eyes, st_lpips, statics, listener, film, strip, job.words)
        result = yield from examined.all(takes, views)
    if strip.write():
        result["strip"] = job.strip
    if job.video:
        result["video"] = job.video
    if job.out:
        _write(Path(job.out), result)
    yield Finished(result)


def _st_lpips() -> tuple[StLpips | None, str]:
    """The metric, or the sentence that says why there is none."""
    try:
        return StLpips.found(), ""
    except UserError as refusal:
        return None, str(refusal)


def _write(out: Path, result: dict) -> None:
    with atomic_write(out) as beside:
        beside.write_text(json.dumps(result, indent=1), encoding="utf-8")
    with atomic_write(out.with_suffix(".md")) as beside:
        beside.write_text(evaluation_tables(result), encoding="utf-8")


def _unwritten(job: Evaluate, footage: Footage, clips: list[int]) -> Iterator[Event]:
    """Says which clips have no words. Raises UserError where none has."""
    if not job.words:
        return
    names = [footage.clips[clip].name for clip in clips]
    without = [name for name in names if not (Path(job.words) / f"{name}.align").is_file()]
    if names and len(without) == len(names):
        raise UserError(
            f"{job.words} holds no {names[0]}.align nor one for another held-back clip; give the folder with "
            "GRID's .align files."
        )
    if without:
        yield Warned(
            f"{len(without)} of {len(names)} clips have no .align file in {job.words}; closures are measured "
            "on the others."
        )


class _Examined:
    """One walk over all that was held back."""

    def __init__(
        self,
        judge: Evaluator,
        eyes: LandmarkDetector,
        st_lpips: StLpips | None,
        statics: StaticBaselines,
        listener: AudioToLips,
        film: ComparisonMovie,
        strip: MomentStrip,
        words: str,
    ) -> None:
        self.judge, self.eyes, self.st_lpips, self.statics, self.listener = judge, eyes, st_lpips, statics, listener
        self.film, self.strip, self.words = film, strip, words
        self.done = 0

    def all(self, takes: dict[int, list[Sample]], views: list[int]) -> Iterator[Progress]:
        """A generator that gives the result back."""
        pace = Pace(sum(map(len, takes.values())) + len(views) + len(takes))
        rows = [take.row for of in takes.values() for take in of if take.row is not None]
        self.closely = {*evenly_spaced(rows, ST_LPIPS_PICTURES), *evenly_spaced(views, ST_LPIPS_PICTURES)}
        heard, seen_from, said, delays = Tally(), Tally(), [], []
        for clip, of in takes.items():
            said.append((yield from self.clip(clip, of, heard, pace)))
            if len(said[-1].times) >= LEAST:
                delays.append(recovered_shifts(self.judge, clip))
            yield self.at(pace, "lips of unheard clips")
        for i in views:
            seen_from.add(self.seen(sample_of(self.judge.footage, i), self.judge.condition(i)))
            yield self.at(pace, "pictures from an unseen camera")
        return self.result(heard, seen_from, said, delays)

    def at(self, pace: Pace, note: str) -> Progress:
        self.done += 1
        return pace.at(self.done, note)

    def seen(self, take: Sample, condition) -> SampleResult:
        return measure_sample(
            self.judge, self.eyes, self.statics, take, condition, self.st_lpips if take.row in self.closely else None
        )

    def clip(self, clip: int, takes: list[Sample], tally: Tally, pace: Pace) -> Iterator[Progress]:
        """Every take of a clip; gives SpokenClip back."""
        judge, record = self.judge, speak_clip(self.judge, clip)
        gaps = {who: np.full(len(record.times), np.nan) for who in ("head", "truth")}
        conditions = (
            judge.spoken(
                judge.features(clip),
                np.array([take.time for take in takes]),
                np.stack([take.expression for take in takes]),
            )
            if takes
            else []
        )
        self.film.begin()
        for take, condition in zip(takes, conditions):
            if take.row is not None or self.eyes or self.film:
                one = self.seen(take, condition)
                tally.add(one), self.film.add(one), self.strip.add(one)
                for who in gaps:
                    if take.moment is not None:
                        gaps[who][take.moment] = relative_gap(one.marks.get(who))
            yield self.at(pace, f"unheard clip {record.name}")
        record.seen_gap, record.seen_true_gap = filled(gaps["head"]), filled(gaps["truth"])
        features = judge.features(clip, "moonshine")
        record.heard_gap = self.listener.gap(features, record.times, float(judge.footage.rate))
        self.spans(clip, record)
        return record

    def spans(self, clip: int, record: SpokenClip) -> None:
        """What is said when: from the words where they are given, else silence from the sound."""
        path = Path(self.words) / f"{record.name}.align"
        if self.words and path.is_file():
            words = read_align(path)
            record.bilabials, record.silences = bilabial_spans(words), pauses(words)
        else:
            sound = load_sound(self.judge.footage.clips[clip].audio)
            record.silences = silent_spans(sound.samples, sound.rate)

    def result(self, heard: Tally, seen_from: Tally, said: list[SpokenClip], delays: list[dict]) -> dict:
        footage, statics = self.judge.footage, self.statics
        pictures = {
            name: tally.result(self.eyes)
            for name, tally in (("unheard clips", heard), ("unseen camera", seen_from))
            if tally.figures
        }
        result = {
            "head": self.judge.head.card.name,
            "footage": footage.name,
            "rate": str(footage.rate),
            "picture size": [footage.width, footage.height],
            "detector": DETECTOR_NAME if self.eyes else "none",
            "static head": {
                "strongest in pictures": statics.pictures,
                "strongest in landmarks": statics.landmarks,
                "compared on train pictures": statics.count,
                "candidates": statics.compared,
            },
            "pictures": pictures,
        }
        if not said:
            return result
        long = [clip for clip in said if len(clip.times) >= LEAST]
        spelled = [clip for clip in said if clip.bilabials]
        result["lips"] = likeness(said)
        result["lip offset"] = {"ear": round(self.listener.r, 4)} | (offsets(long, footage.rate) if long else {})
        result["closure at p b m"] = closures(spelled) if spelled else {}
        result["silence motion"] = silence(said)
        result["delayed voice"] = shift_summary(delays)
        return result

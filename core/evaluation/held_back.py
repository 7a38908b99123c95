# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over everything that was held back from a head: each picture drawn and compared once, each clip spoken once.

The result's keys are a file format: `talksplat evaluate` writes them, tables and benchmarks read them.
"""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..audio import load_sound, silent_spans
from ..jobs import Pace, Progress
from ..metrics import Span, StLpips, bilabial_spans, read_align, word_pauses
from ..performance import Condition
from .audio_to_lips import ENCODER, AudioToLips
from .comparison_movie import ComparisonMovie, MomentStrip
from .delayed_voice import recover_shifts, summarize_shifts
from .evaluator import Evaluator
from .final_metrics import evenly_spaced
from .landmark_detector import DETECTOR_NAME, LandmarkDetector, relative_lip_gap
from .lip_sync import (
    SpokenClip,
    closure_metrics,
    fill_lost_frames,
    lip_gap_metrics,
    lip_offset_metrics,
    silence_metrics,
    speak_clip,
)
from .picture_metrics import PictureSummary, SampleEvaluator, SampleResult
from .samples import Sample, picture_sample
from .static_baseline import StaticBaselines

ST_LPIPS_PICTURES = 120  # of either kind at most, evenly chosen: it takes as long as everything else for a picture
MIN_FRAMES = 23  # of a clip whose lips are shifted: 15 to either side and 8 that overlap


@dataclass(frozen=True)
class HeldBackSet:
    """What is measured."""

    samples: dict[int, list[Sample]]  # held-back clip -> its samples
    views: list[int]  # pictures from an unseen camera
    words: str  # folder of .align files, or ""

    def for_st_lpips(self) -> set[int]:
        """The pictures that ST-LPIPS is computed for."""
        rows = [sample.row for samples in self.samples.values() for sample in samples if sample.row is not None]
        return {*evenly_spaced(rows, ST_LPIPS_PICTURES), *evenly_spaced(self.views, ST_LPIPS_PICTURES)}


class HeldBackPass:
    """Measures a HeldBackSet; fills the movie and the strip on the way."""

    def __init__(
        self,
        evaluator: Evaluator,
        detector: LandmarkDetector,
        baselines: StaticBaselines,
        audio_to_lips: AudioToLips,
        st_lpips: StLpips | None,
    ) -> None:
        self.evaluator, self.detector, self.baselines = evaluator, detector, baselines
        self.audio_to_lips, self.st_lpips = audio_to_lips, st_lpips
        self.sample_evaluator = SampleEvaluator(evaluator, detector, baselines)

    def run(
        self, held_back: HeldBackSet, movie: ComparisonMovie, strip: MomentStrip
    ) -> Generator[Progress, None, dict]:
        """Returns the result."""
        self.movie, self.strip, self.st_lpips_rows = movie, strip, held_back.for_st_lpips()
        samples, views = held_back.samples, held_back.views
        pace = Pace(sum(map(len, samples.values())) + len(views) + len(samples))
        clip_pictures, view_pictures, spoken, shifts = PictureSummary(), PictureSummary(), [], []
        for clip, own in samples.items():
            spoken.append((yield from self._clip(clip, own, clip_pictures, pace)))
            self._find_spans(clip, spoken[-1], held_back.words)
            if len(spoken[-1].times) >= MIN_FRAMES:
                shifts.append(recover_shifts(self.evaluator, clip))
            yield pace.at(pace.done + 1, "lips of unheard clips")
        for i in views:
            view_pictures.add(self._evaluate(picture_sample(self.evaluator.footage, i), self.evaluator.condition(i)))
            yield pace.at(pace.done + 1, "pictures from an unseen camera")
        pictures = {"unheard clips": clip_pictures, "unseen camera": view_pictures}
        return self._picture_result(pictures) | (self._lip_result(spoken, shifts) if spoken else {})

    def _evaluate(self, sample: Sample, condition: Condition) -> SampleResult:
        st_lpips = self.st_lpips if sample.row in self.st_lpips_rows else None
        return self.sample_evaluator.evaluate(sample, condition, st_lpips)

    def _clip(
        self, clip: int, samples: list[Sample], summary: PictureSummary, pace: Pace
    ) -> Generator[Progress, None, SpokenClip]:
        """Every sample of a clip; returns the clip with its gaps."""
        evaluator, spoken = self.evaluator, speak_clip(self.evaluator, clip)
        gaps = {who: np.full(len(spoken.times), np.nan) for who in ("head", "truth")}
        self.movie.begin_clip()
        for sample, condition in zip(samples, self._conditions(clip, samples)):
            if sample.row is not None or self.detector or self.movie:
                result = self._evaluate(sample, condition)
                for output in (summary, self.movie, self.strip):
                    output.add(result)
                if sample.moment is not None:
                    for who, gap in gaps.items():
                        gap[sample.moment] = relative_lip_gap(result.landmarks.get(who))
            yield pace.at(pace.done + 1, f"unheard clip {spoken.name}")
        spoken.detected_gap, spoken.detected_target_gap = (fill_lost_frames(gap) for gap in gaps.values())
        features = evaluator.audio_features(clip, ENCODER)
        spoken.audio_gap = self.audio_to_lips.predict(features, spoken.times, float(evaluator.footage.rate))
        return spoken

    def _conditions(self, clip: int, samples: list[Sample]) -> list[Condition]:
        """What drives each sample of a clip: the audio, and the upper face of its moment."""
        if not samples:
            return []
        times, expression = np.array([s.time for s in samples]), np.stack([s.expression for s in samples])
        return self.evaluator.conditions_at(self.evaluator.audio_features(clip), times, expression)

    def _find_spans(self, clip: int, spoken: SpokenClip, words: str) -> None:
        """Bilabials and silences from the words where they are given, else silences from the sound."""
        path = Path(words) / f"{spoken.name}.align"
        if words and path.is_file():
            aligned = read_align(path)
            spoken.bilabials, spoken.silences = bilabial_spans(aligned), word_pauses(aligned)
        else:
            sound = load_sound(self.evaluator.footage.clips[clip].audio)
            spoken.silences = [Span(*ends) for ends in silent_spans(sound.samples, sound.rate)]

    def _picture_result(self, pictures: dict[str, PictureSummary]) -> dict:
        footage, baselines = self.evaluator.footage, self.baselines
        return {
            "head": self.evaluator.head.card.name,
            "footage": footage.name,
            "rate": str(footage.rate),
            "picture size": [footage.width, footage.height],
            "detector": DETECTOR_NAME if self.detector else "none",
            "static head": {
                "strongest in pictures": baselines.best_by_psnr,
                "strongest in landmarks": baselines.best_by_lmd,
                "compared on train pictures": baselines.count,
                "candidates": baselines.scores,
            },
            "pictures": {name: summary.summary(self.detector) for name, summary in pictures.items() if summary.metrics},
        }

    def _lip_result(self, spoken: list[SpokenClip], shifts: list[dict]) -> dict:
        long = [clip for clip in spoken if len(clip.times) >= MIN_FRAMES]
        aligned = [clip for clip in spoken if clip.bilabials]
        r = {"audio to lips r": round(self.audio_to_lips.validation_r, 4)}
        return {
            "lips": lip_gap_metrics(spoken),
            "lip offset": r | (lip_offset_metrics(long, self.evaluator.footage.rate) if long else {}),
            "closure at p b m": closure_metrics(aligned) if aligned else {},
            "silence motion": silence_metrics(spoken),
            "delayed voice": summarize_shifts(shifts),
        }

# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of `prepare` through its stages: what each still has to compute, and what it says of the clips."""

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from ..formats import UserError
from ..jobs import Event
from . import detect, extract, fit_clips, identity, probe
from .backdrop_leak import leak_warning
from .clip_list import ClipList
from .clip_spans import choose_test_clips
from .detection_faults import detection_fault, framing_faults
from .extract import ExtractedClip, StageKeys
from .fit_clips import ClipFit
from .frame_selection import FrameSelection, select_pictures
from .identity import PersonIdentity
from .prepare_settings import MIN_TOTAL_SECONDS, PrepareSettings
from .prepared_clips import PreparedClips
from .probe import ClipVoice
from .process_pool import ProcessPool
from .source_clip import SourceClip
from .source_videos import SourceVideo
from .stage_cache import Key, StageCache
from .stage_runner import StageRunner, StageTask

# Progress units of a frame: measured, so that the estimate does not jump.
DETECT_COST, FIT_COST, EXTRACT_COST = 4, 4, 12


class Preparation:
    """Call the stages in their order; each drops clips that it finds unusable. Stages raise UserError when no clip is
    left."""

    def __init__(
        self, settings: PrepareSettings, sources: Sequence[SourceVideo], out: Path, work: Path, pool: ProcessPool
    ) -> None:
        self.settings, self.sources, self.out, self.work = settings, sources, out, work
        self.cache, self.clips, self.runner = StageCache(work), ClipList(sources), StageRunner(pool)
        # By clip name.
        self.voices: dict[str, ClipVoice] = {}
        self.damaged: dict[str, int] = {}  # frames that are broken or missing in the video
        self.detect_keys: dict[str, Key] = {}
        self.fit_keys: dict[str, Key] = {}
        self.extract_keys: dict[str, Key] = {}

    def probe_videos(self) -> Generator[Event, None, None]:
        """Find the clips of the videos."""
        missing = [source for source in self.sources if self._probed_clips(source) is None]
        self.runner.total, self.runner.done = len(self.sources), len(self.sources) - len(missing)
        tasks = [StageTask(s.name, (s, self.settings, self.work, self.out), cost=1) for s in missing]
        errors = yield from self.runner.run("reading the videos", probe.probe, tasks)
        yield from self._drop_failed(errors)
        clips: list[SourceClip] = []
        for source in self.sources:
            for clip, voice in self._probed_clips(source) or []:
                clips.append(clip)
                self.voices[clip.name] = voice
                self.detect_keys[clip.name] = detect.cache_key(clip, probe.cache_key(source, self.settings))
        self.clips.add_clips(clips)
        yield from self._drop_faulty(lambda clip: self.voices[clip.name].fault())

    def start_progress(self) -> int:
        """The progress begins anew, now that the clips are known; returns its total."""
        self.runner.total = (DETECT_COST + FIT_COST + EXTRACT_COST) * self.clips.frame_count
        self.runner.done = 0
        return self.runner.total

    def detect_faces(self) -> Generator[Event, None, None]:
        """Find the face in every frame."""
        missing = [c for c in self.clips.kept if not self.cache.has(detect.STAGE, c.name, self.detect_keys[c.name])]
        yield from self._run_clips(
            "detecting the face",
            detect.detect,
            {clip.name: (clip, self.detect_keys[clip.name], self.work) for clip in missing},
            DETECT_COST,
        )
        face_widths, faults = {}, {}
        for clip in self.clips.kept:  # one detection at a time: of a long video not all fit into memory
            detection = detect.load_detection(self.cache, clip, self.detect_keys[clip.name])
            self.damaged[clip.name] = int(detection.damaged.sum())
            face_widths[clip.name] = detection.face_width
            faults[clip.name] = detection_fault(clip, detection)
        yield from self._drop_faulty(lambda clip: faults[clip.name])
        yield from self.clips.drop(framing_faults(self.clips.kept, face_widths))
        yield from self._warn_of_damage()

    def estimate_identity(self) -> Generator[Event, None, PersonIdentity]:
        """Returns what all clips share."""
        clips = [(clip, self.detect_keys[clip.name]) for clip in self.clips.kept]
        key = identity.cache_key([detect_key.hex() for _, detect_key in clips], self.settings)
        if not identity.has_identity(self.cache, key):
            task = StageTask(identity.NAME, (clips, self.settings, key, self.work))
            errors = yield from self.runner.run("measuring the person", identity.estimate_identity, [task])
            for error in errors.values():
                raise error
        return identity.load_identity(self.cache, key)

    def fit_faces(self, person: PersonIdentity) -> Generator[Event, None, None]:
        """Fit the rig to every frame."""
        keys = {c.name: fit_clips.cache_key(self.detect_keys[c.name], person, c) for c in self.clips.kept}
        self.fit_keys = keys
        missing = [clip for clip in self.clips.kept if not self.cache.has(fit_clips.STAGE, clip.name, keys[clip.name])]
        yield from self._run_clips(
            "tracking the face",
            fit_clips.fit,
            {c.name: (c, self.detect_keys[c.name], person.key, keys[c.name], self.work) for c in missing},
            FIT_COST,
        )
        yield from self._drop_faulty(lambda clip: self._load_fit(clip.name).fault())

    def extract_pictures(self, person: PersonIdentity) -> Generator[Event, None, PreparedClips]:
        """Write pictures and tracks; returns everything that the footage is made of."""
        yield from self._warn_of_other_light(person)
        selections, done = {}, self.runner.done
        while list(selections) != [clip.name for clip in self.clips.kept]:  # again without what was left out
            self.runner.done = done
            selections = select_pictures(self.clips.kept, self._load_fit, person.other_light, self.settings)
            yield from self._run_extract(person, selections)
        videos = [[clip.name for clip in clips] for clips in self.clips.by_video.values()]
        test_clips = choose_test_clips(videos, self.settings.test_share)
        yield from self._warn_of_few_clips(test_clips)
        prepared = self._prepared_clips(person, selections, test_clips)
        if sentence := leak_warning(self.out, prepared.extracted):
            yield self.clips.warn(sentence)
        return prepared

    def _probed_clips(self, source: SourceVideo) -> list[tuple[SourceClip, ClipVoice]] | None:
        return probe.load_probed_clips(self.cache, source, self.settings, self.out)

    def _load_fit(self, name: str) -> ClipFit:
        return fit_clips.load_fit(self.cache, name, self.fit_keys[name])

    def _load_extracted(self, name: str, selection: FrameSelection) -> ExtractedClip | None:
        return extract.load_extracted(self.cache, self.out, name, self.extract_keys[name], selection)

    def _extract_arguments(self, clip: SourceClip, person: PersonIdentity, selection: FrameSelection) -> tuple:
        keys = StageKeys(
            self.detect_keys[clip.name], person.key, self.fit_keys[clip.name], self.extract_keys[clip.name]
        )
        return clip, selection, keys, self.settings, self.work, self.out

    def _run_extract(
        self, person: PersonIdentity, selections: dict[str, FrameSelection]
    ) -> Generator[Event, None, None]:
        self.extract_keys = {
            name: extract.cache_key(self.fit_keys[name], self.settings, selection)
            for name, selection in selections.items()
        }
        yield from self._run_clips(
            "cutting out the pictures",
            extract.extract,
            {
                clip.name: self._extract_arguments(clip, person, selections[clip.name])
                for clip in self.clips.kept
                if self._load_extracted(clip.name, selections[clip.name]) is None
            },
            EXTRACT_COST,
        )

    def _prepared_clips(
        self, person: PersonIdentity, selections: dict[str, FrameSelection], test_clips: set[str]
    ) -> PreparedClips:
        extracted = {name: self._load_extracted(name, selection) for name, selection in selections.items()}
        return PreparedClips(
            self.clips.kept,
            person,
            self._load_fit,
            lambda name: extract.load_thumbnail(self.cache, name, self.extract_keys[name]),
            selections,
            {name: clip for name, clip in extracted.items() if clip is not None},
            self.voices,
            self.damaged,
            test_clips,
            self.clips.dropped,
            self.clips.warnings,
        )

    def _run_clips(
        self, note: str, function: Callable[..., None], arguments: dict[str, tuple], cost_per_frame: int
    ) -> Generator[Event, None, None]:
        """Run a stage on the clips that `arguments` names, and drop those that it finds unusable."""
        tasks = [
            StageTask(clip.name, arguments[clip.name], cost_per_frame * clip.span.count)
            for clip in self.clips.kept
            if clip.name in arguments
        ]
        self.runner.done += cost_per_frame * self.clips.frame_count - sum(task.cost for task in tasks)
        errors = yield from self.runner.run(note, function, tasks, cost_per_frame)
        yield from self._drop_failed(errors)

    def _drop_failed(self, errors: dict[str, UserError]) -> Iterator[Event]:
        return self.clips.drop({name: str(error).rstrip(".") for name, error in errors.items()})

    def _drop_faulty(self, fault_of: Callable[[SourceClip], str]) -> Iterator[Event]:
        return self.clips.drop({clip.name: fault for clip in self.clips.kept if (fault := fault_of(clip))})

    def _warn_of_damage(self) -> Iterator[Event]:
        for path, clips in self.clips.by_video.items():
            if damaged := sum(self.damaged[clip.name] for clip in clips):
                count = sum(clip.span.count for clip in clips)
                yield self.clips.warn(
                    f"{path}: {damaged} of its {count} frames are broken or missing in the file and "
                    "are not used as pictures; copy or export it again."
                )

    def _warn_of_other_light(self, person: PersonIdentity) -> Iterator[Event]:
        for clip in self.clips.kept:
            if clip.name in person.other_light:
                levels = person.other_light[clip.name]
                yield self.clips.warn(
                    f"{clip.name} was filmed in another light than the other clips ({levels:.0f} grey levels off); its "
                    "sound and motion are used, its pictures are not."
                )

    def _warn_of_few_clips(self, test_clips: set[str]) -> Iterator[Event]:
        seconds = sum(clip.seconds for clip in self.clips.kept)
        if seconds < MIN_TOTAL_SECONDS:
            yield self.clips.warn(
                f"{self.out}: only {seconds:.0f} s can be used, too little for the head to learn every sound; "
                f"add videos of the same person until there are {MIN_TOTAL_SECONDS:.0f} s or more."
            )
        if not test_clips:
            yield self.clips.warn(
                f"{self.out}: no clip is held back for tests, so `evaluate` has nothing to measure; add a second clip."
            )

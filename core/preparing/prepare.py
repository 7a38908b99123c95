# SPDX-License-Identifier: GPL-3.0-or-later
"""The deed: videos in, events out, a footage folder at the end. Kill it at any time and call it again: it goes on.

    survey   a video's size and sound; where it is cut into clips              probe.py
    look     landmarks, blendshapes, cuts of every frame                       look.py
    person   once over all clips: identity, camera, crop, backdrop, rest       identity.py
    fit      pose and expression of a clip's frames                            fit_clips.py
    paint    its pictures, labels, depth                                       extract.py
    finish   frames.npz, report.html, footage.json                             write_footage.py

What a stage found lies in the folder's `work`, one file a clip, with the fingerprint of its causes: other settings make
again what depends on them and nothing else. `work` may be deleted when the footage is whole.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ..formats import UserError, atomic_write, locked_folder
from ..jobs import Event, Finished, Pace, Prepare, Progress, Started, Warned
from . import detect, extract, fit_clips, identity, probe, write_footage
from .clip_spans import held_back
from .clips import SourceClip
from .prepare_settings import LITTLE, VERSION, PrepareSettings, settings_from_job
from .process_pool import ProcessPool, TaskResult, cores
from .sources import Source, sources_of
from .stage_cache import Key, StageCache, fingerprint

MARK = "prepare.json"
COST = {"look": 4, "fit": 4, "paint": 12}  # of a frame, relatively: measured, so that the estimate does not jump


def prepare(job: Prepare) -> Iterator[Event]:
    """Raises UserError for settings out of range, a folder of something else, and when no clip can be used."""
    settings, sources = settings_from_job(job), sources_of(job.videos)
    out = Path(job.out)
    work = _begun(out)
    with locked_folder(work), ProcessPool(job.workers or cores()) as crew:
        run = Preparation(job, settings, sources, out, work, crew)
        with closing(run.events()) as events:
            yield from events


def _begun(out: Path) -> Path:
    """The work folder in `out`. Raises UserError for a folder that holds anything else."""
    work = out / "work"
    if not (work / MARK).is_file():
        if out.exists() and (not out.is_dir() or any(path for path in out.rglob("*") if not _half_begun(path, work))):
            raise UserError(f"{out} is not an empty folder, and not one that `prepare` began; choose another --out.")
        with atomic_write(work / MARK) as beside:
            beside.write_text('{"format": "talksplat prepare"}\n', encoding="utf-8")
    for part in ("audio", "tracks", "image", "label", "depth"):
        (out / part).mkdir(exist_ok=True)
    return work


def _half_begun(path: Path, work: Path) -> bool:
    """Whether this is what a kill before the first file leaves."""
    return path == work or (path.parent == work and path.name.startswith(f".{Path(MARK).stem}."))


class Preparation:
    """One run: what is left of the clips, and how far it is."""

    def __init__(
        self, job: Prepare, settings: PrepareSettings, sources: list[Source], out: Path, work: Path, crew: ProcessPool
    ) -> None:
        self.job, self.settings, self.sources, self.out, self.work, self.crew = job, settings, sources, out, work, crew
        self.store = StageCache(work)
        self.clips: list[SourceClip] = []  # that are still in
        self.voices: dict[str, probe.ClipVoice] = {}
        self.dropped: dict[str, str] = {}  # clip or video -> why
        self.warnings: list[str] = []
        self.keys: dict[str, Key] = {}  # clip -> fingerprint of its look
        self.damaged: dict[str, int] = {}  # clip -> frames that are broken or missing in its video
        self.done = self.total = 0
        self.pace = Pace(0)

    def events(self) -> Iterator[Event]:
        whole = fingerprint(VERSION, self.sources_words(), self.settings, self.job.name, self.job.licence)
        if (kept := write_footage.result_of(self.store, self.out, whole)) is not None:
            yield Started(f"{self.out.name} is already prepared", 0)
            yield Finished(kept)
            return
        (self.out / "footage.json").unlink(missing_ok=True)
        yield from self.survey()
        yield from self.look()
        facts = yield from self.person()
        yield from self.fit(facts)
        yield from self.paint(facts)
        yield from self.finish(facts, whole)

    def sources_words(self) -> list:
        return [[source.name, source.size, source.changed] for source in self.sources]

    # stages

    def survey(self) -> Iterator[Event]:
        count = len(self.sources)
        yield Started(f"Preparing {self.out.name} from {count} video{'s' * (count > 1)}", count)
        missing = [s for s in self.sources if probe.probed(self.store, s, self.settings, self.out) is None]
        tasks = [(source, self.settings, self.work, self.out) for source in missing]
        self.total, self.done = count, count - len(missing)
        yield from self.stage("listening", probe.probe, tasks, [s.name for s in missing], [1] * len(missing))
        for source in self.sources:
            if source.name not in self.dropped:
                found = probe.probed(self.store, source, self.settings, self.out)
                for clip, voice in found or []:
                    self.clips.append(clip)
                    self.voices[clip.name] = voice
                    self.keys[clip.name] = detect.key_of(clip, probe.key_of(source, self.settings))
        yield from self.leave_out(
            {clip.name: sentence for clip in self.clips if (sentence := probe.fault(self.voices[clip.name]))}
        )
        self.total, self.done = sum(COST.values()) * sum(clip.span.count for clip in self.clips), 0
        yield Started(f"Preparing {len(self.clips)} clips", self.total)

    def look(self) -> Iterator[Event]:
        missing = [clip for clip in self.clips if not self.store.has(detect.STAGE, clip.name, self.keys[clip.name])]
        yield from self.of_clips("look", detect.detect, missing, lambda clip: (clip, self.keys[clip.name], self.work))
        widths, faults = {}, {}
        for clip in self.clips:
            seen = detect.detected(self.store, clip, self.keys[clip.name])
            if seen is None:
                raise RuntimeError(f"{clip.name} was looked at, but nothing is stored")
            self.damaged[clip.name] = int(seen.damaged.sum())
            if sentence := detect.fault(clip, seen):
                faults[clip.name] = sentence
            else:
                widths[clip.name] = seen.face_width
        yield from self.leave_out(faults)
        yield from self.leave_out(detect.misfits(self.clips, widths))
        for path, clips in self.by_video().items():
            if damaged := sum(self.damaged[clip.name] for clip in clips):
                count = sum(clip.span.count for clip in clips)
                yield self.warned(
                    f"{path}: {damaged} of its {count} frames are broken or missing in the file and "
                    "become no pictures; copy or export it again."
                )

    def person(self) -> Iterator[Event]:
        """Returns what all clips share."""
        self.shared = [clip.name for clip in self.clips]
        looks = [self.keys[clip.name].hex() for clip in self.clips]
        key = identity.key_of(looks, self.settings)
        facts = identity.known(self.store, key)
        if facts is None:
            clips = [(clip, self.keys[clip.name]) for clip in self.clips]
            task = (clips, self.settings, key, self.work)
            yield from self.stage("fitting the person", identity.estimate_identity, [task], [], [0])
            facts = identity.known(self.store, key)
        if facts is None:
            raise RuntimeError("the person was fitted, but nothing is stored")
        return facts

    def fit(self, facts: "person.Facts") -> Iterator[Event]:
        self.fit_keys = {clip.name: fit_clips.key_of(self.keys[clip.name], facts, clip) for clip in self.clips}
        keys = self.fit_keys
        missing = [clip for clip in self.clips if not self.store.has(fit_clips.STAGE, clip.name, keys[clip.name])]
        yield from self.of_clips(
            "fit",
            fit_clips.fit,
            missing,
            lambda clip: (clip, self.keys[clip.name], facts.key, self.fit_keys[clip.name], self.work),
        )
        faults: dict[str, str] = {}
        for clip in self.clips:
            if sentence := self.track(clip.name).fault():
                faults[clip.name] = sentence
        yield from self.leave_out(faults)

    def track(self, name: str) -> fit_clips.Fit:
        """One clip's, from the store: of a long video not all fit into memory."""
        found = fit_clips.fitted(self.store, name, self.fit_keys[name])
        if found is None:
            raise RuntimeError(f"{name} was fitted, but nothing is stored")
        return found

    def paint(self, facts: "person.Facts") -> Iterator[Event]:
        odd = {name: drift for name, drift, is_odd in zip(self.shared, facts.drift, facts.odd) if is_odd}
        for name in (clip.name for clip in self.clips if clip.name in odd):
            yield self.warned(
                f"{name} was filmed in another light than the other clips ({odd[name]:.0f} grey levels "
                "off); its sound and motion are used, its pictures are not."
            )
        self.plan = extract.plan(self.clips, self.track, set(odd), self.settings)
        self.paint_keys = {
            name: extract.key_of(self.fit_keys[name], self.settings, picked) for name, picked in self.plan.items()
        }
        missing = [
            clip
            for clip in self.clips
            if not extract.extracted(self.store, self.out, clip.name, self.paint_keys[clip.name], self.plan[clip.name])
        ]
        yield from self.of_clips(
            "paint",
            extract.extract,
            missing,
            lambda clip: (
                clip,
                self.plan[clip.name],
                self.keys[clip.name],
                facts.key,
                self.fit_keys[clip.name],
                self.paint_keys[clip.name],
                self.settings,
                self.work,
                self.out,
            ),
        )

    def finish(self, facts: "person.Facts", whole: Key) -> Iterator[Event]:
        test = held_back(
            [[clip.name for clip in clips] for clips in self.by_video().values()], self.settings.test_share
        )
        painted = {
            clip.name: extract.extracted(
                self.store, self.out, clip.name, self.paint_keys[clip.name], self.plan[clip.name]
            )
            for clip in self.clips
        }
        yield from self.hints(test)
        everything = write_footage.PreparedClips(
            self.clips,
            self.track,
            self.plan,
            painted,
            lambda name: extract.shown(self.store, name, self.paint_keys[name]),
            self.voices,
            self.damaged,
            self.dropped,
            self.warnings,
            test,
            facts,
        )
        result, late = write_footage.write(self.job, self.settings, everything, self.out, self.store, whole)
        if late:
            yield Warned(late)
        yield Progress(self.total, self.total, 0.0)
        yield Finished(result)

    def hints(self, test: set[str]) -> Iterator[Event]:
        seconds = sum(clip.seconds for clip in self.clips)
        if seconds < LITTLE:
            yield self.warned(
                f"{self.out}: only {seconds:.0f} s can be used, so the head will have heard few sounds; "
                f"add videos of the same person until there are {LITTLE:.0f} s or more."
            )
        if not test:
            yield self.warned(
                f"{self.out}: no clip is held back for tests, so `evaluate` has nothing to measure on; "
                "add a second clip."
            )

    # what stages share

    def by_video(self) -> dict[Path, list[SourceClip]]:
        videos: dict[Path, list[SourceClip]] = {}
        for clip in self.clips:
            videos.setdefault(clip.path, []).append(clip)
        return videos

    def of_clips(
        self, stage: str, function: Callable, clips: Sequence[SourceClip], words: Callable[[SourceClip], tuple]
    ) -> Iterator[Event]:
        cost = COST[stage]
        self.done += cost * (sum(clip.span.count for clip in self.clips) - sum(clip.span.count for clip in clips))
        yield from self.stage(
            NOTES[stage],
            function,
            [words(clip) for clip in clips],
            [clip.name for clip in clips],
            [cost * clip.span.count for clip in clips],
            cost,
        )

    def stage(
        self, note: str, function: Callable, tasks: list[tuple], names: list[str], costs: list[int], cost: int = 0
    ) -> Iterator[Event]:
        """Do the tasks; those that end in a UserError are left out. Raises it where the tasks have no names: then it is
        about all clips."""
        pace, ended, start = Pace(self.total, self.done), 0, self.done
        refused: dict[str, str] = {}
        yield pace.at(self.done, note)
        for event in self.crew.over(function, tasks):
            if isinstance(event, TaskResult):
                ended += 1
                if isinstance(event.answer, UserError):
                    if not names:
                        raise event.answer
                    refused[names[event.task]] = str(event.answer).rstrip(".")
                if not cost:
                    self.done += costs[event.task]
            else:
                self.done = min(self.done + cost * event.steps, start + sum(costs))
            yield pace.at(self.done, f"{note}, {ended} of {len(tasks)}" if len(tasks) > 1 else note)
        self.done = start + sum(costs)
        yield from self.leave_out(refused)

    def leave_out(self, faults: dict[str, str]) -> Iterator[Event]:
        """Drop clips, or videos, and say why. Raises UserError when none is left."""
        for name, sentence in faults.items():
            if name in self.dropped:
                continue
            self.dropped[name] = sentence
            self.clips = [clip for clip in self.clips if clip.name != name]
        left = len(self.clips) if self.voices else len({s.name for s in self.sources} - set(self.dropped))
        if faults and not left:
            raise self.nothing_left()
        for name, sentence in faults.items():
            yield self.warned(f"{self.told(name, sentence)}; it is left out.")

    def nothing_left(self) -> UserError:
        name, sentence = next(iter(self.dropped.items()))
        reason = self.told(name, sentence)
        if len(self.dropped) == 1:
            return UserError(f"{reason}.")
        return UserError(f"None of {len(self.dropped)} clips can be used; the first: {reason}.")

    def told(self, name: str, sentence: str) -> str:
        """A reason that begins with the file's name."""
        path = next((str(s.path) for s in self.sources if s.name == name), name)
        return sentence if sentence.startswith(path) else f"{path} {sentence}"

    def warned(self, sentence: str) -> Warned:
        self.warnings.append(sentence)
        return Warned(sentence)


NOTES = {"look": "looking for the face", "fit": "fitting the head", "paint": "cutting out pictures"}

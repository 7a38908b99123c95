# SPDX-License-Identifier: GPL-3.0-or-later
"""The job handler `prepare`: videos in, a footage folder out. Kill it at any time and run it again: it continues.

    probe      a video's size and sound; where it is cut into clips              probe.py
    detect     landmarks, blendshapes, cuts of every frame                       detect.py
    identity   once over all clips: face, camera, crop, backdrop, rest           identity.py
    fit        pose and expression of a clip's frames                            fit_clips.py
    extract    its pictures, labels, depth                                       extract.py
    write      frames.npz, report.html, footage.json                             write_footage.py

What a stage has found is kept in the folder's `work`, a file for each clip, with the fingerprint of its inputs: other
settings recompute what depends on them and nothing else. `work` may be deleted when the footage is complete.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from ..formats import locked_folder
from ..jobs import Event, Finished, Prepare, Progress, Started, Warned
from .preparation import Preparation
from .prepare_settings import settings_from_job
from .process_pool import ProcessPool, available_cores
from .source_videos import find_source_videos
from .work_folder import open_work_folder
from .write_footage import finished_key, load_result, write_footage


def prepare(job: Prepare) -> Generator[Event, None, None]:
    """Prepare footage; the last event is Finished.

    Raises UserError for settings out of range, a folder of something else, and when no clip can be used.
    """
    settings, sources, out = settings_from_job(job), find_source_videos(job.videos), Path(job.out)
    work = open_work_folder(out)
    with locked_folder(work), ProcessPool(job.workers or available_cores()) as pool:
        preparation = Preparation(settings, sources, out, work, pool)
        with closing(_run(job, preparation)) as events:
            yield from events


def _run(job: Prepare, preparation: Preparation) -> Generator[Event, None, None]:
    settings, sources, out, cache = preparation.settings, preparation.sources, preparation.out, preparation.cache
    key = finished_key(job, settings, sources)
    if (result := load_result(cache, out, key)) is not None:
        yield Started(f"{out.name} is already prepared", 0)
        yield Finished(result)
        return
    (out / "footage.json").unlink(missing_ok=True)
    yield Started(f"Preparing {out.name} from {len(sources)} video{'s' * (len(sources) > 1)}", len(sources))
    yield from preparation.probe_videos()
    yield Started(f"Preparing {len(preparation.clips.kept)} clips", preparation.start_progress())
    yield from preparation.detect_faces()
    identity = yield from preparation.estimate_identity()
    yield from preparation.fit_faces(identity)
    prepared = yield from preparation.extract_pictures(identity)
    result, warnings = write_footage(job, settings, prepared, out, cache, key)
    yield from map(Warned, warnings)
    yield Progress(preparation.runner.total, preparation.runner.total, 0.0)
    yield Finished(result)

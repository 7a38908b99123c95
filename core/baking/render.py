# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Render` job: a bake as an image sequence. `NAME.0001.png` is a preview, `NAME.0001.exr` is for compositing,
`NAME.mp4` has the sound.

An image depends on the bake and its camera only and is written atomically; the manifest next to the images
(NAME.rendered.txt) says which are finished, so a second run continues and renders only what has changed.
"""

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..formats import BakeReader, FileManifest, UserError, content_key, locked_folder, select_frames
from ..interchange import EXR_COMPRESSIONS, EXR_LAYOUTS, MOVIE_FORMATS
from ..jobs import DEFAULT_PASSES, Event, Finished, Pace, Render, Started, Warned
from .exposure import check_exposure, exposures_of
from .frame_renderer import FrameRenderer
from .holdout import key_of_holdout, planned_holdout, samples_of_holdout
from .image_writer import IMAGE_KINDS, FrameFiles, ImageWriter, passes_of
from .movie import Movie
from .nuke_script import NukeScript, check_nuke_script
from .passes import blended_by, select_passes
from .picture_heads import PlannedHeads, check_are_baked, opened_further
from .picture_window import check_overscan, margin_of, with_margin
from .publish import is_published_as, publish, publish_path
from .render_cameras import beside, cameras_of, head_to_world_of, world_camera_of
from .render_colour import RenderColour
from .render_device import RenderDevice
from .render_names import sequence_of, with_names
from .render_region import check_region
from .render_sampling import check_sampling
from .sound_file import SoundFile
from .soundtrack import soundtrack_of
from .splat_channels import use_motion

PIXELS_VERSION = 1  # raise it when the same bake and camera give other pixels than before


def render(job: Render) -> Generator[Event, None, None]:
    """Render what is not finished yet, then make the movie of the pictures. Closing the generator keeps the finished
    images.

    Raises UserError, also while another run writes to the folder.
    """
    with BakeReader.open(job.bake) as bake, ExitStack() as stack:
        job = named_render(job, bake)
        frames = plan_frames(job, bake)
        movie, sound_file, warning = _plan_sound_and_movie(job, bake, frames)
        script = NukeScript.of(job, bake.card, frames) if job.nuke_script else None
        stack.enter_context(locked_folder(Path(job.out)))
        manifest = FileManifest(manifest_path(job))
        if warning:
            yield Warned(warning)
        is_due = movie is not None and not manifest.is_finished(movie.path, movie.key)
        wanted = movie.frames if movie and is_due else frames
        missing = [(frame, kinds) for frame in wanted if (kinds := _unfinished(frame, manifest))]
        device = RenderDevice(job.device, bake.card.blend)
        further = stack.enter_context(opened_further(job, bake))
        if missing:
            check_are_baked(further, [frame.frame for frame, _ in missing])
            yield from device.prepare()
        yield from _render_frames([bake, *further], missing, len(frames), _writer(bake, manifest, job), device)
        if movie and is_due:
            yield from movie.write(manifest)
        if sound_file:
            sound_file.write(manifest)
        if script and (warning := script.write()):
            yield Warned(warning)
            script = None
        more = [file.path for file in (movie, sound_file) if file]
        if job.publish:
            yield from publish(job, bake, further, frames, more)
        made = {"movie": movie, "sound": sound_file, "nuke_script": script}
        paths = {name: str(file.path.absolute()) for name, file in made.items() if file}
        yield Finished(_result(job, frames, len(missing), device) | paths)


def named_render(job: Render, bake: BakeReader) -> Render:
    """The job with the folder and the names of its files settled. Raises UserError."""
    return with_names(job, bake.card, lambda named: _is_same_render(named, bake))


def manifest_path(job: Render) -> Path:
    """Of a job with names: the list of its finished files."""
    return Path(job.out) / f"{sequence_of(job).stem}.rendered.txt"


def _is_same_render(job: Render, bake: BakeReader) -> bool:
    """Whether what is there under the job's names is of this render; of a published one, whether it has every file."""
    path = manifest_path(job)
    if not path.is_file():
        return False
    manifest, frames = FileManifest(path), plan_frames(job, bake)
    if publish_path(job).is_file():
        movie, sound_file, _ = _plan_sound_and_movie(job, bake, frames)
        files = [path for frame in frames for path in frame.files.values()]
        files += [file.path for file in (movie, sound_file) if file]
        is_published = is_published_as(job, {path.relative_to(job.out).as_posix() for path in files})
        return is_published and not any(_unfinished(frame, manifest) for frame in frames)
    try:
        every = plan_files(job, bake, bake.card.span)
    except UserError:  # the job has cameras for its own frames alone
        every = frames
    marks = [(manifest.key_of(path), f.keys[kind]) for f in every for kind, path in f.files.items()]
    return all(there in ("", key) for there, key in marks)


def plan_frames(job: Render, bake: BakeReader) -> list[FrameFiles]:
    """Each frame's camera and files. Raises UserError for settings that cannot be."""
    check_render(job)
    selected = select_frames(bake, job.first, job.last, job.frames)
    if len(selected) < 2 and not _wants_images(job):
        raise UserError("a movie has two frames or more; choose more frames, or switch on png or exr.")
    return plan_files(job, bake, selected)


def plan_files(job: Render, bake: BakeReader, selected: Sequence[int]) -> list[FrameFiles]:
    """The camera and the files of each of these frames, which need not be baked yet. Raises UserError."""
    cameras, worlds = cameras_of(job, bake, selected), head_to_world_of(job, bake, selected)
    margin = margin_of(next(iter(cameras.values())), job.overscan)
    picture = next(iter(cameras.values()))
    cameras = {frame: with_margin(camera, margin) for frame, camera in cameras.items()}
    holdout = planned_holdout(job, cameras, selected, margin)
    heads = PlannedHeads.of(job, bake, cameras, selected, samples_of_holdout(job, holdout, picture))
    name, kinds = sequence_of(job), [kind for kind, row in IMAGE_KINDS.items() if getattr(job, row.field)]
    passes, rows = tuple(select_passes(job.passes)) if job.exr else (), passes_of(job)
    extra = () if passes == DEFAULT_PASSES else (passes,)  # 0.1.0 had these only: its images keep their keys
    if any(row.names(heads.names) for row in rows):
        extra = *extra, *heads.names
    region, frames = (job.region,) if job.region else (), []
    exposures = exposures_of(job, bake, selected, cameras, margin)
    for frame in selected:
        sampling, world_camera = heads.samplings[frame], world_camera_of(cameras[frame], worlds[frame])
        sampled = (sampling,) if sampling.samples_per_side > 1 else ()  # other images keep their keys
        exposure = exposures[frame]
        blurred = (exposure, heads.stored_around(frame, exposure.steps_beside)) if exposure else ()
        drawn = (
            bake.card.shot,
            frame,
            cameras[frame],
            *region,
            *sampled,
            *blurred,
            *heads.key(frame),
            *key_of_holdout(holdout, frame),
        )
        seen_from = (world_camera,) if job.head_to_world or job.places else ()
        moves = (*heads.motion(frame), *beside(cameras, frame)) if use_motion(blended_by(rows)) else ()
        pixels_key = content_key(PIXELS_VERSION, *drawn)
        planned = FrameFiles(
            frame,
            cameras[frame],
            world_camera,
            beside(cameras, frame),
            pixels_key,
            _keys(job, pixels_key, (*extra, *seen_from, *moves)),
            {kind: Path(job.out) / IMAGE_KINDS[kind].file_name(name, frame) for kind in kinds},
            sampling,
            margin,
            heads.at(frame),
            heads.names,
            exposure,
            holdout.get(frame),
        )
        frames.append(planned)
    return frames


def _keys(job: Render, pixels_key: str, of_exr: tuple) -> dict[str, str]:
    """Kind of file -> the key of what it holds."""
    colour = RenderColour(job)
    exr = content_key(pixels_key, job.exr_layout, job.space, *of_exr, *_exr_options(job), *colour.key_of_exr)
    png = content_key(pixels_key, *colour.key_of_png) if colour.key_of_png else pixels_key
    depth = {"depth": content_key(pixels_key, job.depth_file)} if job.depth_file else {}
    return {"png": png, "exr": exr, **depth}


def _exr_options(job: Render) -> tuple[dict, ...]:
    """What the key of an EXR says of its options; those of 0.1.0 are none, so that its images keep their keys."""
    options = {"compression": job.exr_compression, "full_float": job.full_float}
    given = () if options == {"compression": "zip", "full_float": False} else (options,)
    windows = {"overscan": job.overscan} if job.overscan else {"data_window": True} if job.data_window else {}
    return given + ((windows,) if windows else ())


def _wants_images(job: Render) -> bool:
    return any(getattr(job, row.field) for row in IMAGE_KINDS.values())


def check_render(job: Render) -> None:
    """Raises UserError for settings that no render can have."""
    if not (_wants_images(job) or job.movie):
        raise UserError("there is nothing to render; switch on png, exr or movie.")
    if job.movie_format not in MOVIE_FORMATS:
        raise UserError(f"movie_format {job.movie_format!r} is unknown; use one of {', '.join(MOVIE_FORMATS)}.")
    check_region(job.region)
    check_overscan(job.overscan, job.region)
    check_sampling(job)
    check_exposure(job)
    check_nuke_script(job)
    if job.exr_layout not in EXR_LAYOUTS:
        raise UserError(f"exr_layout {job.exr_layout!r} is unknown; use one of {', '.join(EXR_LAYOUTS)}.")
    if job.exr_compression not in EXR_COMPRESSIONS:
        known = ", ".join(EXR_COMPRESSIONS)
        raise UserError(f"exr_compression {job.exr_compression!r} is unknown; use one of {known}.")
    RenderColour(job).check()


def _plan_sound_and_movie(
    job: Render, bake: BakeReader, frames: list[FrameFiles]
) -> tuple[Movie | None, SoundFile | None, str | None]:
    """The movie, the wave file, and a warning about their sound; one picture makes no movie. Raises UserError."""
    has_movie = job.movie and len(frames) > 1
    if not (has_movie or job.wav):
        return None, None, None
    soundtrack, warning = soundtrack_of(job, bake)
    place, card = (Path(job.out), sequence_of(job)), bake.card
    movie = Movie.of(*place, card, frames, soundtrack, job.movie_format) if has_movie else None
    if not (job.wav and soundtrack):
        return movie, None, warning or ("The shot has no sound, so no WAV is written." if job.wav else None)
    return movie, SoundFile.of(*place, card, [frame.frame for frame in frames], soundtrack), warning


def _unfinished(frame: FrameFiles, manifest: FileManifest) -> list[str]:
    """The kinds of its files that are to be written."""
    return [kind for kind, path in frame.files.items() if not manifest.is_finished(path, frame.keys[kind])]


def _writer(bake: BakeReader, manifest: FileManifest, job: Render) -> ImageWriter:
    def written(frame: FrameFiles, kinds: Sequence[str]) -> None:
        for kind in kinds:
            manifest.add(frame.files[kind], frame.keys[kind])

    return ImageWriter(bake.card, job, written)


def _render_frames(
    bakes: Sequence[BakeReader],  # of the first head and of the further ones
    missing: Sequence[tuple[FrameFiles, list[str]]],  # each with the kinds of its files that are to be written
    total: int,
    writer: ImageWriter,
    device: RenderDevice,
) -> Generator[Event, None, None]:
    renderer = FrameRenderer(bakes, writer.job, device)
    title, name = f"Rendering {total} frames of {' and '.join(bake.card.name for bake in bakes)}", device.name
    yield Started(f"{title} on {name}", total)
    with writer:
        pace = Pace(total, total - len(missing))
        yield pace.at(pace.done)
        for frame, kinds in missing:
            rendering = yield from renderer.draw(frame)
            if device.name != name:
                name = device.name
                yield Started(f"{title} on {name}", total)
            writer.submit(frame, rendering, kinds)
            yield pace.at(pace.done + 1, f"frame {frame.frame}")


def _result(job: Render, frames: list[FrameFiles], rendered: int, device: RenderDevice) -> dict:
    return {
        "folder": str(Path(job.out).absolute()),
        "frames": len(frames),
        "rendered": rendered,
        "device": device.description,
        **{f"first_{kind}": path.name for kind, path in frames[0].files.items()},
    }

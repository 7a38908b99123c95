# SPDX-License-Identifier: GPL-3.0-or-later
"""The shards and pictures of all workers as the bake and the render that one process would have made: the same bytes.

Nothing is taken on trust: a frame that no shard holds is evaluated here, a picture that is missing is rendered here.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from ...formats import BakeReader, BakeWriter, FileManifest, UserError, locked_folder
from ...jobs import Bake, Event, Finished, Pace, Progress, Render, Started
from ..render import manifest_path, render
from ..shot_evaluation import ShotEvaluation
from .claims import Claims
from .shot_worker import planned_files


def put_together(
    evaluation: ShotEvaluation, baked: Bake, rendered: Render, claims: Claims, shards: Path
) -> Generator[Event, None, dict]:
    """The result of the render. Every frame of the shot is done. Raises UserError, OSError."""
    yield Started(f"Putting {evaluation.card.name} together", evaluation.shot.frame_count)
    with BakeWriter.open(baked.out, evaluation.card, *evaluation.gaussians, *evaluation.keyed) as writer:
        yield from _merge(writer, evaluation, shards)
    with BakeReader.open(baked.out) as bake, locked_folder(Path(rendered.out)):
        manifest = FileManifest(manifest_path(rendered))
        for number, frame in planned_files(rendered, bake).items():
            sizes = claims.record(str(number)).get("bytes", {})
            for kind, path in frame.files.items():
                is_whole = path.is_file() and path.stat().st_size == sizes.get(kind)
                if is_whole and not manifest.is_finished(path, frame.keys[kind]):
                    manifest.add(path, frame.keys[kind])
    for event in render(rendered):
        if isinstance(event, Finished):
            return event.result
        yield event
    raise AssertionError("a render ends with Finished")


def _merge(writer: BakeWriter, evaluation: ShotEvaluation, shards: Path) -> Iterator[Progress]:
    """All frames in the order of the shot, as an uninterrupted bake has them."""
    pace, buffers = Pace(evaluation.shot.frame_count, len(writer.done)), evaluation.buffers()
    with ExitStack() as stack:
        sources = _open_shards(stack, shards)
        for number in evaluation.shot.span:
            if number in writer.done:
                continue
            if not (number in sources and _copied(writer, number, sources[number])):
                writer.append(number, *evaluation.at(number, buffers))
            yield pace.at(pace.done + 1, f"frame {number}")
    writer.finish()


def _open_shards(stack: ExitStack, shards: Path) -> Mapping[int, BakeReader]:
    """Frame -> a shard that holds it."""
    sources: dict[int, BakeReader] = {}
    for path in sorted(shards.glob("*.bake")):
        try:
            shard = stack.enter_context(BakeReader.open(path))
        except UserError:  # its worker died while it began
            continue
        sources |= dict.fromkeys(shard.frames, shard)
    return sources


def _copied(writer: BakeWriter, number: int, shard: BakeReader) -> bool:
    try:
        writer.copy(number, shard, number)
    except UserError:  # damaged, by a power cut
        return False
    return True

# SPDX-License-Identifier: GPL-3.0-or-later
"""The job handler `import_head`: Gaussians of another program become a head; IMPORTERS says which files there are."""

from collections.abc import Generator
from pathlib import Path

from ..formats import UserError, rig_of, write_head
from ..jobs import Event, Finished, ImportHead, Progress, Started, Warned
from .imported import check_axes
from .importers import importer_of
from .still_head import still_head


def import_head(job: ImportHead) -> Generator[Event, None, None]:
    """Write the head; the last event is Finished. Raises UserError."""
    source = Path(job.source)
    check_axes(job.axes)
    yield Started(f"Importing {source.name}", 0)
    imported = importer_of(source).read(source, job.axes)
    if not len(imported.gaussians):
        raise UserError(f"{source}: holds no Gaussians; export it again.")
    yield from map(Warned, imported.left_out)
    name, provenance = job.name or source.stem, f"{imported.what} {source.name}"
    if imported.shapes:
        from .shape_head import shape_head  # needs PyAV, which Blender, where USD is read, may not have

        yield Progress(0, 0, -1.0, "making the rig of its shapes")
        head = shape_head(imported, name, provenance)
    else:
        head = still_head(imported, name, provenance)
    write_head(job.out, head)
    rig = rig_of(head)
    channels = len(rig.card.channels) if rig else 0
    gaussians = sum(len(head.gaussians(branch)) for branch in head.card.branches)
    yield Finished({"head": str(Path(job.out).absolute()), "gaussians": gaussians, "channels": channels})

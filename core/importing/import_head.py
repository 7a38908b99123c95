# SPDX-License-Identifier: GPL-3.0-or-later
"""The job handler `import_head`: Gaussians of another program become a head; its content says of which."""

from collections.abc import Generator
from pathlib import Path

from ..formats import UserError, read_ply, rig_of, write_head
from ..jobs import Event, Finished, ImportHead, Progress, Started
from .lam_avatar import is_lam_avatar, read_lam_avatar
from .shape_rig import with_shape_rig
from .still_head import still_head


def import_head(job: ImportHead) -> Generator[Event, None, None]:
    """Write the head; the last event is Finished. Raises UserError."""
    source = Path(job.source)
    name = job.name or source.stem
    yield Started(f"Importing {source.name}", 0)
    if is_lam_avatar(source):
        avatar = read_lam_avatar(source)
        yield Progress(0, 0, -1.0, "making the rig of its shapes")
        head = with_shape_rig(still_head(avatar.gaussians, name, f"LAM avatar {source.name}"), avatar.shapes)
    elif source.is_dir():
        raise UserError(f"{source}: holds no offset.ply and skin.glb, so it is no LAM avatar; choose a file.")
    else:
        head = still_head(read_ply(source, job.axes), name, f"Gaussians of {source.name}")
    write_head(job.out, head)
    rig = rig_of(head)
    channels = len(rig.card.channels) if rig else 0
    gaussians = len(head.gaussians("face"))
    yield Finished({"head": str(Path(job.out).absolute()), "gaussians": gaussians, "channels": channels})

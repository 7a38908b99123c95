# SPDX-License-Identifier: GPL-3.0-or-later
"""The job handler `convert`: footage to a TalkingGaussian / ER-NeRF dataset folder, or such a folder to footage; the
source folder itself says which."""

from collections.abc import Generator
from pathlib import Path

from ..formats import UserError
from ..jobs import Convert, Event
from .er_nerf_read import read_er_nerf
from .er_nerf_write import write_er_nerf


def convert(job: Convert) -> Generator[Event, None, None]:
    """Convert; the last event is Finished. Raises UserError, also for a folder that is neither."""
    source = Path(job.source)
    if (source / "footage.json").is_file():
        yield from write_er_nerf(source, Path(job.out))
    elif (source / "transforms_train.json").is_file():
        yield from read_er_nerf(source, Path(job.out), job.torso)
    else:
        raise UserError(
            f"{source} holds neither footage.json nor transforms_train.json; choose a footage folder or a "
            "TalkingGaussian / ER-NeRF dataset folder."
        )

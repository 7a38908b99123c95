# SPDX-License-Identifier: GPL-3.0-or-later
"""The `MakeProxy` job: a head's proxy mesh as a file."""

from collections.abc import Generator
from pathlib import Path

from ..formats import UserError, check_writable, read_head, write_quad_mesh
from ..jobs import Event, Finished, MakeProxy, Started
from .proxy_mesh import make_proxy_mesh

SPACINGS = (3.0, 40.0)  # mm: below, a grid of a million points; above, no face


def proxy(job: MakeProxy) -> Generator[Event, None, None]:
    """Write `job.out`. Raises UserError and OSError, before the work begins where it can be known then."""
    if not SPACINGS[0] <= job.spacing <= SPACINGS[1]:
        raise UserError(f"the spacing is {job.spacing:g} mm; give {SPACINGS[0]:g} to {SPACINGS[1]:g}.")
    head, out = read_head(job.head), Path(job.out)
    check_writable(out)
    yield Started(f"Making the proxy mesh of {head.card.name}", 0)
    mesh = yield from make_proxy_mesh(head, job.spacing / 1000)
    write_quad_mesh(out, mesh)
    yield Finished({"mesh": str(out.absolute()), "vertices": len(mesh.vertices), "faces": len(mesh.quads)})

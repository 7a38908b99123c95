# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy mesh of the sample head, made once."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import read_head, read_quad_mesh
from talksplat.core.jobs import Finished, MakeProxy
from talksplat.core.meshing.proxy_mesh import rest_frame
from talksplat.core.performance import HeadReplay

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    """The mesh as the job wrote it, the sample head, and its Gaussians at rest."""
    path = tmp_path_factory.mktemp("proxy") / "sample.ply"
    *_, last = run_job(MakeProxy(str(SAMPLES / "sample.head"), str(path)))
    assert isinstance(last, Finished), last
    head = read_head(SAMPLES / "sample.head")
    replay = HeadReplay(head)
    return SimpleNamespace(
        mesh=read_quad_mesh(path), head=head, replay=replay, rest=rest_frame(head, replay), path=path
    )

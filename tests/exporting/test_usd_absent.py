# SPDX-License-Identifier: GPL-3.0-or-later
"""USD where its library is not installed."""

import sys

from talksplat.core.dispatch import run_job
from talksplat.core.jobs import Export
from talksplat.core.jobs.events import Failed


def test_a_python_without_usd_says_what_to_install(make, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr", None)
    for name in [name for name in sys.modules if name.startswith("pxr.")]:
        monkeypatch.setitem(sys.modules, name, None)
    bake = make.write_bake(tmp_path / "anna.bake")
    [event] = run_job(Export(str(bake), str(tmp_path / "out"), "usd"))
    assert isinstance(event, Failed)
    assert "usd-core" in event.sentence
    assert not (tmp_path / "out").exists()

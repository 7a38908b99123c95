# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage that 0.1.0 has finished stays finished."""

from pathlib import Path

import numpy as np

from talksplat.core.jobs import Prepare
from talksplat.core.preparing.prepare_settings import settings_from_job
from talksplat.core.preparing.source_videos import SourceVideo
from talksplat.core.preparing.stage_cache import StageCache
from talksplat.core.preparing.write_footage import finished_key, load_result

# What 0.1.0 computed for this job and this video.
KEY = bytes.fromhex("bf62540693f9e7f80f722db5190cf77d7342ea2b1bb3603cf60bc1f2dfbd4ec9")
JOB = Prepare(("one.mp4",), "out", "256", "30000/1001", "16/15", name="anna", licence="CC0")
VIDEO = SourceVideo("one", Path("one.mp4"), 1234, 5678)


def test_a_finished_preparation_of_0_1_0_is_recognised(tmp_path):
    assert finished_key(JOB, settings_from_job(JOB), [VIDEO]) == KEY
    (tmp_path / "frames.npz").write_bytes(b"x")
    (tmp_path / "work" / "whole").mkdir(parents=True)
    texts = {"words": b'{"clips":1,"footage":"elsewhere"}', "files": b"frames.npz"}
    arrays = {name: np.frombuffer(text, np.uint8) for name, text in {"key": KEY, **texts}.items()}
    np.savez_compressed(tmp_path / "work" / "whole" / "footage.npz", **arrays)
    result = load_result(StageCache(tmp_path / "work"), tmp_path, KEY)
    assert result == {"clips": 1, "footage": str(tmp_path), "report": str(tmp_path / "report.html")}
    (tmp_path / "frames.npz").unlink()
    assert load_result(StageCache(tmp_path / "work"), tmp_path, KEY) is None

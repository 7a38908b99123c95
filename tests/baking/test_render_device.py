# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a render is drawn: decided once, said, the same pictures on either device, and the CPU where the GPU fails."""

import numpy as np
import pytest
import torch
from PIL import Image

from talksplat.core.baking import render_device
from talksplat.core.baking.bake import bake
from talksplat.core.baking.render import render
from talksplat.core.formats import UserError
from talksplat.core.jobs import Bake, Finished, Render, Started, Warned
from talksplat.core.raster import BACKENDS

FRAMES = 3
PASSES = ("beauty", "depth", "depth_median")


@pytest.fixture(scope="module")
def shot(tiny_head, voice, tmp_path_factory):
    path = tmp_path_factory.mktemp("shot") / "anna.bake"
    list(bake(Bake(str(tiny_head), str(voice), str(path), "24", 1, FRAMES)))
    return path


@pytest.fixture
def gpu(monkeypatch, gsplat_stand_in):
    """An environment with CUDA and gsplat, as far as can be told."""
    monkeypatch.setattr(render_device, "has_gpu_packages", lambda: True)
    monkeypatch.setattr(render_device, "gpu_name", lambda: "NVIDIA Stand-in")


def rendered(shot, folder, read_exr, device="auto"):
    """Titles and warnings, the result, and each frame's PNG and EXR channels."""
    events = list(render(Render(str(shot), str(folder), 40, passes=PASSES, movie=False, device=device)))
    assert isinstance(events[-1], Finished)
    pictures = [np.asarray(Image.open(path)).astype(int) for path in sorted(folder.glob("*.png"))]
    layers = [read_exr(path)[0] for path in sorted(folder.glob("*.exr"))]
    said = [e.title for e in events if isinstance(e, Started)] + [e.sentence for e in events if isinstance(e, Warned)]
    return said, events[-1].result, pictures, layers


def assert_same(first, second):
    for a, b in zip(first[2], second[2], strict=True):
        assert np.abs(a - b).max() <= 1
    for a, b in zip(first[3], second[3], strict=True):
        assert a.keys() == b.keys()
        for name, values in a.items():
            seen = np.abs(values.astype(float)) < 1e9  # where nothing is, depth is far away
            assert ((np.abs(b[name].astype(float)) < 1e9) == seen).all()
            np.testing.assert_allclose(values[seen], b[name][seen], rtol=2e-3, atol=1e-3, err_msg=name)


def test_the_gpu_renders_the_passes_of_the_cpu_and_is_named(shot, tmp_path, read_exr, gpu):
    on_gpu = rendered(shot, tmp_path / "gpu", read_exr)
    assert on_gpu[0][-1] == f"Rendering {FRAMES} frames of anna on NVIDIA Stand-in"
    assert on_gpu[1]["device"] == "NVIDIA Stand-in"
    on_cpu = rendered(shot, tmp_path / "cpu", read_exr, "cpu")
    assert on_cpu[0][-1] == f"Rendering {FRAMES} frames of anna on the CPU"
    assert on_cpu[1]["device"] == "the CPU"
    assert_same(on_gpu, on_cpu)


@pytest.mark.parametrize("fails_at", [1, 2])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried\nto"), RuntimeError("CUDA error")])
def test_where_the_gpu_fails_the_cpu_goes_on(shot, tmp_path, read_exr, gpu, monkeypatch, fails_at, error):
    drawn, working = [], BACKENDS["gsplat"]

    def failing(scene):
        drawn.append(scene)
        if len(drawn) >= fails_at:
            raise error
        return working(scene)

    monkeypatch.setitem(BACKENDS, "gsplat", failing)
    fell_back = rendered(shot, tmp_path / "gpu", read_exr)
    assert fell_back[0][-2] == f"Rendering {FRAMES} frames of anna on the CPU", "the title does not stay at compiling"
    [sentence] = [text for text in fell_back[0] if "CUDA" in text]
    assert sentence.startswith(f"NVIDIA Stand-in could not render frame {fails_at}")
    assert "\n" not in sentence
    assert len(drawn) == fails_at, "it is not tried again"
    assert fell_back[1]["device"] == ("the CPU" if fails_at == 1 else "NVIDIA Stand-in and the CPU")
    assert_same(fell_back, rendered(shot, tmp_path / "cpu", read_exr, "cpu"))


def test_gsplat_without_a_gpu_is_told_of_once(shot, tmp_path, read_exr, monkeypatch):
    monkeypatch.setattr(render_device, "has_gpu_packages", lambda: True)
    monkeypatch.setattr(render_device, "gpu_unavailable_reason", lambda: "torch sees no CUDA device")
    said, result, *_ = rendered(shot, tmp_path / "out", read_exr)
    assert [text for text in said if "torch sees no CUDA device" in text] == [said[-1]]
    assert result["device"] == "the CPU"


def test_a_gpu_that_is_insisted_on_is_not_replaced_silently(shot, tmp_path, read_exr, monkeypatch):
    monkeypatch.setattr(render_device, "has_gpu_packages", lambda: False)
    for device, said in (("cuda", "gsplat is not installed"), ("tpu", "'tpu' is unknown")):
        with pytest.raises(UserError, match=said):
            rendered(shot, tmp_path / device, read_exr, device)


@pytest.mark.gpu
def test_a_real_gpu_renders_the_passes_of_the_cpu(shot, tmp_path, read_exr):
    on_gpu = rendered(shot, tmp_path / "gpu", read_exr, "cuda")
    assert on_gpu[1]["device"] == torch.cuda.get_device_name(0)
    assert_same(on_gpu, rendered(shot, tmp_path / "cpu", read_exr, "cpu"))

# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may ask for: the folder of real data, which is not part of the repository."""

import functools
import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as core/dispatch.py has it
EXPRESSION = ("blink", "brow_up")  # the channels of the tiny head


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, rig and weights: `../shared/data`, or $TALKSPLAT_SHARED_DATA."""
    folder = Path(os.environ.get("TALKSPLAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the shared real data is not here (set TALKSPLAT_SHARED_DATA to its folder)")
    return folder


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of small files that went wrong once: `../shared/cases`, or $TALKSPLAT_SHARED_CASES."""
    folder = Path(os.environ.get("TALKSPLAT_SHARED_CASES", ROOT.parent / "shared" / "cases"))
    if not folder.is_dir():
        pytest.skip("the shared cases are not here (set TALKSPLAT_SHARED_CASES to their folder)")
    return folder


@pytest.fixture(scope="session")
def make_tiny_head():
    """A function that writes a small head with random, lively networks: no training, no waiting."""

    def make(path: Path, count: int = 240, seed: int = 0, encoder: str = "logmel") -> Path:
        from fractions import Fraction

        import numpy as np
        import torch

        from talksplat.core.audio.encoders import ENCODERS
        from talksplat.core.deformation.field import HeadField
        from talksplat.core.formats.camera import Camera
        from talksplat.core.formats.head_file import HeadCard, HeadFile, write_head
        from talksplat.core.performance.branch_settings import BranchSettings

        rng = np.random.default_rng(seed)
        settings = {
            "face": BranchSettings.face(expression=len(EXPRESSION)),
            "mouth": BranchSettings.mouth(expression=len(EXPRESSION)),
        }
        torch.manual_seed(seed)
        field = HeadField(settings, ENCODERS[encoder].channels).eval()
        with torch.no_grad():
            for name, parameter in field.named_parameters():
                if "tables" in name:  # as trained tables are: a starting table moves nothing
                    parameter.uniform_(-1.0, 1.0)
                elif ".audio." in name and name.endswith("weight"):
                    parameter.mul_(2.5)  # a starting net hardly hears
                elif ".field." in name and name.endswith("weight"):
                    parameter.mul_(3.0)  # nor moves: now some millimetres
        tensors = {name: t.detach().numpy().copy() for name, t in field.state_dict().items()}
        for branch, share in (("face", 5), ("mouth", 6)):
            n = count * share // 11 if branch == "mouth" else count
            centre = np.array([0.0, -0.02, 0.0]) if branch == "face" else np.array([0.0, -0.06, -0.04])
            spread = 0.06 if branch == "face" else 0.015
            quats = rng.normal(size=(n, 4))
            columns = {
                "means": centre + spread * np.clip(rng.normal(size=(n, 3)), -2, 2),
                "quats": quats / np.linalg.norm(quats, axis=1, keepdims=True),
                "scales": rng.uniform(0.004, 0.012, size=(n, 3)),
                "opacities": rng.uniform(0.2, 0.95, size=n),
                "sh0": rng.normal(scale=0.8, size=(n, 3)),
                "shN": np.zeros((n, 3, 3)),
            }
            tensors |= {f"{branch}.gaussians.{k}": v.astype(np.float32) for k, v in columns.items()}
        card = HeadCard(
            "tiny",
            Fraction(25),
            encoder,
            {b: s.audio_code for b, s in settings.items()},
            EXPRESSION,
            "gated",
            {b: s.to_dict() for b, s in settings.items()},
            camera=Camera.looking_at([0, -0.6, 0], [0, 0, 0], 96, 96, 0.45),
            licence="CC0-1.0",
        )
        write_head(path, HeadFile(card, tensors, str(path)))
        return path

    return make


@pytest.fixture(scope="session")
def tiny_head(make_tiny_head, tmp_path_factory) -> Path:
    """One small head for everybody; do not write to it."""
    return make_tiny_head(tmp_path_factory.mktemp("head") / "tiny.head")


@pytest.fixture(scope="session")
def voice(tmp_path_factory) -> Path:
    """1.2 s of vowel-like sound with a pause in it, 16 kHz WAV."""
    import numpy as np

    from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav

    t = np.arange(round(1.2 * SOUND_RATE)) / SOUND_RATE
    speaking = (np.sin(2 * np.pi * 3 * t) > -0.3) * (np.abs(t - 0.6) > 0.1)
    tone = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    write_wav(path, Sound((0.2 * speaking * tone).astype(np.float32)))
    return path


def _shared(name: str, module: str) -> None:
    """The fixtures of a module beside this file, for the tests of every package."""
    for key, value in vars(_beside(module)).items():
        if key in name.split():
            globals()[key] = value


@pytest.fixture(params=["pretend", pytest.param("cuda", marks=pytest.mark.gpu)])
def other_device(request):
    """A torch device that is not the CPU: a pretended one (tests/pretend_device.py), and a GPU where there is one."""
    import torch

    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("torch sees no CUDA device")
        yield torch.device("cuda")
        return
    pretend = _pretend_device()
    if pretend is None:
        pytest.skip("this torch cannot pretend a device (needs 2.10 or newer)")
    with pretend.pretending():
        yield pretend.DEVICE


def pytest_collection_finish(session):
    """torch counts its devices at a process's first backward pass: the pretended one must be there before it."""
    if any("other_device" in getattr(item, "fixturenames", ()) for item in session.items):
        _pretend_device()


@functools.cache
def _pretend_device():
    """The module beside this file (torch takes such a device once a process); None where torch is too old for it."""
    from torch.utils import backend_registration

    known = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
    return _beside("pretend_device") if known else None


@pytest.fixture
def gsplat_stand_in(monkeypatch):
    """The gsplat back end works here, on plain torch (tests/gsplat_stand_in.py), wherever the tensors lie."""
    from talksplat.core.raster import gsplat_backend

    monkeypatch.setitem(sys.modules, "gsplat", _beside("gsplat_stand_in").module())
    monkeypatch.setattr(gsplat_backend, "unavailable_reason", lambda: None)
    monkeypatch.setattr(gsplat_backend, "working_device", lambda home: home)


def _beside(name: str):
    """A module beside this file; tests have no package to import from."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_shared("make", "tiny_files")
_shared("avatars", "tiny_avatar")
if importlib.util.find_spec("torch"):  # Blender's own Python has none
    _shared("tiny_footage smoke", "tiny_footage")

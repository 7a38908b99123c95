# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty Blender for each test with the add-on in it, and what a test wants there: a small head, a sound.

Runs in any Python with bpy, torch or not: the head is made by numpy alone, the worker runs in the core's
environment (the checkout's .venv, or TALKSPLAT_PYTHON).
"""

import hashlib
import importlib.util
import os
import shutil
import sys
import wave
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

ROOT = Path(__file__).resolve().parents[2]

if importlib.util.find_spec("talksplat") is None:  # a Python in which the checkout is not installed
    spec = importlib.util.spec_from_file_location(
        "talksplat", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    sys.modules["talksplat"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["talksplat"])

from talksplat.core.formats.camera import Camera  # noqa: E402
from talksplat.core.formats.head_file import HeadCard, HeadFile, write_head  # noqa: E402
from talksplat.core.performance.branch_settings import BranchSettings  # noqa: E402

CHANNELS = 80  # of the logmel encoder
EXPRESSION = ("blink", "brows")
RATE = 16000


def pytest_sessionfinish(session, exitstatus):
    session.config.exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Blender 4.5 as a Python module crashes or hangs when Python ends while anything still refers to it; switching the
    add-on off before, also by `atexit`, changes nothing."""
    if bpy.app.version < (5, 0) and not bpy.app.binary_path:
        sys.stdout.flush()
        os._exit(getattr(config, "exit_status", 1))


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.bpy)


@pytest.fixture
def blender(tmp_path, monkeypatch):
    """bpy with an empty scene and the add-on registered; what the add-on makes is in the test's folder."""
    from talksplat import blender_addon
    from talksplat.blender_addon import preferences

    def own_folder(inside: str = "") -> Path:
        folder = tmp_path / "own" / inside
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    monkeypatch.setattr(preferences, "own_folder", own_folder)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    yield bpy
    blender_addon.unregister()


def _layers(rng, widths, kernel=None):
    """name -> array of a chain of layers and activations, as torch.nn.Sequential numbers them."""
    arrays = {}
    for i, (a, b) in enumerate(pairwise(widths)):
        shape = (b, a) if kernel is None else (b, a, kernel)
        arrays[f"{2 * i}.weight"] = rng.normal(size=shape) * (2 / np.prod(shape[1:])) ** 0.5
        arrays[f"{2 * i}.bias"] = rng.normal(size=b) * 0.1
    return arrays


def _networks(rng, settings):
    """One branch's tensors, random and lively: no training, no waiting."""
    x, a, e, f, h = settings.spatial, settings.audio_code, settings.expression, settings.fused, settings.hidden

    def matrix(rows, columns):
        return rng.normal(size=(rows, columns)) * (2 / columns) ** 0.5

    arrays = {
        "field.encoder.tables": rng.uniform(-1, 1, size=(3, settings.rows)),
        "field.audio_gate.0.weight": matrix(32, x),
        "field.audio_gate.2.weight": matrix(a, 32),
        "field.expression_gate.0.weight": matrix(16, x),
        "field.expression_gate.2.weight": matrix(e, 16),
        "field.fusion.spatial.weight": matrix(f, x),
        "field.fusion.audio.weight": matrix(f, a),
        "field.fusion.gate.weight": matrix(f, 2 * f),
        "field.fusion.gate.bias": rng.normal(size=f),
        "field.deform.0.weight": matrix(h, x + f + e),
        "field.deform.2.weight": matrix(h, h),
        "field.deform.4.weight": 0.1 * matrix(settings.columns, h),
        "audio.feature_mean": np.zeros(CHANNELS),
        "audio.feature_std": np.ones(CHANNELS),
        "audio.attention_weights.weight": matrix(8, 8),
        "audio.attention_weights.bias": np.zeros(8),
    }
    arrays |= {f"audio.frame.{k}": v for k, v in _layers(rng, (CHANNELS, 32, 32, 64, 64), 3).items()}
    arrays["audio.frame.0.weight"] *= 8  # random nets hardly react to sound
    arrays |= {f"audio.frame_code.{k}": v for k, v in _layers(rng, (64, 64, a)).items()}
    return arrays | {f"audio.attention.{k}": v for k, v in _layers(rng, (a, 16, 8, 4, 2, 1), 3).items()}


def _gaussians(rng, count, centre, spread, degree_coefficients=3):
    quats = rng.normal(size=(count, 4))
    return {
        "means": centre + spread * np.clip(rng.normal(size=(count, 3)), -2, 2),
        "quats": quats / np.linalg.norm(quats, axis=1, keepdims=True),
        "scales": rng.uniform(0.002, 0.006, size=(count, 3)),
        "opacities": rng.uniform(0.2, 0.95, size=count),
        "sh0": rng.normal(scale=0.8, size=(count, 3)),
        "shN": rng.normal(scale=0.1, size=(count, degree_coefficients, 3)),
    }


@pytest.fixture(scope="session")
def make_head():
    """make_head(path, count=240, seed=0) -> path: a small talking head."""

    def make(path, count=240, seed=0):
        rng = np.random.default_rng(seed)
        settings = {
            "face": BranchSettings.face(expression=len(EXPRESSION)),
            "mouth": BranchSettings.mouth(expression=len(EXPRESSION)),
        }
        tables = {
            "face": _gaussians(rng, count - count // 3, [0, -0.02, 0], 0.06),
            "mouth": _gaussians(rng, count // 3, [0, -0.06, -0.04], 0.015),
        }
        tensors = {}
        for branch, table in tables.items():
            arrays = _networks(rng, settings[branch]) | {f"gaussians.{k}": v for k, v in table.items()}
            tensors |= {f"{branch}.{k}": v.astype(np.float32) for k, v in arrays.items()}
        card = HeadCard(
            "tiny",
            Fraction(25),
            "logmel",
            {b: s.audio_code for b, s in settings.items()},
            EXPRESSION,
            "gated",
            {b: s.to_dict() for b, s in settings.items()},
            camera=Camera.looking_at([0, -0.6, 0], [0, 0, 0], 64, 64, 0.45),
            licence="CC0-1.0",
        )
        write_head(path, HeadFile(card, tensors, str(path)))
        return path

    return make


@pytest.fixture(scope="session")
def head_path(make_head, tmp_path_factory):
    """One small head for every test that does not write to it."""
    return make_head(tmp_path_factory.mktemp("head") / "tiny.head")


def write_wave(path, samples):  # float [L], -1..1
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def sound_path(tmp_path_factory):
    """Two seconds of vowel-like sound with pauses, 16 kHz."""
    t = np.arange(2 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    return write_wave(tmp_path_factory.mktemp("sound") / "voice.wav", 0.2 * tone * (np.sin(2 * np.pi * 3 * t) > -0.3))


@pytest.fixture
def make_wave():
    return write_wave


@pytest.fixture(scope="session")
def make_wave_once(tmp_path_factory):
    """make_wave_once(samples) -> path, for what takes long to write."""
    return lambda samples: write_wave(tmp_path_factory.mktemp("sound") / "made.wav", samples)


@pytest.fixture
def add_strip():
    """add_strip(bpy, path, start=1) -> a sound strip in the scene's sequencer."""

    from talksplat.blender_addon.scene import versions

    def add(bpy, path, start=1):
        editor = bpy.context.scene.sequence_editor or bpy.context.scene.sequence_editor_create()
        return versions.top_strips(editor).new_sound("voice", str(path), 1, start)

    return add


@pytest.fixture
def talking(blender, head_path, sound_path, add_strip, tmp_path):
    """A head in the scene that speaks a strip, its performance written by numpy: no worker needed."""
    from talksplat.core.formats.head_file import read_head
    from talksplat.core.performance.condition import Performance, write_performance

    card = read_head(head_path).card
    rng, moments = np.random.default_rng(5), 300
    codes = {branch: rng.normal(size=(moments, a)).astype(np.float32) for branch, a in card.audio_code.items()}
    performance = Performance(
        codes,
        {branch: track[0] * 0 for branch, track in codes.items()},
        np.zeros((moments, len(EXPRESSION)), np.float32),
        EXPRESSION,
        np.ones(moments, np.float32),
        card.content_hash,
        hashlib.sha256(Path(sound_path).read_bytes()).hexdigest(),
        "voice.wav",
        2.0,
        Fraction(100),
        Fraction(-1, 2),
    )
    path = tmp_path / "voice.performance"
    write_performance(path, performance)
    bpy.ops.talksplat.add_head(filepath=str(head_path))
    obj, strip = bpy.context.object, add_strip(bpy, sound_path)
    settings = obj.talksplat
    settings.sound, settings.performance, settings.strip = str(sound_path), str(path), strip.name
    return obj


@pytest.fixture
def place_strip():
    """place_strip(strip, start, trim_start, trim_end): move and trim it, under whichever names this Blender has."""

    def place(strip, start=None, trim_start=None, trim_end=None):
        new = ("content_start", "left_handle_offset", "right_handle_offset")
        old = ("frame_start", "frame_offset_start", "frame_offset_end")
        names = new if hasattr(strip, "content_start") else old
        for name, value in zip(names, (start, trim_start, trim_end)):
            if value is not None:
                setattr(strip, name, value)

    return place


@pytest.fixture
def changes():
    """changes(scene, obj) -> what the panel says has changed since the bake, once it has found out."""
    from talksplat.blender_addon.shot import bake_state

    def find_out(scene, obj):
        steps = bake_state.find_out(scene.session_uid, obj.session_uid)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return list(end.value.changes)

    return find_out


def find_clicks(path, gap=0.1) -> list[float]:
    """Seconds at which a 16-bit WAV has a click, at least `gap` apart."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())[:, 0]
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1000)
    return [loud[i] / rate for i in range(len(loud)) if i == 0 or loud[i] - loud[i - 1] > gap * rate]


def mixdown_clicks(bpy, folder, gap=0.1) -> list[float]:
    """Seconds after the scene's first frame at which Blender's mixdown has a click."""
    path = folder / "mix.wav"
    bpy.context.view_layer.update()
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S16")
    return find_clicks(path, gap)


@pytest.fixture
def clicks_in():
    """clicks_in(path, gap=0.1): seconds at which a WAV has a click."""
    return find_clicks


@pytest.fixture
def played_by_blender():
    """played_by_blender(bpy, folder, gap=0.1): the clicks of Blender's own mixdown, at least `gap` seconds apart."""
    return mixdown_clicks


VALUES = {"FLOAT": ("value", 1), "FLOAT_VECTOR": ("vector", 3), "FLOAT_COLOR": ("color", 4), "FLOAT4": ("vector", 4)}


@pytest.fixture
def read_attribute():
    """read_attribute(cloud, name) -> float32 [N] or [N,C]."""

    def read(cloud, name):
        attribute = cloud.attributes[name]
        value, width = VALUES.get(attribute.data_type, ("value", 4))
        array = np.empty(len(cloud.points) * width, dtype=np.float32)
        attribute.data.foreach_get(value, array)
        return array if width == 1 else array.reshape(-1, width)

    return read


@pytest.fixture
def shown(read_attribute):
    """shown(obj) -> Frame: what Blender would draw, the evaluated cloud's moving attributes."""
    from talksplat.core.performance import Frame

    def evaluate(obj):
        bpy.context.view_layer.update()
        cloud = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        return Frame(*(read_attribute(cloud, name) for name in ("position", "rotation", "scale")))

    return evaluate


@pytest.fixture
def sample_without_words(blender, tmp_path):
    """The sample head, which speaks the sample sentence; its voice in a folder of the test's, without words."""
    voice = Path(shutil.copy(Path(__file__).resolve().parents[2] / "samples" / "voice.wav", tmp_path))
    bpy.ops.talksplat.add_sample_head()
    obj = bpy.context.object
    bpy.ops.talksplat.sample_voice()
    from talksplat.blender_addon.scene import strip as strips

    strips.find_strip(bpy.context.scene, obj.talksplat.strip).sound.filepath = str(voice)
    obj.talksplat.sound = str(voice)
    return obj

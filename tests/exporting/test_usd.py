# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot as USD, read back by Pixar's own library: every number, the time between two frames, the camera's picture, the
sound's start; and what its validators (usdchecker's) say."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.exporting.usd_splats import SplatPrim
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.camera import Camera
from talksplat.core.jobs import Export
from talksplat.core.jobs.events import Failed, Finished, Progress, Warned
from talksplat.core.usd import new_layer

pxr = pytest.importorskip("pxr", reason="usd-core is not installed here")
from pxr import Gf, Usd, UsdGeom  # noqa: E402

FRAMES = range(-1, 4)  # of the tiny bake


@pytest.fixture(scope="module")
def bake_file(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bake")
    (folder / "voice.wav").write_bytes(b"RIFF")
    return make.write_bake(folder / "anna.bake")


@pytest.fixture
def job(bake_file, tmp_path):
    return Export(str(bake_file), str(tmp_path / "out"), "usd")


def exported(job):
    events = list(run_job(job))
    assert isinstance(events[-1], Finished), events[-1]
    return Usd.Stage.Open(f"{job.out}/{job.name or 'anna'}.usdc")


def problems(stage):
    validation = pytest.importorskip("pxr.UsdValidation", reason="this USD has no validators")
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    return [error.GetErrorAsString() for error in validation.ValidationContext(validators).Validate(stage)]


def values(stage, name, time, prim="/shot/anna"):
    value = stage.GetPrimAtPath(prim).GetAttribute(name).Get(time)
    if "orientations" in name:
        return np.array([[q.real, *q.imaginary] for q in value])
    return np.array(value)


def frame_of(stage, time, suffix="", prim="/shot/anna"):
    return [values(stage, name + suffix, time, prim) for name in ("positions", "orientations", "scales")]


@pytest.mark.parametrize("clip", [0, 2, 100])
def test_every_number_comes_back(job, bake_file, clip):
    stage = exported(replace(job, clip=clip))
    assert problems(stage) == []
    with BakeReader.open(bake_file) as bake:
        before = bake.canonical.quats
        for number in FRAMES:
            means, quats, scales = bake.frame(number)
            positions, orientations, sizes = frame_of(stage, number)
            np.testing.assert_array_equal(positions, means)
            np.testing.assert_array_equal(sizes, scales)
            turned = np.sum(orientations * quats, axis=1, keepdims=True)
            np.testing.assert_array_equal(orientations * np.sign(turned), quats)
            assert (np.sum(orientations * before, axis=1) >= 0).all(), "a program that blends goes the short way"
            before = orientations
            low, high = values(stage, "extent", number)
            assert (low < means.min(axis=0)).all()
            assert (high > means.max(axis=0)).all()
        rest = bake.canonical
    np.testing.assert_array_equal(values(stage, "opacities", 0), rest.opacities)
    harmonics = values(stage, "radiance:sphericalHarmonicsCoefficients", 0).reshape(len(rest), -1, 3)
    np.testing.assert_array_equal(harmonics, np.concatenate([rest.sh0[:, None], rest.shN], axis=1))
    assert stage.GetPrimAtPath("/shot/anna").GetAttribute("radiance:sphericalHarmonicsDegree").Get() == 1


def test_the_time_between_two_frames_is_between_them_whatever_file_it_lies_in(job, tmp_path):
    """Two clips do not know each other's frames: without the next one's first frame a moment between stood still."""
    whole, cut = exported(job), exported(replace(job, clip=2, out=str(tmp_path / "cut")))
    for time in np.arange(FRAMES[0], FRAMES[-1], 0.25):
        for ours, theirs in zip(frame_of(whole, time), frame_of(cut, time)):
            np.testing.assert_allclose(theirs, ours, atol=1e-6)
    middle = (frame_of(cut, 0)[0] + frame_of(cut, 1)[0]) / 2
    np.testing.assert_allclose(frame_of(cut, 0.5)[0], middle, atol=1e-7)


def test_an_orientation_takes_the_short_way_through_a_full_turn(tmp_path):
    """Past half a turn the sign that is nearest to the head at rest jumps, and a program that blends spun it back."""
    angles = np.linspace(0, 4 * np.pi, 30)
    rest = np.array([[1.0, 0, 0, 0]], np.float32)
    turns = [np.array([[np.cos(a / 2), 0, 0, np.sin(a / 2)]], np.float32) * (-1) ** i for i, a in enumerate(angles)]
    still = np.ones((1, 3), np.float32)
    bake = SimpleNamespace(canonical=SimpleNamespace(quats=rest), frame=lambda number: (still, turns[number], still))
    layer = new_layer(tmp_path / "turn.usdc")
    prim = SplatPrim(layer, "/shot/anna", half=False)
    prim.define()
    for number in range(30):
        prim.write_frame(number, bake)
    stage = Usd.Stage.Open(layer)
    samples = [values(stage, "orientations", number)[0] for number in range(30)]
    assert all(first @ second > 0.9 for first, second in pairwise(samples))
    np.testing.assert_allclose(samples[-1], [1, 0, 0, 0], atol=1e-6)


def test_half_takes_half_the_space(job, bake_file, tmp_path):
    whole, half = exported(job), exported(replace(job, half=True, out=str(tmp_path / "half")))
    assert problems(half) == []
    with BakeReader.open(bake_file) as bake:
        means, _, scales = bake.frame(2)
    positions, orientations, sizes = frame_of(half, 2, "h")
    np.testing.assert_array_equal(positions, means.astype(np.float16))
    np.testing.assert_array_equal(sizes, scales.astype(np.float16))
    np.testing.assert_allclose(np.linalg.norm(orientations, axis=1), 1, atol=1e-3)
    assert not half.GetPrimAtPath("/shot/anna").GetAttribute("positions").IsAuthored()
    assert whole.GetPrimAtPath("/shot/anna").GetTypeName() == "ParticleField3DGaussianSplat"


def test_the_stage_says_its_axes_unit_rate_and_colour_space(job):
    stage = exported(job)
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetTimeCodesPerSecond() == pytest.approx(24000 / 1001, abs=1e-12)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (-1, 3)
    assert stage.GetDefaultPrim().GetName() == "shot"
    head = stage.GetPrimAtPath("/shot/anna")
    assert head.GetAttribute("colorSpace:name").Get() == "srgb_rec709_scene"
    assert head.HasAPI("ColorSpaceAPI")


@pytest.mark.parametrize(("offset", "start", "skipped"), [(0.5, -1 + 0.5 * 24000 / 1001, 0), (-0.75, -1, 0.75)])
def test_the_sound_begins_where_it_began(make, tmp_path, offset, start, skipped):
    (tmp_path / "voice.wav").write_bytes(b"RIFF")
    canonical = make.gaussians(20)
    make.continue_bake(tmp_path / "anna.bake", make.bake_card(2, offset=offset), canonical)
    stage = exported(Export(str(tmp_path / "anna.bake"), str(tmp_path / "out"), "usd"))
    sound = stage.GetPrimAtPath("/shot/sound")
    assert sound.GetTypeName() == "SpatialAudio"
    assert sound.GetAttribute("startTime").Get() == pytest.approx(start)
    assert sound.GetAttribute("mediaOffset").Get() == skipped
    assert sound.GetAttribute("filePath").Get().path == "./../voice.wav"
    assert problems(stage) == []


def test_a_sound_that_is_gone_is_said(make, tmp_path):
    bake = make.write_bake(tmp_path / "anna.bake")
    events = list(run_job(Export(str(bake), str(tmp_path / "out"), "usd")))
    assert [event for event in events if isinstance(event, Warned) and "voice.wav" in event.sentence]
    assert not Usd.Stage.Open(str(tmp_path / "out" / "anna.usdc")).GetPrimAtPath("/shot/sound")


def test_an_edited_sound_is_in_its_pieces(job, tmp_path, bake_file):
    """Frames -1 to 3: a word, silence, the word again from its middle and softer, a retimed one."""
    (tmp_path / "out").mkdir()
    step = 1001 / 24000
    rows = (
        (0, 0.5, 0.5 + step, 1.0),
        (),
        (0, 2.0, 2.0 + step, 0.5),
        (0, 2.0 + step, 2 + 2 * step, 0.25),
        (1, 0, 0.2, 1.0),
    )
    files = str(bake_file.parent / "voice.wav"), str(bake_file.parent / "anna.bake")
    job = replace(job, sounds=files, sound_per_frame=(rows,))
    events = list(run_job(job))
    assert [event.sentence for event in events if isinstance(event, Warned)] == [
        "anna: a retimed strip is left out of the file, which has no speed of sound; render its sound."
    ]
    stage = exported(job)
    assert problems(stage) == []
    pieces = [prim for prim in stage.Traverse() if prim.GetTypeName() == "SpatialAudio"]
    found = [
        [float(prim.GetAttribute(name).Get()) for name in ("startTime", "endTime", "mediaOffset")] for prim in pieces
    ]
    np.testing.assert_allclose(found, [[-1, 0, 0.5], [1, 3, 2.0]])
    assert [pieces[1].GetAttribute("gain").Get(time) for time in (1, 2)] == [0.5, 0.25]
    *_, last = run_job(replace(job, sound_per_frame=((rows[0],),)))
    assert isinstance(last, Failed)


def test_names_that_others_have_are_told_apart(job, make, tmp_path):
    ben = make.write_bake(tmp_path / "ben.bake")
    names = [("camera", "sound"), ("Ünal", "ünal"), ("a b", "../a?b")]
    prims = [("camera_", "sound_"), ("Ünal", "ünal_2"), ("a_b", "___a_b")]
    for number, (given, expected) in enumerate(zip(names, prims)):
        out = str(tmp_path / str(number))
        stage = exported(replace(job, more_bakes=(str(ben),), head_names=given, out=out, name="anna", clip=3))
        found = [p.GetName() for p in stage.Traverse() if p.GetTypeName() == "ParticleField3DGaussianSplat"]
        assert tuple(found) == expected


def turned(angle, move, size=1.0):
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, :3] *= size
    matrix[:3, 3] = move
    return tuple(map(tuple, matrix.tolist()))


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_the_camera_sees_every_splat_where_ours_does(job, bake_file, kind):
    """A moving camera and a moving, scaled head: a splat's pixel by USD's frustum and by our own camera."""
    camera = Camera.looking_at([0.1, -0.8, 0.2], [0, 0, 0], 640, 360, 0.5)
    camera = replace(camera, cx=camera.cx + 31, cy=camera.cy - 17, kind=kind)  # a shifted lens
    camera = replace(camera, fx=900.0, fy=900.0) if kind == "orthographic" else camera
    worlds = [turned(0.1 * number, (0, 0.1 * number, 1), 1.5) for number in FRAMES]
    cameras = [
        replace(camera, viewmat=tuple(map(tuple, (camera.matrix @ np.asarray(turned(0, (0, 0, 0), 1.5))).tolist())))
    ] * len(FRAMES)  # as the scene's camera sees a head that is 1.5 times as large
    stage = exported(replace(job, cameras=tuple(cameras), head_to_world=(tuple(worlds),)))
    assert problems(stage) == []
    for index, number in enumerate(FRAMES):
        lens = UsdGeom.Camera(stage.GetPrimAtPath("/shot/camera")).GetCamera(float(number))
        projection = lens.frustum.ComputeViewMatrix() * lens.frustum.ComputeProjectionMatrix()
        place = UsdGeom.XformCache(float(number)).GetLocalToWorldTransform(stage.GetPrimAtPath("/shot/anna"))
        for mean in frame_of(stage, number)[0][:20].astype(float):
            seen = projection.Transform(place.Transform(Gf.Vec3d(*mean.tolist())))
            pixel = (seen[0] + 1) / 2 * camera.width, (1 - seen[1]) / 2 * camera.height
            x, y, z = (cameras[index].matrix @ [*mean, 1])[:3]
            depth = z if kind == "perspective" else 1
            expected = camera.fx * x / depth + camera.cx, camera.fy * y / depth + camera.cy
            np.testing.assert_allclose(pixel, expected, atol=0.01)


def test_several_heads_share_a_stage(job, make, tmp_path):
    ben = tmp_path / "other" / "anna.bake"
    ben.parent.mkdir()
    make.continue_bake(ben, make.bake_card(5, head_hash="ef" * 32), make.gaussians(30, seed=3))
    worlds = (turned(0, (1, 0, 0)),), (turned(0, (-1, 0, 0)),)
    stage = exported(replace(job, more_bakes=(str(ben),), head_to_world=worlds, name="dialogue", clip=3))
    assert problems(stage) == []
    assert len(values(stage, "positions", 0)) == 60
    assert len(values(stage, "positions", 0, "/shot/anna_2")) == 30
    place = UsdGeom.XformCache().GetLocalToWorldTransform(stage.GetPrimAtPath("/shot/anna_2"))
    assert place.ExtractTranslation() == Gf.Vec3d(-1, 0, 0)
    slow = tmp_path / "slow.bake"
    make.continue_bake(slow, make.bake_card(5, fps=Fraction(12)), make.gaussians(30))
    *_, last = run_job(replace(job, more_bakes=(str(slow),)))
    assert isinstance(last, Failed)
    assert "slow.bake: has 12 frames a second" in last.sentence
    *_, last = run_job(replace(job, format="ply", more_bakes=(str(ben),)))
    assert isinstance(last, Failed)
    assert "hold one head" in last.sentence


def test_a_long_shot_continues_after_its_last_clip(job, tmp_path):
    job = replace(job, clip=2)
    events = run_job(job)
    while not (isinstance(event := next(events), Progress) and event.done == 4):
        pass
    events.close()
    clips = tmp_path / "out" / "anna.clips"
    assert [path.name for path in clips.iterdir()] == ["anna.-0001.usdc"], "no half clip is left"
    *_, last = run_job(job)
    assert last.result == {"out": job.out, "frames": 5, "new": 4}, "two clips, the manifest, and the file itself"
    *_, last = run_job(job)
    assert last.result["new"] == 0
    *_, last = run_job(replace(job, head_to_world=((turned(0, (1, 0, 0)),),)))
    assert last.result["new"] == 1, "the head was moved: its frames are as they were"


@pytest.mark.parametrize("clip", [0, 2])
def test_one_frame_is_a_shot_too(job, bake_file, clip):
    stage = exported(replace(job, first=2, last=2, clip=clip))
    assert problems(stage) == []
    with BakeReader.open(bake_file) as bake:
        np.testing.assert_array_equal(frame_of(stage, 2)[0], bake.frame(2)[0])


@pytest.mark.parametrize("clip", [0, 3])
def test_a_cancelled_file_leaves_nothing(job, tmp_path, clip):
    events = run_job(replace(job, clip=clip))
    while not (isinstance(event := next(events), Progress) and event.done == 1):
        pass
    events.close()
    assert [path.name for path in (tmp_path / "out").rglob("*anna*") if path.is_file()] == []


def test_frames_go_to_the_disk_as_they_come(tmp_path):
    """An hour's shot must not lie in memory: peak memory of 40 frames of 36k splats and of 200 is the same."""
    pytest.importorskip("resource")
    code = (
        "import resource, sys, numpy as np\nfrom types import SimpleNamespace\n"
        "from talksplat.core.exporting import usd_splats\nfrom talksplat.core.usd import new_layer\n"
        "rng = np.random.default_rng(0)\nn = 36000\nq = rng.normal(size=(n, 4)).astype('f4')\n"
        "bake = SimpleNamespace(canonical=SimpleNamespace(quats=q), frame=lambda i: (rng.random((n, 3), 'f4'), q + "
        "rng.random((n, 4), 'f4'), rng.random((n, 3), 'f4')))\n"
        "layer = new_layer(sys.argv[1])\nprim = usd_splats.SplatPrim(layer, '/a', False)\nprim.define()\n"
        "for number in range(int(sys.argv[2])):\n    prim.write_frame(number, bake)\n"
        "layer.Save()\nunit = 1024 if sys.platform == 'darwin' else 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)\n"
    )
    few, many = (
        int(subprocess.check_output([sys.executable, "-c", code, str(tmp_path / f"{count}.usdc"), str(count)]))
        for count in (60, 200)
    )
    assert (tmp_path / "200.usdc").stat().st_size > 280e6
    assert many - few < 60e3, "kilobytes; the frames between are 200 MB"


@pytest.mark.parametrize("clip", [0, 2])
def test_a_disk_that_fills_up_is_one_sentence_and_nothing_half_is_left(make, tmp_path, clip):
    """The library raises an error of its own there, which ended in a traceback."""
    resource = pytest.importorskip("resource")
    make.continue_bake(tmp_path / "anna.bake", make.bake_card(4), make.gaussians(3000))
    job = Export(str(tmp_path / "anna.bake"), str(tmp_path / "out"), "usd", clip=clip)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        *_, last = run_job(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(last, Failed)
    assert last.sentence.startswith(str(tmp_path / "out"))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix == ".usdc"]
    assert isinstance([*run_job(job)][-1], Finished)

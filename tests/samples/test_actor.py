# SPDX-License-Identifier: GPL-3.0-or-later
"""The actor of the sample footage: the rig says what is documented, and the picture shows what the tracks say."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.footage import DEPTH_STEP
from talksplat.samples.actor import cameras, motion, plan
from talksplat.samples.actor.expression_rig import LOWER_TEETH, RIG_FILE, UPPER_TEETH, Rig, load_rig
from talksplat.samples.actor.voice_tracks import RATE, read_sound, write_wav
from talksplat.samples.actor.wardrobe import CORNEA_BULGE, EYE_RADIUS
from talksplat.samples.actor.zbuffer import LabelledMesh, label_and_depth, project_to_pixels

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "tests" / "fixtures" / "grid" / "sgbc6n.mpg"


@pytest.fixture(scope="module")
def rig(shared_data) -> Rig:
    if not (shared_data / RIG_FILE).is_file():
        pytest.skip(f"{RIG_FILE} is not in the shared data")
    return load_rig(shared_data)


@pytest.fixture(scope="module")
def mean_rig(rig, shared_data) -> Rig:
    """The rig before any identity, to which the documented numbers belong."""
    return load_rig(shared_data, identity=np.zeros(100))


def weights_of(rig: Rig, **values: float) -> np.ndarray:
    weights = np.zeros(len(rig.expression_names))
    for name, value in values.items():
        weights[rig.index(name)] = value
    return weights


@pytest.mark.shared_data
@pytest.mark.parametrize(("jaw_open", "gap"), [(0.0, 0.0008), (0.5, 0.0197), (1.0, 0.0387)])
def test_jaw_opens_the_lips_by_the_documented_gap(mean_rig, jaw_open, gap):
    assert mean_rig.lip_gap(weights_of(mean_rig, jawOpen=jaw_open)) == pytest.approx(gap, abs=6e-5)


@pytest.mark.shared_data
def test_jaw_carries_the_lower_teeth_and_leaves_the_upper(rig):
    moved = rig.vertices(weights_of(rig, jawOpen=1.0)) - rig.neutral
    assert np.abs(moved[UPPER_TEETH]).max() == 0.0
    assert np.linalg.norm(moved[LOWER_TEETH], axis=1).min() > 0.015


@pytest.mark.shared_data
def test_head_looks_along_minus_y_with_z_up_and_its_left_at_plus_x(rig):
    points = rig.neutral[rig.landmark_vertices]
    nose, chin, right_eye, left_eye = points[30], points[8], points[36], points[45]
    assert nose[1] == points[:, 1].min()
    assert chin[2] < nose[2] < left_eye[2]
    assert right_eye[0] < 0 < left_eye[0]
    assert 0.07 < np.linalg.norm(left_eye - right_eye) < 0.11  # metres: a grown person


def tracked_speech(gap: np.ndarray, width: np.ndarray | float = 0.6) -> motion.TrackedClip:
    """A made-up MediaPipe track: a still face whose lips are `gap` [T] eye distances apart, `width` wide."""
    landmarks = np.zeros((len(gap), 478, 2))
    landmarks[:, 263, 0], landmarks[:, 61, 0], landmarks[:, 291, 0] = 1.0, 0.2, 0.2 + width
    landmarks[:, 14, 1] = gap
    names = [name.replace("_L", "Left").replace("_R", "Right") for name in motion.MOUTH_GAIN]
    names += [
        f"{eye}{side}"
        for side in ("Left", "Right")
        for eye in (
            "eyeBlink",
            "eyeSquint",
            "eyeLookIn",
            "eyeLookOut",
            "eyeLookUp",
            "eyeLookDown",
            "browOuterUp",
            "browDown",
        )
    ]
    return motion.TrackedClip({name: np.full(len(gap), 0.1) for name in [*names, "browInnerUp"]}, landmarks)


@pytest.mark.shared_data
def test_rig_lips_follow_the_measured_gap_and_close(rig):
    seconds = np.arange(75) / 25
    measured = np.maximum(0.12 * np.sin(2 * np.pi * seconds), 0.0)
    weights, _ = motion.solve_expressions(rig, tracked_speech(measured))
    gap, expected = rig.lip_gap(weights), motion.LIP_GAP_GAIN * motion.eye_distance(rig) * measured
    assert np.abs(gap - expected).max() < 1e-3
    assert gap[19] < 5e-4  # in the middle of a closed half second
    assert weights.min() >= 0.0
    assert weights.max() <= 1.0


@pytest.mark.shared_data
def test_rig_mouth_grows_and_shrinks_as_the_measured_one(rig):
    ratio = 1 + 0.12 * np.sin(2 * np.pi * np.arange(75) / 25)
    ratio[:25] = 1.0
    weights, _ = motion.solve_expressions(rig, tracked_speech(np.where(ratio == 1.0, 0.0, 0.05), 0.6 * ratio))
    corners = rig.landmarks(weights)[:, [48, 54]]
    rest = rig.landmarks(weights_of(rig))[[48, 54]]
    width = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1) / np.linalg.norm(rest[0] - rest[1])
    assert np.corrcoef(width, ratio)[0, 1] > 0.98
    assert np.abs(width - ratio).max() < 0.04


@pytest.mark.shared_data
def test_upper_face_is_a_function_of_the_channels_alone(rig):
    neutral = motion.upper_face_weights(rig, np.zeros((1, len(motion.EXPRESSION_CHANNELS))))
    blink = motion.upper_face_weights(rig, np.eye(len(motion.EXPRESSION_CHANNELS))[:1])[0]
    assert not neutral.any()
    assert blink[rig.index("eyeBlink_L")] == 1.0
    assert np.count_nonzero(blink) == 1
    asleep = np.array([[1, 0, 0, 0, 0, 0, 0, -1.0]])  # the left lid is down and both eyes look down
    lids = motion.upper_face_weights(rig, asleep)[0]
    assert (lids[rig.index("eyeLookDown_L")], lids[rig.index("eyeLookDown_R")]) == (0.0, 1.0)


def test_plan_keeps_test_clips_and_held_back_cameras_out_of_training():
    pictures = plan.plan_pictures([f"clip{i:03d}" for i in range(200)])
    train = [picture for picture in pictures if picture.split == plan.TRAIN]
    test_clips = {picture.clip for picture in pictures if picture.split == plan.TEST_CLIP}
    assert not test_clips & {picture.clip for picture in pictures if picture.split != plan.TEST_CLIP}
    assert not {picture.camera for picture in train} & set(cameras.HELD_BACK)
    frontal = np.mean([abs(picture.camera[0]) <= 35 and picture.camera in cameras.FRONT for picture in train])
    assert frontal == pytest.approx(0.70, abs=0.04)
    assert {picture.split for picture in pictures[:100]} == {0, 1, 2}  # any prefix is useful


def test_depth_pass_is_planar_and_nearer_surfaces_win():
    square = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], np.float32) * 0.1
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    far = LabelledMesh(square, triangles, np.array([1, 1], np.uint8))
    near = LabelledMesh(square * 0.4 + np.float32([0, -0.05, 0]), triangles, np.array([2, 2], np.uint8))
    viewmat, intrinsics = cameras.viewmat((0.0, 0.0)), cameras.intrinsics(64, 64)
    for meshes in ([far, near], [near, far]):
        labels, depth = label_and_depth(meshes, viewmat, intrinsics, 64, 64)
        assert (labels[0, 0], labels[16, 32], labels[31, 31]) == (0, 1, 2)
        assert depth[31, 31] * DEPTH_STEP == pytest.approx(cameras.DISTANCE - 0.05, abs=DEPTH_STEP)
        assert depth[16, 32] * DEPTH_STEP == pytest.approx(cameras.DISTANCE, abs=DEPTH_STEP)


def test_depth_of_a_slanted_wall_is_where_the_pixel_s_ray_meets_it():
    slope = 2.0  # metres away a metre to the left
    wall = np.array([[x, slope * x, z] for x, z in ((-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2))], np.float32)
    mesh = LabelledMesh(wall, np.array([[0, 1, 2], [0, 2, 3]]), np.ones(2, np.uint8))
    intrinsics = cameras.intrinsics(64, 64)
    _, depth = label_and_depth([mesh], cameras.viewmat((0.0, 0.0)), intrinsics, 64, 64)
    aside = (np.arange(64) + 0.5 - 32) / intrinsics[0, 0]  # x over depth of a ray
    expected = cameras.DISTANCE / (1 - slope * aside)
    visible = depth[32] > 0
    assert visible.sum() > 20
    assert np.abs(depth[32] * DEPTH_STEP - expected)[visible].max() <= DEPTH_STEP


def test_the_shipped_voice_is_its_clip_and_the_encoders_read_it_at_the_same_time(tmp_path):
    """Footage is cut from the first picture on, a head is driven on a file's own timeline: both are one clock."""
    samples = read_sound(CLIP)
    write_wav(tmp_path / "voice.wav", samples)
    assert (tmp_path / "voice.wav").read_bytes() == (ROOT / "samples" / "voice.wav").read_bytes()
    with wave.open(str(tmp_path / "voice.wav")) as stream:
        assert (stream.getframerate(), stream.getnframes()) == (RATE, len(samples))
    decoded = load_sound(CLIP).samples
    lags = range(-40, 41)
    correlations = [np.corrcoef(samples[100:40100], decoded[100 + lag : 40100 + lag])[0, 1] for lag in lags]
    assert lags[int(np.argmax(correlations))] == 0
    assert max(correlations) > 0.999


def test_the_recipe_loads_without_blender():
    """`--help`, the plan and the tracks need no bpy."""
    code = "import sys; sys.modules['bpy'] = None; import talksplat.samples.actor.render_footage"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def studio(rig):
    pytest.importorskip("bpy", reason="Blender's Python module is not installed")
    from talksplat.samples.actor.scene import Studio

    return Studio(rig, 64, 64, samples=2, skin=np.full((8, 8, 3), 0.7, np.float32))


@pytest.mark.shared_data
@pytest.mark.bpy
@pytest.mark.parametrize("camera", [(0.0, 0.0), (-30.0, 4.0)])
def test_renderer_puts_head_and_mouth_where_labels_and_landmarks_say(studio, rig, camera, tmp_path):
    from PIL import Image

    weights = weights_of(rig, jawOpen=0.6)
    viewmat, intrinsics = cameras.viewmat(camera), cameras.intrinsics(64, 64)
    studio.pose(weights, (0.0, 0.0))
    studio.render(viewmat, cameras.focal(64), tmp_path / "picture.png")
    picture = np.asarray(Image.open(tmp_path / "picture.png")).astype(float)
    labels, depth = label_and_depth(studio.labelled_meshes(), viewmat, intrinsics, 64, 64)

    alpha = picture[..., 3] / 255
    assert np.mean((alpha > 0.5) == (labels > 0)) > 0.985
    landmarks = rig.landmarks(weights).astype(float)
    pixels, distances = project_to_pixels(landmarks, viewmat, intrinsics)
    column, row = np.floor(pixels[30]).astype(int)
    assert depth[row, column] * DEPTH_STEP == pytest.approx(distances[30], abs=3e-3)  # the nose tip is visible
    (column, row), distance = project_to_pixels(rig.eye_centre("R"), viewmat, intrinsics)
    assert depth[int(row), int(column)] * DEPTH_STEP == pytest.approx(distance - EYE_RADIUS - CORNEA_BULGE, abs=1.5e-3)
    column, row = np.floor(pixels[[62, 66]].mean(axis=0)).astype(int)
    assert labels[row, column] == 2
    column, row = np.floor(pixels[8]).astype(int)
    assert labels[row - 1, column] == 1
    skin = picture[..., :3].sum(axis=-1)
    column, row = np.floor(pixels[[62, 66]].mean(axis=0)).astype(int)
    chin = np.floor(pixels[[8, 57]].mean(axis=0)).astype(int)
    assert skin[row, column] < 0.8 * skin[chin[1], chin[0]]  # the open mouth is darker than the chin below it

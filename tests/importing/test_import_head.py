# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads of other programs' Gaussians: what they were, they still are; what is damaged ends in one sentence."""

import json
import struct
import tracemalloc
import wave
import zipfile

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import SH_C0, UserError, read_head, read_ply, rig_of, write_ply
from talksplat.core.importing.glb import read_mesh
from talksplat.core.jobs import Failed, Finished, ImportHead, Perform
from talksplat.core.performance import Controls, Replay, RigReplay, read_performance

N = 40  # of tiny_avatar.py
SHAPES = {
    "jawOpen": (np.array([1, 5, 9]), np.array([[0, -0.02, 0], [0, -0.01, 0.005], [0, -0.004, 0]], np.float32)),
    "eyeBlinkLeft": (np.array([20]), np.array([[0.001, -0.003, 0]], np.float32)),
    "tongueOut": (np.array([3]), np.zeros((1, 3), np.float32)),
}


def turned(vectors):
    """glTF's axes -> Blender's."""
    return np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], axis=-1)


def imported(source, tmp_path, **options):
    *_, last = run_job(ImportHead(str(source), str(tmp_path / "out.head"), **options))
    assert isinstance(last, Finished), last
    return read_head(tmp_path / "out.head"), last.result


@pytest.fixture
def avatar(tmp_path, avatars):
    return avatars.write_avatar(tmp_path / "anna.zip", shapes=SHAPES)


def test_a_ply_becomes_a_head_that_no_sound_moves(tmp_path, make):
    stored = make.gaussians(50, k=8)
    write_ply(tmp_path / "anna.ply", stored, axes="rdf")
    head, result = imported(tmp_path / "anna.ply", tmp_path)
    expected, found = read_ply(tmp_path / "anna.ply"), head.gaussians("face")
    assert all(np.array_equal(getattr(found, name), value) for name, value in vars(expected).items())
    assert (head.card.name, result["gaussians"], result["channels"], rig_of(head)) == ("anna", 50, 0, None)
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(0).integers(-9000, 9000, 16000).astype("<i2").tobytes())
    *_, last = run_job(Perform(result["head"], str(tmp_path / "voice.wav"), str(tmp_path / "a.performance")))
    assert isinstance(last, Finished), last
    performance, replay = read_performance(tmp_path / "a.performance"), Replay(head)
    assert not replay.speaks
    for name, value in zip(("means", "quats", "scales"), replay.at(performance.at(0.3, Controls()))):
        assert np.array_equal(value, getattr(found, name))


def test_the_axes_of_a_ply_can_be_said(tmp_path, make):
    stored = make.gaussians(20)
    write_ply(tmp_path / "a.ply", stored, axes="blender")
    path = tmp_path / "a.ply"
    path.write_bytes(path.read_bytes().replace(b"comment talksplat axes blender\n", b""))
    assert np.allclose(imported(path, tmp_path, axes="blender")[0].gaussians("face").means, stored.means)
    assert not np.allclose(imported(path, tmp_path)[0].gaussians("face").means, stored.means)


def test_an_avatar_is_its_mesh_its_offsets_and_plain_colours(avatar, avatars, tmp_path):
    found, table, mesh = imported(avatar, tmp_path)[0].gaussians("face"), avatars.splats(N), avatars.vertices(N)
    middle = (mesh.min(axis=0) + mesh.max(axis=0)) / 2
    np.testing.assert_allclose(found.means, turned(mesh - middle + table[:, :3]), atol=1e-6)
    np.testing.assert_allclose(SH_C0 * found.sh0 + 0.5, table[:, 6:9], atol=1e-6)
    np.testing.assert_allclose(found.opacities, 1 / (1 + np.exp(-table[:, 9])), atol=1e-6)
    np.testing.assert_allclose(found.scales, np.exp(table[:, 10:13]), rtol=1e-5)


def test_each_shape_is_a_channel_that_moves_what_the_file_says(avatar, tmp_path):
    head, result = imported(avatar, tmp_path)
    rig, rest = rig_of(head), head.gaussians("face").means
    assert rig is not None
    posed = RigReplay(head, Replay(head), rig)
    assert [c.name for c in posed.channels] == ["eyeBlinkLeft", "jawOpen"]  # what moves nothing is no channel
    assert result["channels"] == 2
    for channel, weight in ((0, 1.0), (1, 0.25)):
        rows, moves = SHAPES[posed.channels[channel].name]
        expected = np.zeros((N, 3), np.float32)
        expected[rows] = weight * turned(moves)
        frame = posed.posed(np.eye(2, dtype=np.float32)[channel] * weight)
        np.testing.assert_allclose(frame.means - rest, expected, atol=1e-5)
    half = np.array([0.3, 0.6], np.float32)
    np.testing.assert_allclose(posed.pose_in(posed.posed(half)), half, atol=1e-3)


def test_a_folder_is_as_good_as_the_zip(avatar, tmp_path):
    with zipfile.ZipFile(avatar) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert imported(tmp_path / "unpacked" / "anna", tmp_path, name="a")[0].card.content_hash == (
        imported(avatar, tmp_path, name="a")[0].card.content_hash
    )


def test_a_real_avatar_opens_its_jaw_and_closes_its_left_eye(shared_data, tmp_path):
    source = shared_data / "splat" / "lam_p2-1.zip"
    if not source.is_file():
        pytest.skip("the LAM avatar is not here")
    head, result = imported(source, tmp_path)
    rig, rest = rig_of(head), head.gaussians("face").means
    assert rig is not None
    assert (result["gaussians"], result["channels"]) == (20018, 51)
    posed = RigReplay(head, Replay(head), rig)
    names = [channel.name for channel in posed.channels]

    def moved(name):
        difference = posed.posed(np.eye(51, dtype=np.float32)[names.index(name)]).means - rest
        return difference, np.linalg.norm(difference, axis=1) > 0.002

    jaw, lips = moved("jawOpen")
    assert jaw[lips][:, 2].mean() < -0.005  # down
    assert (rest[moved("eyeBlinkLeft")[1]][:, 0] > 0).all()  # the figure's left is +X
    assert rest[lips][:, 1].mean() < 0  # it looks along -Y


def damaged_skin(skin, **changes):
    """The mesh, its first accessor saying something else."""
    (size,) = struct.unpack_from("<I", skin, 12)
    document = json.loads(skin[20 : 20 + size])
    document["accessors"][0] |= changes
    return glb_of(document, skin[20 + size :])


def glb_of(document, binary_chunk):
    text = json.dumps(document).encode()
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + binary_chunk
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


@pytest.mark.parametrize(
    "damage",
    [
        lambda a, skin: {"offset": a.ply(a.splats(N - 1))},
        lambda a, skin: {"offset": a.ply(a.splats(N) * 3)},
        lambda a, skin: {"offset": a.ply(a.splats(N))[:-10]},
        lambda a, skin: {"skin": skin[:-4]},
        lambda a, skin: {"skin": b"glTF"},
        lambda a, skin: {"skin": b""},
        *(
            lambda a, skin, changes=changes: {"skin": damaged_skin(skin, **changes)}
            for changes in (
                {"count": 10**9},
                {"count": -1},
                {"count": 1.5},
                {"byteOffset": 10**6},
                {"byteOffset": -12},
                {"bufferView": 99},
                {"type": "MAT4"},
            )
        ),
    ],
)
def test_a_damaged_avatar_is_one_sentence_that_names_it(damage, avatars, tmp_path):
    skin = avatars.glb(avatars.vertices(N), SHAPES)
    source = avatars.write_avatar(tmp_path / "anna.zip", **{"skin": skin, **damage(avatars, skin)})
    *_, last = run_job(ImportHead(str(source), str(tmp_path / "out.head")))
    assert isinstance(last, Failed)
    assert "anna.zip" in last.sentence
    assert "\n" not in last.sentence
    assert not (tmp_path / "out.head").exists()


def test_positions_that_a_mesh_claims_without_bytes_are_not_made(avatars, tmp_path):
    """glTF's accessors may have no bytes and then mean zeros: a kilobyte could ask for gigabytes of shapes."""
    skin = avatars.glb(avatars.vertices(N), {f"shape{i}": (np.array([0]), np.ones((1, 3))) for i in range(20)})
    (size,) = struct.unpack_from("<I", skin, 12)
    document = json.loads(skin[20 : 20 + size])
    for accessor in document["accessors"]:
        accessor["count"] = 1_000_000
    document["accessors"][0].pop("bufferView")
    tracemalloc.start()
    with pytest.raises(UserError, match=r"a\.glb"):
        read_mesh(glb_of(document, skin[20 + size :]), "a.glb")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_000_000


def test_a_zip_without_an_avatar_says_what_it_lacks(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    *_, last = run_job(ImportHead(str(tmp_path / "a.zip"), str(tmp_path / "out.head")))
    assert isinstance(last, Failed)
    assert "offset.ply" in last.sentence

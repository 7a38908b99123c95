# SPDX-License-Identifier: GPL-3.0-or-later
"""Dataset folders: ours -> theirs -> ours is the same; cameras mean what they say; what is hostile ends in an error."""

import io
import json
import struct

import numpy as np
import pytest
from turning_head import TRAIN, F, H, W, face, run_convert

from talksplat.core.audio import Sound, load_sound, write_wav
from talksplat.core.converting.action_units import COLUMNS, read_action_units
from talksplat.core.converting.convert import convert
from talksplat.core.converting.er_nerf_cameras import viewmats_from_transforms
from talksplat.core.converting.er_nerf_dataset import MAX_DEPTH_ERROR
from talksplat.core.converting.er_nerf_parsing import PARSING_COLOURS, labels_from_parsing
from talksplat.core.converting.er_nerf_text import read_transforms
from talksplat.core.converting.triangulate import triangulate_landmarks
from talksplat.core.footage import Footage
from talksplat.core.formats import UserError
from talksplat.core.jobs import Convert, Warned


def test_there_and_back(ours, theirs, tmp_path):
    events = run_convert(theirs, tmp_path / "back")
    assert events[-1].result["metres_a_unit"] == 1
    first, second = Footage.open(ours), Footage.open(tmp_path / "back")
    assert [(c.name, c.split) for c in second.clips] == [("train", "train"), ("val", "test")]
    for i in range(F):
        assert np.abs(first.camera(i).matrix - second.camera(i).matrix).max() < 1e-6
        a, b = first.picture(i), second.picture(i)
        assert np.array_equal(a.label, b.label)
        assert np.abs(a.rgb - b.rgb)[a.alpha > 0.9].mean() < 0.04  # a JPEG is between them
    assert np.abs(first.landmarks2d - second.landmarks2d).max() < 0.01
    assert np.array_equal(first.split, second.split)
    assert np.allclose(np.diff(first.time[:TRAIN]), np.diff(second.time[:TRAIN]))
    one, other = (list(f.expression_names) for f in (first, second))
    for channel, back in (("blink_left", "blink"), ("brow_inner_up", "brow_inner_up")):
        before, after = first.expression[:, one.index(channel)], second.expression[:, other.index(back)]
        assert np.abs(before - after).max() < 1e-4
    # The landmarks were never written: the cameras alone find them again.
    for clip, count in ((0, TRAIN), (1, F - TRAIN)):
        track = second.track(clip)
        assert len(track.time) == count
        assert np.abs(track.landmarks - face()).max() < 1e-5
    # Every picture is still at its own sound.
    for i in (0, TRAIN - 1, TRAIN, F - 1):
        before, after = (
            load_sound(f.clips[f.clip[i]].audio).samples[round(f.time[i] * 16000) :] for f in (first, second)
        )
        length = min(640, len(before), len(after))
        assert length > 0
        assert np.allclose(before[:length], after[:length], atol=1e-4)


def test_a_set_in_the_trackers_own_units_gets_human_size(theirs, copy, tmp_path):
    for part in ("train", "val"):
        path = copy / f"transforms_{part}.json"
        card = json.loads(path.read_text())
        for frame in card["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[3] *= 10
        path.write_text(json.dumps(card))
    assert run_convert(copy, tmp_path / "back")[-1].result["metres_a_unit"] == 0.1
    assert np.abs(Footage.open(tmp_path / "back").track(0).landmarks - face()).max() < 1e-5


def test_cameras_see_an_upright_face_in_front_of_them(theirs):
    """By the convention alone: their camera is in front of the face (+Z), Y up; ours too, in its own axes."""
    matrix = np.eye(4)
    matrix[:3, 3] = [0, 0, 0.9]
    viewmat = viewmats_from_transforms(matrix[None], 1.0)[0]

    def in_camera(x, y, z):
        return viewmat[:3, :3] @ [x, y, z] + viewmat[:3, 3]

    assert np.allclose(in_camera(0, 0, 0), [0, 0, 0.9])
    assert np.allclose(in_camera(0, -0.1, 0), [0, 0, 0.8])  # the nose is nearer
    assert np.allclose(in_camera(0, 0, 0.1), [0, -0.1, 0.9])  # the crown is up in the picture
    assert np.allclose(in_camera(0.05, 0, 0), [0.05, 0, 0.9])  # the head's left is at the picture's right


@pytest.mark.shared_data
def test_real_poses_and_action_units(shared_data):
    folder = shared_data / "tracked_format"
    transforms = read_transforms(folder / "ernerf_obama_data_kf.json")
    assert (len(transforms.image), transforms.focal, transforms.centre) == (4086, 1100.0, (225.0, 225.0))
    viewmats = viewmats_from_transforms(transforms.matrices, 1.0)
    assert (
        (viewmats[:, 2, 3] > 0.6) & (viewmats[:, 2, 3] < 1.2)
    ).all()  # the head's middle, metres in front of the camera
    assert (viewmats[:, 1, 2] < -0.9).all()  # the crown is up
    assert (viewmats[:, 2, 1] > 0.9).all()  # the nose points to the camera
    middle = viewmats[:, :2, 3] / viewmats[:, 2:3, 3] * 1100 + 225
    assert ((middle > 100) & (middle < 350)).all()
    units = read_action_units(folder / "ernerf_obama_au.csv")
    assert {len(values) for values in units.values()} == {4495}
    assert 1 < units["AU45_r"].max() <= 5


@pytest.mark.shared_data
def test_the_depth_error_is_as_large_as_the_real_one(shared_data):
    """A real talker's head rotation, trackers that err alike for a second: the estimated error is right."""
    viewmats = viewmats_from_transforms(
        read_transforms(shared_data / "tracked_format/ernerf_obama_data_kf.json").matrices, 1.0
    )
    K = np.array([[1100, 0, 225], [0, 1100, 225], [0, 0, 1.0]])
    in_camera = np.einsum("fij,pj->fpi", viewmats[:, :3, :3], face()) + viewmats[:, None, :3, 3]
    pixels = in_camera[..., :2] / in_camera[..., 2:] * 1100 + 225
    noise = np.random.default_rng(0).normal(size=(len(pixels) // 25 + 1, 68, 2))[np.arange(len(pixels)) // 25]
    for pictures, trusted in ((60, False), (4086, True)):
        triangulated = triangulate_landmarks((pixels + 2 * noise)[:pictures], viewmats[:pictures], K)
        error = np.median(np.linalg.norm(triangulated.mean - face(), axis=-1))
        assert 0.4 < np.median(triangulated.depth_error) / error < 2.5
        assert (np.median(triangulated.depth_error) < MAX_DEPTH_ERROR) == trusted


def test_masks_mean_what_their_colours_say():
    parsing = np.array([list(PARSING_COLOURS.values())], np.uint8)  # face mouth hair neck torso background
    teeth = np.array([[True, False, False, False, False, False]])
    assert labels_from_parsing(parsing, None, False).tolist() == [[1, 2, 1, 0, 0, 0]]
    assert labels_from_parsing(parsing, teeth, True).tolist() == [[2, 2, 1, 1, 1, 0]]
    assert (
        labels_from_parsing(np.full((1, 1, 3), 128, np.uint8), None, False)[0, 0] != 2
    )  # hair mixed with white is no mouth


def test_a_cancelled_conversion_continues(theirs, ours, tmp_path):
    for source, kept in ((theirs, "image/000003.png"), (ours, "gt_imgs/3.jpg")):
        out = tmp_path / source.name
        events = convert(Convert(str(source), str(out)))
        while not (out / kept).exists():
            next(events)
        events.close()
        stamp = (out / kept).stat().st_mtime_ns
        assert not any((out / last_file).exists() for last_file in ("footage.json", "transforms_train.json"))
        with pytest.raises(UserError, match="started from something else"):
            run_convert(ours if source is theirs else theirs, out)
        run_convert(source, out)
        assert (out / kept).stat().st_mtime_ns == stamp
        assert not list(out.glob("begun*"))
        with pytest.raises(UserError, match="finished"):
            run_convert(source, out)
    assert len(list((tmp_path / theirs.name / "label").iterdir())) == F


def forged(shape, dtype="|b1"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue() + b"\0" * 8


def change(folder, name, **fields):
    path = folder / f"transforms_{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def one_frame(**fields):
    return [{"img_id": 0, "aud_id": 0, "transform_matrix": np.eye(4).tolist()} | fields]


HOSTILE = {
    "transforms_train.json": [b"", b"[1]", b"{", b"[" * 100_000, b"\xff", b'{"frames": []}'],
    "aud.wav": [b"", b"no sound"],
    "au.csv": [b"", b"frame, AU45_r\n1, 2\n", b"\xff"],
}
HOSTILE_PICTURE = {
    "ori_imgs/5.lms": [b"", b"1 2\n" * 67, b"1 2 3\n" * 68, b"a b\n" * 68, b"nan 1\n" * 68, b"1 2\n" * 20000],
    "parsing/5.png": [b"", b"no picture"],
    "gt_imgs/5.jpg": [b"", b"no picture", b"\xff\xd8\xff\xe0" + b"\0" * 50],
    "teeth_mask/5.npy": [
        b"",
        b"no mask",
        forged((10**9, 10**9)),
        forged((H, W), "|O"),
        forged((H, W)),
        b"\x80\x04cos\nsystem\n",
    ],
}


def cases(table):
    return pytest.mark.parametrize(
        ("name", "k"), [(name, k) for name, bodies in table.items() for k in range(len(bodies))]
    )


@cases(HOSTILE)
def test_hostile_files(copy, tmp_path, name, k):
    (copy / name).write_bytes(HOSTILE[name][k])
    with pytest.raises(UserError, match=name.replace(".", r"\.")) as caught:
        run_convert(copy, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "footage.json").exists()


@cases(HOSTILE_PICTURE)
def test_a_hostile_file_of_a_picture_costs_that_picture(copy, tmp_path, name, k):
    (copy / name).write_bytes(HOSTILE_PICTURE[name][k])
    events = run_convert(copy, tmp_path / "out")
    [sentence] = [event.sentence for event in events if isinstance(event, Warned)]
    assert str(copy / name) in sentence
    assert "\n" not in sentence
    assert events[-1].result["pictures"] == F - 1


@pytest.mark.parametrize("name", ["aud.wav", "au.csv", "transforms_train.json"])
def test_missing_files(copy, tmp_path, name):
    (copy / name).unlink()
    with pytest.raises(UserError):
        run_convert(copy, tmp_path / "out")


@pytest.mark.parametrize(
    "fields",
    [
        {"focal_len": -1},
        {"focal_len": "x"},
        {"focal_len": [1, 2]},
        {"cx": 1e300},
        {"cx": None},
        {"frames": {}},
        {"frames": [{}]},
        {"frames": [3]},
        {"frames": one_frame(img_id="../../secret")},
        {"frames": one_frame(img_id=-1)},
        {"frames": one_frame(img_id=10**12)},
        {"frames": one_frame(aud_id=0.5)},
        {"frames": one_frame() * 2},
        {"frames": one_frame(transform_matrix=np.zeros((4, 4)).tolist())},
        {"frames": one_frame(transform_matrix=np.diag([1.0, 1, -1, 1]).tolist())},
        {"frames": one_frame(transform_matrix=[[1, 2], [3]])},
        {"frames": one_frame(transform_matrix=np.diag([1e200, 1, 1, 1]).tolist())},
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_hostile_transforms(copy, tmp_path, fields):
    change(copy, "train", **fields)
    with pytest.raises(UserError, match=r"transforms_train\.json"):
        run_convert(copy, tmp_path / "out")


def test_a_bomb_is_not_decoded(copy, tmp_path):
    path = copy / "parsing/0.png"
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60000, 60000)
    path.write_bytes(data)
    assert any("0.png" in event.sentence for event in run_convert(copy, tmp_path / "out") if isinstance(event, Warned))


def test_sets_that_cannot_train_end_in_an_error(copy, tmp_path):
    card = json.loads((copy / "transforms_val.json").read_text())
    change(copy, "val", frames=[frame | {"aud_id": k} for k, frame in enumerate(card["frames"])])
    with pytest.raises(UserError, match="held back"):
        run_convert(copy, tmp_path / "out")
    (copy / "transforms_val.json").unlink()
    still = json.loads((copy / "transforms_train.json").read_text())["frames"]
    change(copy, "train", frames=[f | {"transform_matrix": still[0]["transform_matrix"]} for f in still])
    with pytest.raises(UserError, match="turns too little"):
        run_convert(copy, tmp_path / "out")


def test_sound_of_another_length(copy, tmp_path):
    write_wav(copy / "aud.wav", Sound(np.zeros(16000 * 9, np.float32)))
    assert any(isinstance(event, Warned) for event in run_convert(copy, tmp_path / "long"))
    write_wav(copy / "aud.wav", Sound(np.zeros(1600, np.float32)))
    with pytest.raises(UserError, match="lasts"):
        run_convert(copy, tmp_path / "short")


def test_a_lost_face_is_interpolated(tmp_path):
    path = tmp_path / "au.csv"
    rows = [
        f"{k}, {ok}, " + ", ".join([str(value)] * len(COLUMNS)) for k, ok, value in ((1, 1, 1), (2, 0, 0), (3, 1, 3))
    ]
    path.write_text(", ".join(["frame", "success", *COLUMNS]) + "\n" + "\n".join(rows))
    assert read_action_units(path)["AU45_r"].tolist() == [1, 2, 3]

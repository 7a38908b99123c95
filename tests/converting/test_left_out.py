# SPDX-License-Identifier: GPL-3.0-or-later
"""A dataset folder with a few faults trains: pictures that cannot be used are left out and named, the others stay at
their moment; where a large share cannot be used, a sentence says why."""

import codecs
import json
import shutil

import numpy as np
import pytest
from turning_head import TRAIN, F, H, W, face, run_convert

from talksplat.core.audio import load_sound
from talksplat.core.converting.action_units import read_action_units
from talksplat.core.converting.convert import convert
from talksplat.core.converting.left_out import MAX_LEFT_OUT_SHARE
from talksplat.core.footage import Footage
from talksplat.core.formats import UserError
from talksplat.core.jobs import Convert, Warned

FAULTY = 5  # the picture that most of these faults are about


def edit_frames(folder, change):
    path = folder / "transforms_train.json"
    card = json.loads(path.read_text())
    change(card["frames"])
    path.write_text(json.dumps(card))


def set_pose(value):
    def damage(folder):
        edit_frames(folder, lambda frames: frames[FAULTY]["transform_matrix"][1].__setitem__(3, value))

    return damage


def set_field(name, value):
    return lambda folder: edit_frames(folder, lambda frames: frames[FAULTY].__setitem__(name, value))


def edit_rows(change):
    def damage(folder):
        path = folder / "au.csv"
        lines = path.read_text().splitlines()
        change(lines)
        path.write_text("\n".join(lines) + "\n")

    return damage


def delete_row(lines):
    del lines[1 + FAULTY]


def cut_row(lines):
    lines[1 + FAULTY] = lines[1 + FAULTY][:30]


def infinite_row(lines):
    cells = lines[1 + FAULTY].split(",")
    cells[lines[0].split(", ").index("AU45_r")] = " inf"
    lines[1 + FAULTY] = ",".join(cells)


def write(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def shorten(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-200])


def remove(name):
    return lambda folder: (folder / name).unlink()


FAULTS = {
    "infinite pose": (set_pose(float("inf")), "transforms_train.json"),
    "NaN pose": (set_pose(float("nan")), "transforms_train.json"),
    "pose without a number": (set_pose(None), "transforms_train.json"),
    "pose with a row short": (
        lambda folder: edit_frames(folder, lambda frames: frames[FAULTY]["transform_matrix"].pop()),
        "transforms_train.json",
    ),
    "stretched pose": (
        lambda folder: edit_frames(
            folder, lambda frames: frames[FAULTY].update(transform_matrix=np.diag([1e200, 1, 1, 1]).tolist())
        ),
        "transforms_train.json",
    ),
    "no picture number": (set_field("img_id", "x"), "transforms_train.json"),
    "moment after the sound": (set_field("aud_id", 90_000), "aud.wav"),
    "missing landmark file": (remove(f"ori_imgs/{FAULTY}.lms"), f"{FAULTY}.lms"),
    "landmark file with a row short": (write(f"ori_imgs/{FAULTY}.lms", b"1 2\n" * 67), f"{FAULTY}.lms"),
    "infinite landmark": (write(f"ori_imgs/{FAULTY}.lms", b"inf 2\n" * 68), f"{FAULTY}.lms"),
    "a row too few in au.csv": (edit_rows(delete_row), "au.csv"),
    "a row of au.csv that breaks off": (edit_rows(cut_row), "au.csv"),
    "an infinite number in au.csv": (edit_rows(infinite_row), "au.csv"),
    "missing picture": (remove(f"gt_imgs/{FAULTY}.jpg"), f"{FAULTY}.jpg"),
    "picture that breaks off": (shorten(f"gt_imgs/{FAULTY}.jpg"), f"{FAULTY}.jpg"),
    "picture of another size": (
        lambda folder: (
            shutil.copy(folder / "bc.jpg", folder / f"gt_imgs/{FAULTY}.jpg")
            and resize(folder / f"gt_imgs/{FAULTY}.jpg")
        ),
        f"{FAULTY}.jpg",
    ),
    "missing mask": (remove(f"parsing/{FAULTY}.png"), f"parsing/{FAULTY}.png"),
    "mask that is no picture": (write(f"parsing/{FAULTY}.png", b"text"), f"parsing/{FAULTY}.png"),
    "teeth mask that breaks off": (shorten(f"teeth_mask/{FAULTY}.npy"), f"{FAULTY}.npy"),
}


def resize(path):
    from PIL import Image

    Image.open(path).resize((2 * W, H)).save(path)


def warnings(events):
    return [event.sentence for event in events if isinstance(event, Warned)]


def check_moments(whole, footage, left_out):
    """All but the pictures `left_out` are there, each with its own camera, mask and sound; the track has no hole."""
    kept = [i for i in range(F) if i not in left_out]
    assert len(footage) == len(kept)
    for row, i in enumerate(kept):
        assert np.abs(whole.camera(i).matrix - footage.camera(row).matrix).max() < 1e-6
        assert np.array_equal(whole.picture(i).label, footage.picture(row).label)
    for row, i in ((0, kept[0]), (6, kept[6]), (-1, kept[-1])):
        heard = [
            load_sound(f.clips[f.clip[r]].audio).samples[round(f.time[r] * 16000) :][:400]
            for f, r in ((whole, i), (footage, row))
        ]
        length = min(map(len, heard))
        assert length
        assert np.allclose(heard[0][:length], heard[1][:length], atol=1e-4)
    assert np.abs(whole.expression[kept] - footage.expression).max() < 1e-6
    for clip in range(len(footage.clips)):
        track = footage.track(clip)
        assert np.allclose(np.diff(track.time), 1 / 25)
        assert np.abs(track.landmarks - face()).max() < 1e-4
        moments = np.round(footage.time[footage.clip == clip] * 25)
        assert np.isin(moments, np.round(track.time * 25)).all()


@pytest.fixture(scope="module")
def whole(theirs, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "back"
    assert not warnings(run_convert(theirs, out))
    return Footage.open(out)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_picture_with_a_fault_is_left_out_and_named(whole, copy, tmp_path, fault):
    damage, named = FAULTS[fault]
    damage(copy)
    events = run_convert(copy, tmp_path / "out")
    [sentence] = warnings(events)
    assert named in sentence
    assert f"1 of its {F} pictures is left out" in sentence
    assert "\n" not in sentence
    assert (events[-1].result["pictures"], events[-1].result["left_out"]) == (F - 1, 1)
    check_moments(whole, Footage.open(tmp_path / "out"), {FAULTY})


def test_several_faults_are_counted_and_the_first_is_named(whole, copy, tmp_path):
    remove("ori_imgs/7.lms")(copy)
    shorten("gt_imgs/12.jpg")(copy)
    set_pose(float("nan"))(copy)
    remove(f"parsing/{TRAIN + 2}.png")(copy)
    [sentence] = warnings(run_convert(copy, tmp_path / "out"))
    assert f"4 of its {F} pictures are left out" in sentence
    check_moments(whole, Footage.open(tmp_path / "out"), {FAULTY, 7, 12, TRAIN + 2})


def test_of_two_pictures_with_one_number_neither_is_taken(whole, copy, tmp_path):
    set_field("img_id", FAULTY + 1)(copy)
    [sentence] = warnings(run_convert(copy, tmp_path / "out"))
    assert f"img_id {FAULTY + 1} appears 2 times" in sentence
    check_moments(whole, Footage.open(tmp_path / "out"), {FAULTY, FAULTY + 1})


def test_the_rows_of_au_csv_may_be_fewer_than_the_pictures(whole, copy, tmp_path):
    """OpenFace and FFmpeg often disagree by a picture at the end."""
    edit_rows(lambda lines: lines.pop())(copy)
    [sentence] = warnings(run_convert(copy, tmp_path / "out"))
    assert "au.csv" in sentence
    check_moments(whole, Footage.open(tmp_path / "out"), {F - 1})


def test_a_missing_row_does_not_move_the_rows_after_it(copy):
    whole = read_action_units(copy / "au.csv")
    edit_rows(delete_row)(copy)
    for name, values in read_action_units(copy / "au.csv").items():
        assert np.isnan(values[FAULTY])
        assert np.array_equal(np.delete(values, FAULTY), np.delete(whole[name], FAULTY))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_changes_nothing(whole, copy, tmp_path, encoding):
    """As Notepad and PowerShell save text."""
    for path in (*copy.glob("*.json"), copy / "au.csv", *copy.glob("ori_imgs/*.lms")):
        path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert copy.joinpath("au.csv").read_bytes()[:2] in (codecs.BOM_UTF16, codecs.BOM_UTF8[:2])
    assert not warnings(run_convert(copy, tmp_path / "out"))
    check_moments(whole, Footage.open(tmp_path / "out"), set())


@pytest.mark.parametrize("part", ["train", "val"])
def test_too_many_faults_are_a_sentence(copy, tmp_path, part):
    """Of either part: what is held back must not vanish either."""
    numbers = range(TRAIN) if part == "train" else range(TRAIN, F)
    for number in numbers[: int(MAX_LEFT_OUT_SHARE * len(numbers)) + 1]:
        (copy / f"ori_imgs/{number}.lms").unlink()
    with pytest.raises(UserError, match=rf"20% of its {len(numbers)} {part} pictures .*{numbers[0]}\.lms"):
        run_convert(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_conversion_with_faults_continues_with_the_same_pictures(whole, copy, tmp_path):
    shorten(f"gt_imgs/{FAULTY}.jpg")(copy)
    out = tmp_path / "out"
    events = convert(Convert(str(copy), str(out)))
    while not (out / "image/000020.png").exists():
        next(events)
    events.close()
    run_convert(copy, out)
    check_moments(whole, Footage.open(out), {FAULTY})


def test_a_picture_repaired_in_between_needs_another_folder(theirs, copy, tmp_path):
    """Else the numbers of the pictures that are there already would mean others."""
    whole = (copy / f"gt_imgs/{FAULTY}.jpg").read_bytes()
    shorten(f"gt_imgs/{FAULTY}.jpg")(copy)
    out = tmp_path / "out"
    events = convert(Convert(str(copy), str(out)))
    while not (out / "image/000020.png").exists():
        next(events)
    events.close()
    (copy / f"gt_imgs/{FAULTY}.jpg").write_bytes(whole)
    with pytest.raises(UserError, match="started from something else"):
        run_convert(copy, out)


def test_damaged_pictures_of_our_footage_are_left_out_there_and_back(whole, ours, tmp_path):
    copy = shutil.copytree(ours, tmp_path / "ours")
    shorten(f"image/{FAULTY:06d}.png")(copy)
    remove(f"label/{TRAIN + 1:06d}.png")(copy)
    [sentence] = warnings(run_convert(copy, tmp_path / "theirs"))
    assert f"2 of its {F} pictures are left out" in sentence
    assert f"{FAULTY:06d}.png" in sentence
    assert not warnings(run_convert(tmp_path / "theirs", tmp_path / "back"))
    check_moments(whole, Footage.open(tmp_path / "back"), {FAULTY, TRAIN + 1})

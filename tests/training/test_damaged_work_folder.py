# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash, another program or a disk made of a training's work folder ends in a sentence, or is left out."""

import numpy as np
import pytest
from PIL import Image

from talksplat.core.formats import UserError, read_tensors, write_tensors
from talksplat.core.training.run_log import read_losses
from talksplat.core.training.training_report import _previews
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import SMOKE


def test_losses_that_are_no_text_leave_out_those_lines(tmp_path):
    path = tmp_path / "losses.csv"
    path.write_bytes(b"1,static,0.5,20.0,400,100\n\xff\xfe2,static\n3,static,0.4,21.0,400,100\n")
    assert [line.t for line in read_losses(path)] == [1, 3]


def test_a_picture_of_another_name_among_the_previews_is_left_out(tmp_path):
    for name in ("000100.png", "my notes.png", "000200.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    assert len(list(_previews(tmp_path))) == 2


@pytest.fixture(scope="module")
def run(tiny_footage):
    return TrainingRun(tiny_footage, SMOKE)


@pytest.fixture(scope="module")
def checkpoint(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("work") / "checkpoint"
    run.begin()
    run.save(path)
    return path


def without_a_row(arrays):
    return arrays | {"cloud.face.sh0": arrays["cloud.face.sh0"][:-1]}


def of_whole_numbers(arrays):
    return arrays | {"cloud.mouth.means": arrays["cloud.mouth.means"].astype(np.int16)}


def not_finite(arrays):
    return arrays | {"cloud.face.means": arrays["cloud.face.means"] * np.nan}


def without_the_random_state(arrays):
    return {name: array for name, array in arrays.items() if name != "random.torch"}


def a_random_state_of_another_kind(arrays):
    return arrays | {"random.torch": arrays["random.torch"].astype(np.float32)}


DAMAGES = [without_a_row, of_whole_numbers, not_finite, without_the_random_state, a_random_state_of_another_kind]
NOTES = ['"t": 0', '"before": ["audio net", "motion"]', '"minutes": 0.0', '"bit_generator": "PCG64"', '"numpy": {']


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_arrays_that_do_not_fit(run, checkpoint, tmp_path, damage):
    arrays, metadata = read_tensors(checkpoint)
    write_tensors(tmp_path / "damaged", damage(dict(arrays)), metadata)
    with pytest.raises(UserError, match=r"damaged.*remove") as caught:
        run.load(tmp_path / "damaged")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("note", NOTES)
def test_notes_of_another_kind(run, checkpoint, tmp_path, note):
    arrays, metadata = read_tensors(checkpoint)
    assert note in metadata["notes"]
    key = note.split(":")[0]
    other = f'{key}: null, "x": {{' if note.endswith("{") else f"{key}: null"
    write_tensors(tmp_path / "damaged", arrays, metadata | {"notes": metadata["notes"].replace(note, other)})
    with pytest.raises(UserError, match=r"damaged.*remove"):
        run.load(tmp_path / "damaged")

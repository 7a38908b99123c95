# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of other programs' trainings: what torch.save makes by their documented layout becomes a head at rest,
and nothing that a file says is ever run."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.formats import UserError, read_head, write_ply
from talksplat.core.formats.rotate import RUB_TO_BLENDER, rotate_gaussians
from talksplat.core.importing.torch_archive import open_torch_archive
from talksplat.core.jobs import Failed, Finished, ImportHead, Perform, Warned

torch = pytest.importorskip("torch", reason="the checkpoints are made with torch")


def capture(table, seed=0):
    """A branch as TalkingGaussian stores it, of `table` in its own space."""
    n = len(table)
    raw = np.log(np.expm1(table.scales.astype(np.float64)))  # of which softplus is the scale
    logit = np.log(table.opacities / (1 - table.opacities))[:, None]

    def parameter(values):
        return torch.nn.Parameter(torch.tensor(np.asarray(values, np.float32)))

    xyz = parameter(table.means)
    optimiser = torch.optim.Adam([xyz], lr=1e-3)
    (xyz * torch.randn(n, 3)).sum().backward()
    optimiser.step()
    xyz.data = torch.tensor(table.means)
    return (
        2, xyz, parameter(table.sh0[:, None]), parameter(table.shN), parameter(np.zeros((n, 1))), parameter(raw),
        parameter(table.quats * 3), parameter(logit), torch.zeros(n), torch.zeros(n, 1), torch.zeros(n, 1),
        optimiser.state_dict(), np.float64(1.7),
    )  # fmt: skip


def networks(outputs):
    """Some of a motion network's tensors; the last layer's rows say of which branch it is."""
    layers = {"audio_net.encoder_conv.0": (32, 29, 3), "sigma_net.net.0": (64, 74), "sigma_net.net.2": (outputs, 64)}
    module = torch.nn.Module()
    for name, shape in layers.items():
        module.register_parameter(name.replace(".", "_"), torch.nn.Parameter(torch.zeros(shape)))
    state = module.state_dict()
    return type(state)((name + ".weight", state[name.replace(".", "_")]) for name in layers)


@pytest.fixture
def tables(make):
    return make.gaussians(40, k=8), make.gaussians(15, k=8, seed=1)


def imported(source, tmp_path):
    *events, last = run_job(ImportHead(str(source), str(tmp_path / "out.head")))
    assert isinstance(last, Finished), last
    return read_head(tmp_path / "out.head"), [event.sentence for event in events if isinstance(event, Warned)]


def same(found, table, unit=1.0):
    expected = rotate_gaussians(table, RUB_TO_BLENDER)
    np.testing.assert_allclose(found.means, expected.means * unit, atol=1e-6)
    np.testing.assert_allclose(found.scales, expected.scales * unit, rtol=1e-4)
    np.testing.assert_allclose(found.opacities, expected.opacities, atol=1e-5)
    np.testing.assert_allclose(found.shN, expected.shN, atol=1e-5)
    np.testing.assert_array_equal(found.sh0, expected.sh0)
    assert np.abs(np.sum(found.quats * expected.quats, axis=1)).min() > 1 - 1e-6


def test_a_talking_gaussian_head_stands_with_its_face_and_its_mouth(tables, tmp_path):
    face, mouth = tables
    torch.save((capture(face), networks(11), capture(mouth), networks(3)), tmp_path / "chkpnt_fuse_latest.pth")
    head, said = imported(tmp_path / "chkpnt_fuse_latest.pth", tmp_path)
    assert tuple(head.card.branches) == ("face", "mouth")
    same(head.gaussians("face"), face)
    same(head.gaussians("mouth"), mouth)
    assert ["networks stay behind" in sentence for sentence in said] == [True]


def test_such_a_head_is_taken_by_what_takes_heads(tables, tmp_path, make):
    torch.save((capture(tables[0]), networks(11), capture(tables[1]), networks(3)), tmp_path / "a.pth")
    imported(tmp_path / "a.pth", tmp_path)
    from talksplat.core.audio import Sound, write_wav

    write_wav(tmp_path / "voice.wav", Sound(np.zeros(16000, np.float32)))
    job = Perform(str(tmp_path / "out.head"), str(tmp_path / "voice.wav"), str(tmp_path / "a.performance"))
    *_, last = run_job(job)
    assert isinstance(last, Finished), last


def test_the_face_alone_is_a_head_and_the_mouth_alone_says_what_to_choose(tables, tmp_path):
    optimiser = {"state": {}, "param_groups": []}
    torch.save((capture(tables[0]), networks(11), optimiser, 50000), tmp_path / "chkpnt_face_latest.pth")
    head, said = imported(tmp_path / "chkpnt_face_latest.pth", tmp_path)
    assert tuple(head.card.branches) == ("face",)
    assert "chkpnt_fuse_latest.pth" in said[1]
    torch.save((capture(tables[1]), networks(3), optimiser, 50000), tmp_path / "chkpnt_mouth_latest.pth")
    *_, last = run_job(ImportHead(str(tmp_path / "chkpnt_mouth_latest.pth"), str(tmp_path / "mouth.head")))
    assert isinstance(last, Failed)
    assert "chkpnt_fuse_latest.pth" in last.sentence


@pytest.mark.parametrize("chosen", ["", "deformation.pth"])
def test_a_gaussian_talker_folder_is_its_ply_in_decimetres(tables, tmp_path, chosen):
    folder = tmp_path / "iteration_10000"
    folder.mkdir()
    write_ply(folder / "point_cloud.ply", tables[0])
    torch.save({"deformation_net.null_vector": torch.zeros(1, 1, 64)}, folder / "deformation.pth")
    head, said = imported(folder / chosen, tmp_path)
    same(head.gaussians("face"), tables[0], 0.1)
    assert "networks stay behind" in said[0]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(24.0).reshape(4, 6).T,
        torch.arange(24).reshape(2, 3, 4)[:, 1:],
        torch.tensor([True, False]),
        torch.zeros(0, 3),
        torch.tensor(2.5, dtype=torch.float64),
        torch.arange(6, dtype=torch.float16),
    ],
)
def test_any_tensor_is_what_torch_says_it_is(tensor, tmp_path):
    torch.save({"x": tensor}, tmp_path / "a.pth")
    with open_torch_archive(tmp_path / "a.pth") as archive:
        found = archive.numbers(archive.values["x"])
    np.testing.assert_array_equal(found, tensor.numpy())
    assert found.dtype == tensor.numpy().dtype


class Calls:
    """What a pickle may ask for when it is unpickled."""

    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        (lambda path: Calls(os.system, f"touch {path}"), "system"),
        (lambda path: Calls(eval, f"open({str(path)!r}, 'w')"), "eval"),
        (lambda path: Calls(pickle.loads, b"."), "loads"),
        (lambda path: Calls(torch.load, str(path)), "load"),
    ],
)
def test_a_pickle_that_calls_something_is_refused_by_name_and_runs_nothing(tmp_path, hostile, named, protocol):
    torch.save({"x": torch.zeros(2), "y": hostile(tmp_path / "ran")}, tmp_path / "a.pth", pickle_protocol=protocol)
    *_, last = run_job(ImportHead(str(tmp_path / "a.pth"), str(tmp_path / "a.head")))
    assert isinstance(last, Failed)
    assert named in last.sentence
    assert "a.pth" in last.sentence
    assert not (tmp_path / "ran").exists()


def archive_of(path, pickled, **files):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
        for name, data in files.items():
            archive.writestr(f"a/data/{name.lstrip('_')}", data)
    return path


def pickled_tensor(kind=b"ctorch\nFloatStorage\n", count=4, offset=0, size=4, stride=1):
    """By hand, as torch writes it: a tensor over storage "0"."""
    number = b"J" + count.to_bytes(4, "little", signed=True)
    reference = b"(X\x07\0\0\0storage" + kind + b"X\x01\0\0\x000X\x03\0\0\0cpu" + number + b"tQ"
    shape = [b"J" + value.to_bytes(4, "little", signed=True) for value in (offset, size, stride)]
    view = shape[0] + shape[1] + b"\x85" + shape[2] + b"\x85\x89ccollections\nOrderedDict\n)R"
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + reference + view + b"tR."


def test_the_hand_made_tensor_is_a_tensor(tmp_path):
    path = archive_of(tmp_path / "a.pth", pickled_tensor(), _0=np.arange(4, dtype="<f4").tobytes())
    with open_torch_archive(path) as archive:
        np.testing.assert_array_equal(archive.numbers(archive.values), np.arange(4))


@pytest.mark.parametrize(
    "claim",
    [{"count": 2**31 - 1, "size": 2**31 - 1}, {"size": 5}, {"size": 2, "stride": 100}, {"offset": 3}, {"size": -4},
     {"size": 2**31 - 1, "stride": 0}, {"stride": -1}, {"count": 1000, "size": 1000}],
)  # fmt: skip
def test_a_tensor_that_its_storage_does_not_hold_takes_no_memory(tmp_path, claim):
    path = archive_of(tmp_path / "a.pth", pickled_tensor(**claim), _0=bytes(16))
    with pytest.raises(UserError, match=r"a\.pth"), open_torch_archive(path) as archive:
        archive.numbers(archive.values)


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b".",
        b"\x80\x02N",
        b"\x80\x02\x85.",
        b"\x80\x02t.",
        b"\x80\x02}N.",
        b"\x80\x02NR.",
        b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.",
        b"\x80\x02cnumpy\nndarray\n)R.",
        b"\x80\x02(X\x07\0\0\0storageNNNNtQ.",
        b"\x80\x02h\x05.",
        b"\x80\x02r\xff\xff\xff\xff.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02]" + b"2" * 1000 + b".",
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02N" + b"\x85" * 100_000 + b".",
    ],
)
def test_a_pickle_that_makes_no_sense_is_one_sentence(tmp_path, pickled):
    archive_of(tmp_path / "a.pth", pickled)
    *_, last = run_job(ImportHead(str(tmp_path / "a.pth"), str(tmp_path / "a.head")))
    assert isinstance(last, Failed)
    assert "a.pth" in last.sentence
    assert "\n" not in last.sentence


@pytest.mark.parametrize("make_file", [
    lambda path: path.write_bytes(pickle.dumps({"x": 1})),
    lambda path: torch.save({"x": torch.zeros(1)}, path, _use_new_zipfile_serialization=False),
    lambda path: torch.save({"x": torch.zeros(1)}, path),
    lambda path: archive_of(path.with_suffix(".zip"), b"N.").rename(path),
])  # fmt: skip
def test_another_checkpoint_says_that_it_is_none_of_these(tmp_path, make_file):
    make_file(tmp_path / "a.pth")
    *_, last = run_job(ImportHead(str(tmp_path / "a.pth"), str(tmp_path / "a.head")))
    assert isinstance(last, Failed)
    assert "a.pth" in last.sentence
    assert "checkpoint" in last.sentence

# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before the head, by the depth of another render: its edges stay clean, and a wrong file is told before a
picture is drawn."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import OpenEXR
import pytest

from talksplat.core.baking.render import render
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange import ExrDepth
from talksplat.core.jobs import Bake, Render
from talksplat.core.jobs.job_file import read_job_file, write_job_file

from ..tiny_files import gaussians

SIZE, EYE = 40, 1.0  # pixels; metres from the camera to the head's middle
VIEW = Camera.looking_at([0, -EYE, 0], [0, 0, 0], SIZE, SIZE, 0.6)


@pytest.fixture
def job(tmp_path):
    """A render of one frame; `job(**changes)`."""
    g, path = gaussians(300), tmp_path / "shot.bake"
    g = replace(g, sh0=g.sh0 * np.float32(0.3), shN=g.shN * np.float32(0.1), scales=g.scales * np.float32(2))
    with BakeWriter.open(path, BakeCard("v001", Fraction(24), 7, 1, 1, "hash", ""), g, np.zeros(300, np.uint8)) as file:
        file.append(7, g.means, g.quats, g.scales)
    plain = Render(str(path), "", cameras=(VIEW,), png=False, movie=False, full_float=True, pixel_filter="box")
    folders = iter(range(99))
    return lambda **changes: replace(plain, out=str(tmp_path / f"out{next(folders)}"), **changes)


def write_depth(path, depth, name="ViewLayer.Depth.Z", window=None):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    if window:
        left, top, width, height = window
        corner = np.array([left, top], np.int32)
        header["dataWindow"] = corner, corner + np.array(depth.shape[::-1], np.int32) - 1
        header["displayWindow"] = np.zeros(2, np.int32), np.array([width - 1, height - 1], np.int32)
    with OpenEXR.File([OpenEXR.Part(header, {name: np.ascontiguousarray(depth, np.float32)}, "")]) as file:
        file.write(str(path))
    return str(path)


def disc(samples, near):
    """The depth of a disc before the head at so many samples a pixel, sampled at their middles."""
    places = (np.arange(SIZE * samples) + 0.5) / samples - SIZE / 2
    inside = places[:, None] ** 2 + (places[None] - 3.3) ** 2 < (SIZE / 4) ** 2
    return np.where(inside, np.float32(near), np.float32(1e10))


def drawn(job, read_exr):
    *_, last = render(job)
    channels, _ = read_exr(f"{job.out}/{last.result['first_exr']}")
    return np.stack([channels[f"ViewLayer.Combined.{c}"] for c in "RGBA"], axis=-1), channels


def test_the_edge_of_what_stands_before_is_clean(job, read_exr, tmp_path):
    """Over the disc's own antialiased picture; a merge by one depth a pixel is jagged. Truth: 8 x 8 samples."""
    whole, channels = drawn(job(supersampling="4x"), read_exr)
    write_depth(tmp_path / "cg.0007.exr", disc(4, 0.3))
    cut, _ = drawn(job(holdout=str(tmp_path / "cg.####.exr")), read_exr)
    cover = disc(8, 0.3).reshape(SIZE, 8, SIZE, 8)
    cover = (cover < 1e9).mean((1, 3))[..., None]
    white = np.array([1, 1, 1, 1.0]) * cover
    truth = white + (1 - cover) * whole
    ours = white + cut
    zs = np.where(disc(1, 0.3) < channels["ViewLayer.Depth.Z"], 1.0, 0.0)[..., None]
    merged = zs * (white + (1 - cover) * whole) + (1 - zs) * (whole + (1 - whole[..., 3:]) * white)
    errors = [float(np.sqrt(np.mean((picture - truth)[..., :3] ** 2))) for picture in (ours, merged)]
    assert errors[0] < 0.01
    assert errors[0] < errors[1] / 3
    assert np.abs(cut[..., 3:] - whole[..., 3:] * (1 - cover)).mean() < 0.01


def test_what_is_behind_hides_nothing_and_the_key_is_of_the_content(job, read_exr, tmp_path):
    pattern = str(tmp_path / "cg.####.exr")
    far = write_depth(tmp_path / "cg.0007.exr", disc(1, 50.0))
    plain = job()
    behind = replace(job(holdout=pattern), supersampling="off")
    np.testing.assert_array_equal(drawn(behind, read_exr)[0], drawn(replace(plain, supersampling="off"), read_exr)[0])
    *_, again = render(behind)
    assert again.result["rendered"] == 0
    write_depth(far, disc(1, 0.3))
    *_, changed = render(behind)
    assert changed.result["rendered"] == 1


def test_overscan_blur_and_a_data_window_go_with_it(job, read_exr, tmp_path):
    write_depth(tmp_path / "cg.0007.exr", disc(1, 0.3)[5:30, 2:38], window=(2, 5, SIZE, SIZE))
    how = {"holdout": str(tmp_path / "cg.####.exr"), "supersampling": "off"}
    cut, _ = drawn(job(**how), read_exr)
    more, _ = drawn(job(**how, overscan=10), read_exr)
    np.testing.assert_allclose(more[4:-4, 4:-4], cut, atol=2e-2)
    blurred, _ = drawn(job(**how, motion_blur=True, motion_samples=2), read_exr)
    np.testing.assert_allclose(blurred, cut, atol=1e-4)
    hidden = (disc(1, 0.3) < 1)[5:30, 2:38]
    assert not cut[5:30, 2:38][hidden].any()


@pytest.mark.parametrize(
    ("name", "depth", "said"),
    [
        ("R", np.ones((SIZE, SIZE)), "has no depth channel"),
        ("Z", np.ones((SIZE, SIZE + 1)), "has 41x40 pixels, the picture 40x40"),
        ("Z", np.ones((SIZE // 2, SIZE // 2)), "has 20x20 pixels"),
    ],
)
def test_a_wrong_file_is_told_before_anything_is_drawn(job, tmp_path, name, depth, said):
    write_depth(tmp_path / "cg.0007.exr", depth, name)
    asked = job(holdout=str(tmp_path / "cg.####.exr"))
    with pytest.raises(UserError, match=said):
        list(render(asked))


def test_a_missing_frame_a_name_without_a_number_and_junk_are_told(job, tmp_path):
    for name, said in (("cg.####.exr", "frames 7 are missing"), ("cg.exr", "has no frame number")):
        with pytest.raises(UserError, match=said):
            list(render(job(holdout=str(tmp_path / name))))
    (tmp_path / "cg.0007.exr").write_bytes(b"v/1\x01 and so on" * 9)
    with pytest.raises(UserError, match="is no EXR file"):
        list(render(job(holdout=str(tmp_path / "cg.####.exr"))))


def test_blenders_depth_is_found_among_passes_and_nothing_is_not_near(tmp_path):
    path = tmp_path / "a.exr"
    values = {"ViewLayer.Combined.R": 1, "ViewLayer.Depth.Z": np.nan, "ViewLayer.DepthMedian.Z": 3}
    channels = {name: np.full((4, 4), value, np.float32) for name, value in values.items()}
    with OpenEXR.File([OpenEXR.Part({"type": OpenEXR.scanlineimage}, channels, "")]) as file:
        file.write(str(path))
    depth = ExrDepth.of(path)
    assert depth.channel == "ViewLayer.Depth.Z"
    assert np.isinf(depth.read()).all()


def test_a_job_file_takes_the_sequence_along(job, tiny_head, tmp_path):
    for frame in (7, 8):
        write_depth(tmp_path / f"cg.{frame:04d}.exr", disc(1, 0.3))
    path = write_job_file(
        tmp_path / "farm", "a", Bake(str(tiny_head), "", "", frames="7-8"), job(holdout=str(tmp_path / "cg.####.exr"))
    )
    file = read_job_file(path)
    assert len([place for place in file.files if "holdout" in place]) == 2
    assert file.render.holdout.startswith(str(tmp_path / "farm"))
    (tmp_path / "farm" / next(place for place in file.files if "holdout" in place)).write_bytes(b"other")
    with pytest.raises(UserError, match="is not the file"):
        read_job_file(path)

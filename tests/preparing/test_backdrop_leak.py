# SPDX-License-Identifier: GPL-3.0-or-later
"""A newsreader before a weather map was called a plain backdrop, and the map became Gaussians: a backdrop is plain only
where the colour key and the person mask agree over the whole picture and the whole clip."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talksplat.core.footage import Footage
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.video import read_video
from talksplat.core.jobs import Prepare
from talksplat.core.jobs.events import Warned
from talksplat.core.matting import MAX_LEAK, Backdrop
from talksplat.core.preparing.alpha_method import ALPHA_METHODS, BOTH, KEY, MASK, cut_person
from talksplat.core.preparing.backdrop_leak import leak_warning
from talksplat.core.preparing.crop_box import choose_crop
from talksplat.core.preparing.extract import ExtractedClip
from talksplat.core.preparing.prepare import prepare
from talksplat.core.tracking import Landmarker, PersonSegmenter

SIDE, ASPECT = 192, Fraction(16, 15)
BARELY_SPEECH = "from the middle on, over noise"
SEA, LAND = (60.0, 120.0, 200.0), (200.0, 190.0, 150.0)


def weather_map(height, width):
    """[H,W,3] 0..255: a flat sea, of which 15 % is land with soft edges; plain by the median of its pixels."""
    rng, relief = np.random.default_rng(3), np.zeros((height, width), np.float32)
    for strength, size in ((1, 60), (0.6, 25), (0.3, 9)):
        noise = Image.fromarray(rng.normal(size=(height // size + 2, width // size + 2)).astype(np.float32))
        relief += strength * np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
    land = np.clip((relief - np.quantile(relief, 0.85)) / 0.1, 0, 1)[..., None]
    return land * LAND + (1 - land) * SEA


def backdrop_kept(footage, folder, alpha):
    """[F] the share of each picture's kept pixels that are backdrop in truth; alpha: [T,H,W]."""
    with np.load(folder / "out" / "work" / "identity" / "identity.npz") as identity:
        left, top, side, _ = identity["crop"].tolist()
    box, shares = (left, top, left + side, top + side), []
    for i, time in enumerate(footage.time):
        true = Image.fromarray(alpha[round(time * 25)]).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
        kept = footage.picture(i).label > 0
        shares.append((kept & (np.asarray(true) < 0.5)).sum() / kept.sum())
    return np.array(shares)


@pytest.fixture(scope="module", params=["all the time", BARELY_SPEECH])
def newsreader(request, cut_before, keyed_talker, tmp_path_factory):
    alpha, _ = keyed_talker
    count, height, width = alpha.shape
    maps, sound = np.broadcast_to(weather_map(height, width), (count, height, width, 3)).copy(), "voice"
    if request.param == BARELY_SPEECH:
        maps[: count // 2], sound = SEA, np.random.default_rng(0).normal(0, 0.05, (count * 1920, 2)).astype(np.float32)
    folder = tmp_path_factory.mktemp("news")
    cut_before(folder / "news.mp4", maps, sound)
    job = Prepare((str(folder / "news.mp4"),), str(folder / "out"), str(SIDE), torso="keep", every=2, workers=1)
    events = list(prepare(job))
    return folder, Footage.open(folder / "out"), events, alpha


def test_a_map_behind_a_newsreader_does_not_become_a_part_of_the_head(newsreader):
    folder, footage, _, alpha = newsreader
    assert backdrop_kept(footage, folder, alpha).max() < 0.025
    for i in range(0, len(footage), 5):
        x, y = footage.landmarks2d[i][17:].astype(int).T
        assert (footage.picture(i).alpha[y, x] > 0.99).all(), "nor is the face cut"


def test_the_leak_is_in_the_result_and_the_report(newsreader):
    folder, _, events, _ = newsreader
    result = events[-1].result
    assert 0 <= result["leak_percent"] <= 100 * MAX_LEAK
    page = (folder / "out" / "report.html").read_text()
    assert f"the person mask denies {result['leak_percent']:.2f} %" in page
    assert "plain round the head but not everywhere" in page
    assert "Selfie Segmentation" in json.loads((folder / "out" / "footage.json").read_text())["provenance"]


def test_footage_that_is_hardly_speech_is_called_so(newsreader, request):
    folder, _, events, _ = newsreader
    noise = request.node.callspec.params["newsreader"] == BARELY_SPEECH
    warned = [event.sentence for event in events if isinstance(event, Warned) and "hardly any speech" in event.sentence]
    assert len(warned) == noise
    assert (events[-1].result["speech_percent"] == 0) == noise
    assert ("hardly any speech is heard" in (folder / "out" / "report.html").read_text()) == noise


@pytest.mark.parametrize("name", ["grid_s1_train/bbaf4p", "grid_talkers/grid_s5_lbax4n", "grid_talkers/grid_s2_swwp2s"])
def test_real_talkers_before_a_plain_wall_are_keyed_as_before(shared_data, name):
    frames = np.stack(
        [frame.rgb for frame in read_video(shared_data / f"{name}.mpg", Fraction(25), pixel_aspect=ASPECT)][::25]
    )
    with Landmarker() as landmarker, PersonSegmenter() as segmenter:
        points = np.stack([landmarker.detect(frame).points[:, :2] for frame in frames])
        faces = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        crop = choose_crop(faces, frames.shape[2:0:-1], 0, Path(name))
        rows, columns = (slice(low, low + crop.video_side) for low in (crop.top, crop.left))
        backdrop = Backdrop.estimate(frames, points).for_clip(frames, points)
        for frame, marks in zip(frames, points):
            inner = np.ascontiguousarray(frame[rows, columns])
            key = backdrop.alpha(backdrop.match_colour(frame, marks), marks)[rows, columns]
            found = cut_person(inner, key, segmenter.segment(inner), marks - (crop.left, crop.top), None)
            assert found.method == KEY
            assert found.denied < 0.007 * found.kept
            np.testing.assert_array_equal(found.alpha, key)


def square(low, high):
    """[64,64] 1 between low and high on both axes, else 0."""
    out = np.zeros((64, 64), np.float32)
    out[low:high, low:high] = 1
    return out


def test_the_first_method_that_the_mask_agrees_with_is_taken():
    rgb, points, person = np.zeros((64, 64, 3), np.uint8), np.full((478, 2), np.nan), square(16, 48)
    lamp = person.copy()
    lamp[:8, 40:] = 1
    for key, method in ((person, KEY), (lamp, BOTH), (np.ones_like(person), MASK), (None, MASK)):
        found = cut_person(rgb, key, person, points, None)
        assert found.method == method
        kept, wanted = found.alpha >= 0.5, person >= 0.5
        assert (kept & wanted).sum() > 0.9 * (kept | wanted).sum()
    fade = np.ones_like(lamp)
    fade[:8] = 0
    assert cut_person(rgb, lamp, person, points, fade).method == KEY, "what fades away is not kept"
    assert cut_person(rgb, person, person, points, None, BOTH).method == BOTH


def test_a_mask_that_has_missed_the_face_does_not_cut_it():
    rgb, person = np.zeros((64, 64, 3), np.uint8), square(16, 48)
    points = np.random.default_rng(0).uniform(24, 40, (478, 2))
    found = cut_person(rgb, person, np.zeros_like(person), points, None)
    assert (found.method, found.denied) == (KEY, found.kept)


def clips(**denied):
    """Clips of 1000 kept pixels by how many the mask denies."""
    return {name: ExtractedClip(0.0, 0.0, ALPHA_METHODS[0], 1000, count) for name, count in denied.items()}


def test_a_leak_is_warned_about_and_a_large_one_is_an_error():
    out = Path("anna")
    assert leak_warning(out, clips(one=10, two=3)) == ""
    assert "anna: 0.8 % of what is kept" in (sentence := leak_warning(out, clips(one=3, two=14, three=6)))
    assert "in two 1.4 %" in sentence
    with pytest.raises(UserError, match=r"anna: 11 % .* \(most in two\).*film before a plain wall"):
        leak_warning(out, clips(one=20, two=200))
    assert leak_warning(out, {"dark": ExtractedClip(0.0, 0.0, KEY, 0, 0)}) == ""

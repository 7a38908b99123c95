# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run writes down: every step once after a resume, TensorBoard where it is installed, a self-contained page."""

import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from talksplat.core.formats.head_file import HeadCard
from talksplat.core.jobs import Train
from talksplat.core.training import run_log, training_report
from talksplat.core.training.overrides import settings_from_job, with_overrides
from talksplat.core.training.run_log import LossLine, RunLog
from talksplat.core.training.training_settings import SMOKE
from talksplat.core.training.training_step import StepResult

COUNTS = {"face": 10, "mouth": 3}


def written(work, steps, begin=0, tensorboard=False):
    log = RunLog(work, begin, tensorboard)
    for t in steps:
        log.add(StepResult(t, "move", 1 / (t + 1), 20.0 + t, {}), 20.0 + t, COUNTS)
    log.close()
    return log


def test_a_run_that_continues_has_every_step_once(tmp_path):
    written(tmp_path, [20, 40, 60])
    with (tmp_path / run_log.LOSSES).open("a") as file:
        file.write("80,mo")  # a kill
    written(tmp_path, [40, 60, 80], begin=20)
    assert [line.t for line in run_log.read_losses(tmp_path / run_log.LOSSES)] == [20, 40, 60, 80]
    assert run_log.read_losses(tmp_path / run_log.LOSSES)[0] == LossLine(20, "move", 0.04762, 40.0, 10, 3)
    assert run_log.read_losses(tmp_path / "none.csv") == []


def test_missing_tensorboard_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert "pip install tensorboard" in written(tmp_path, [20], tensorboard=True).warning
    assert written(tmp_path, [20]).warning == ""


def test_tensorboard_reads_what_was_written(tmp_path):
    """By TensorBoard's own reader, of a run that was killed at 60 and continued from its checkpoint at 20."""
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    written(tmp_path, [20, 40, 60], tensorboard=True)
    log = RunLog(tmp_path, 20, True)
    log.add(StepResult(40, "move", 0.5, 30.0, {}), 29.0, COUNTS)
    log.add_pretraining("landmarks mm", 0.25, 7)
    log.add_picture(np.full((4, 6, 3), 200, np.uint8), 40)
    log.close()
    read = event_accumulator.EventAccumulator(str(tmp_path / run_log.EVENTS)).Reload()
    scalars = {name: [(event.step, event.value) for event in read.Scalars(name)] for name in read.Tags()["scalars"]}
    assert scalars == {
        "picture/loss": [(20, pytest.approx(1 / 21)), (40, 0.5)],
        "picture/psnr": [(20, 40), (40, 29)],
        "gaussians/face": [(20, 10), (40, 10)],
        "gaussians/mouth": [(20, 3), (40, 3)],
        "before pictures/landmarks mm": [(7, 0.25)],
    }
    (picture,) = read.Images("preview")
    with Image.open(io.BytesIO(picture.encoded_image_string)) as image:
        assert (image.size, image.getpixel((0, 0)), picture.step) == ((6, 4), (200, 200, 200), 40)


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links, self.tags = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "line", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


@pytest.fixture
def page(tmp_path):
    written(tmp_path, range(20, 200, 20))
    (tmp_path / "preview").mkdir()
    for t in range(9):
        Image.new("RGB", (8, 8)).save(tmp_path / "preview" / f"{t:06d}.png")
    pictures = {
        "unheard clips": {
            "count": 5,
            "with mouth": 5,
            "head whole psnr": 31.5,
            "mean whole psnr": 30.0,
            "head whole ssim": 0.9,
            "mean whole ssim": 0.8,
        }
    }
    card = HeadCard(
        name="<b>x",
        model_rate=25,
        audio_encoder="logmel",
        audio_code={},
        expression=(),
        fusion="gated",
        branches={"face": {}},
        camera=None,
        colour_space="s",
        licence="CC0 & more",
        provenance="",
        training={
            "footage": "f",
            "pictures": 40,
            "picture_size": [64, 64],
            "train_clips": 4,
            "gaussians": COUNTS,
            "minutes": 90.0,
            "before_pictures": {"audio_net_mean_r": 0.5},
            "results": {"pictures": pictures},
        },
    )
    job = Train("f", "o.head", preset="smoke", seed=4, set=("mouth_gain=2.5",))
    return training_report.write_report(tmp_path, job, settings_from_job(job), card).read_text()


def test_the_page_is_self_contained_and_complete(page):
    parsed = Page()
    parsed.feed(page)
    assert all(link.startswith("data:image/png;base64,") for link in parsed.links)
    assert len(parsed.links) == training_report.PREVIEWS
    assert parsed.tags.count("svg") == 3
    assert "script" not in parsed.tags
    for text in (
        "1.50 hours",
        "audio net mean r 0.5 (each r is of sound that was held back",
        "mouth_gain=2.5",
        "seed 4",
        "31.50",
        "CC0 &amp; more",
        "&lt;b&gt;x",
        "mcmc.noise=",
        ">move<",
    ):
        assert text in page
    assert "<b>x" not in page


def test_the_command_on_the_page_makes_the_same_settings(page):
    settings = replace(with_overrides(SMOKE, ["density.strategy=mcmc", "dssim=0.3", "audio_net.steps=9"]), seed=5)
    words = training_report.command(Train("f", "o", preset="smoke"), settings).split()
    assert re.search(r"--preset smoke --seed 4 --set mouth_gain=2.5<", page)
    assert (
        settings_from_job(Train("f", "o", preset="smoke", seed=5, set=tuple(words[words.index("--set") + 1 :])))
        == settings
    )

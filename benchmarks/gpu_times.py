# SPDX-License-Identifier: GPL-3.0-or-later
"""The timed parts of `benchmarks.gpu`: each does the same work on the GPU and on this machine's CPU, in turns, and
gives milliseconds and their ratio. Each part is one function from (sizes, repeats, device) to {row: {figure: number}}.

Milliseconds are medians; a GPU's are counted until it has finished (`synchronize`). Needs a device and talksplat alone.
"""

import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.raster_scene import head_camera, head_like
from talksplat.core.dispatch import run_job
from talksplat.core.formats import SH_COEFFICIENTS, Camera, HeadCard
from talksplat.core.head import Cloud, DeformedHead, HeadModel
from talksplat.core.jobs import Bake as BakeJob
from talksplat.core.jobs import Event, Failed, Warned
from talksplat.core.jobs import Render as RenderJob
from talksplat.core.performance import BranchSettings, Condition, Replay
from talksplat.core.raster import rasterize
from talksplat.core.training.losses import picture_loss
from talksplat.core.training.optimizers import cloud_optimizer, field_optimizer
from talksplat.core.training.training_settings import CPU as SETTINGS
from talksplat.core.training.views import draw

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
GAUSSIANS, FRAMES = 50_000, 12
CHANNELS, EXPRESSION = 288, 8
CPU = torch.device("cpu")


def time_until_done(work: Callable[[], object], device: torch.device) -> float:
    """Milliseconds until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1e3 * (time.perf_counter() - start)


def compare(works: dict[str, dict[torch.device, Callable[[], object]]], repeats: int) -> dict[str, dict[str, float]]:
    """Each work on each device, in turns, the first two turns not counted: they compile."""
    times: dict[tuple[str, torch.device], list[float]] = {}
    for _ in range(repeats + 2):
        for name, sides in works.items():
            for device, work in sides.items():
                times.setdefault((name, device), []).append(time_until_done(work, device))
    out = {}
    for name, sides in works.items():
        ms = {device: median(times[name, device][2:]) for device in sides}
        other = next(device for device in sides if device != CPU)
        out[name] = {"gpu ms": round(ms[other], 3), "cpu ms": round(ms[CPU], 3), "ratio": round(ms[CPU] / ms[other], 2)}
    return out


def random_gaussians(device: torch.device) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values).to(device).requires_grad_() for name, values in head_like(GAUSSIANS).items()}


def raster(sizes: list[int], repeats: int, device: torch.device) -> dict:
    """A picture of 50k Gaussians: forward, forward and backward, exact pixel counts, depths; and its memory."""
    works = {}
    for size in sizes:
        for side in (device, CPU):
            columns, camera = random_gaussians(side), head_camera(size)
            still = {name: t.detach() for name, t in columns.items()}

            def forward(still=still, camera=camera):
                return rasterize(**still, camera=camera)

            def both(columns=columns, camera=camera):
                rasterize(**columns, camera=camera).color.square().sum().backward()

            works.setdefault(f"forward {size}", {})[side] = forward
            works.setdefault(f"forward and backward {size}", {})[side] = both
            works.setdefault(f"forward and pixel counts {size}", {})[side] = lambda forward=forward: (
                forward().pixel_counts
            )
            works.setdefault(f"forward with depths {size}", {})[side] = lambda still=still, camera=camera: rasterize(
                **still, camera=camera, depth=True
            )
    out = compare(works, repeats)
    if device.type == "cuda":
        for name, sides in works.items():
            torch.cuda.reset_peak_memory_stats(device)
            sides[device]()
            out[name]["gpu peak MB"] = round(torch.cuda.max_memory_allocated(device) / 1e6)
    return out


def random_model(count: int, device: torch.device) -> HeadModel:
    """An untrained head whose Gaussians are placed like a head's, all inside the bounds."""
    torch.manual_seed(0)
    scene, clouds, first = head_like(count), {}, 0
    for name, n in (("face", round(0.85 * count)), ("mouth", count - round(0.85 * count))):
        part = {column: torch.from_numpy(values[first : first + n]) for column, values in scene.items()}
        scale = 0.14 if name == "face" else 0.04
        clouds[name] = Cloud(
            part["means"] * scale,
            part["quats"],
            (part["scales"] * 0.14).log(),
            part["opacities"].logit(eps=1e-6),
            part["sh0"],
            torch.zeros(n, SH_COEFFICIENTS[SETTINGS.sh_degree], 3),
        )
        first += n
    settings = {"face": BranchSettings.face(expression=EXPRESSION), "mouth": BranchSettings.mouth()}
    return HeadModel(settings, CHANNELS, clouds).to(device)


def random_inputs(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Audio windows and expression channels of one moment."""
    return torch.randn(1, 8, CHANNELS, 2).to(device), torch.rand(EXPRESSION).to(device)


def deform(model: HeadModel, windows: torch.Tensor, expression: torch.Tensor) -> DeformedHead:
    return model({name: code[0] for name, code in model.codes(windows).items()}, expression)


def deformation(sizes: list[int], repeats: int, device: torch.device) -> dict:
    """Both fields over 50k Gaussians: forward without gradients, and with backward. No picture, so no size."""
    works: dict = {"field": {}, "field and its gradients": {}}
    for side in (device, CPU):
        model, inputs = random_model(GAUSSIANS, side), random_inputs(side)

        def still(model=model, inputs=inputs):
            with torch.no_grad():
                deform(model, *inputs)

        def both(model=model, inputs=inputs):
            model.zero_grad()
            moved = deform(model, *inputs)
            (moved.means.square().sum() + moved.quats.square().sum() + moved.scales.sum()).backward()

        works["field"][side], works["field and its gradients"][side] = still, both
    return compare(works, repeats)


def training(sizes: list[int], repeats: int, device: torch.device) -> dict:
    """A full training step: fields, picture of 30k Gaussians, L1 and D-SSIM, backward, every optimiser."""
    works = {}
    for size in sizes:
        camera = Camera.looking_at(np.array([0, -0.8, 0]), np.zeros(3), size, size, 0.33)
        for side in (device, CPU):
            model, inputs = random_model(30_000, side), random_inputs(side)
            optimizers = [cloud_optimizer(cloud, SETTINGS) for cloud in model.clouds.values()]
            optimizers.append(field_optimizer(model, SETTINGS))
            target, black = torch.rand(size, size, 3).to(side), torch.zeros(3).to(side)

            def step(model=model, inputs=inputs, optimizers=optimizers, target=target, black=black, camera=camera):
                loss = picture_loss(draw(deform(model, *inputs), camera, black).color, target, 0.2)
                for optimizer in optimizers:
                    optimizer.zero_grad()
                loss.backward()
                for optimizer in optimizers:
                    optimizer.step()

            works.setdefault(f"training step {size}", {})[side] = step
    return compare(works, repeats)


def bake(sizes: list[int], repeats: int, device: torch.device) -> dict:
    """A baked frame: the field (numpy replay on the CPU, torch on the GPU), and frame plus picture with depths, arrays
    in and out, which is what `render` would do."""
    model = random_model(GAUSSIANS, CPU)
    head = model.to_file(
        HeadCard(
            "timed",
            Fraction(25),
            "none",
            {},
            tuple(f"e{k}" for k in range(EXPRESSION)),
            "gated",
            {"face": {}, "mouth": {}},
        )
    )
    replay, model = Replay(head), model.to(device)
    rng, g = np.random.default_rng(0), replay.canonical
    codes = {name: rng.standard_normal(width).astype(np.float32) for name, width in head.card.audio_code.items()}
    channels = rng.random(len(head.card.expression)).astype(np.float32)
    condition = Condition(codes, channels)

    def torch_frame():
        with torch.no_grad():
            moved = model(
                {name: torch.from_numpy(code).to(device) for name, code in codes.items()},
                torch.from_numpy(channels).to(device),
            )
        return [t.cpu().numpy() for t in moved[:3]]

    works = {"baked frame": {device: torch_frame, CPU: lambda: replay.at(condition)}}
    frame = replay.at(condition)
    back_end = "gsplat" if device.type == "cuda" else "numba"
    for size in sizes:
        camera = Camera.looking_at(np.array([0, -0.8, 0]), np.zeros(3), size, size, 0.33)
        columns = (*frame, g.opacities, g.sh0, g.shN, camera)
        works[f"rendered picture {size}"] = {
            device: lambda columns=columns: rasterize(*columns, depth=True, backend=back_end),
            CPU: lambda columns=columns: rasterize(*columns, depth=True, backend="numba"),
        }
    return compare(works, repeats)


def render(sizes: list[int], repeats: int, device: torch.device) -> dict:
    """A whole Render job of FRAMES frames of the sample head, PNG and EXR with depth: what an artist waits for.

    Needs all that the worker needs, av and OpenEXR too.
    """
    works, numbers = {}, count()
    with TemporaryDirectory() as scratch:
        shot = str(Path(scratch, "sample.bake"))
        voice = BakeJob(str(SAMPLES / "sample.head"), str(SAMPLES / "voice.wav"), shot, frame_count=FRAMES)
        finish(run_job(voice))
        for size in sizes:
            for side, name in ((device, device.type), (CPU, "cpu")):

                def pictures(size=size, name=name):
                    out = str(Path(scratch, str(next(numbers))))  # where nothing is finished yet
                    finish(run_job(RenderJob(shot, out, size, movie=False, device=name)))

                works.setdefault(f"render of {FRAMES} frames {size}", {})[side] = pictures
        return compare(works, repeats)


def finish(events: Iterable[Event]) -> None:
    """Raises RuntimeError where the job did not end well, or the GPU gave up."""
    for event in events:
        if isinstance(event, (Failed, Warned)):
            raise RuntimeError(event.sentence)


TIMED = {"raster": raster, "deformation": deformation, "training": training, "bake": bake, "render": render}

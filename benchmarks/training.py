# SPDX-License-Identifier: GPL-3.0-or-later
"""Training steps per second with the fused SSIM and with torch's convolutions, and the memory of either.

Run: python -m benchmarks.training [N] [SIZE]. One step: both fields, raster forward and backward, loss, Adam.
Ratios hold within one run only; other work on the machine moves them.
"""

import resource
import sys
import time

import numpy as np
import torch

from talksplat.core.formats import Camera
from talksplat.core.head import Cloud, HeadModel
from talksplat.core.metrics import ssim_with_gradient
from talksplat.core.performance import BranchSettings
from talksplat.core.training.losses import picture_loss
from talksplat.core.training.optimizers import cloud_optimizer, field_optimizer
from talksplat.core.training.training_settings import CPU
from talksplat.core.training.views import draw

MOUTH = 0.15  # of the Gaussians
SECONDS = 6.0  # of each measurement


def convolved_loss(rendered: torch.Tensor, target: torch.Tensor, dssim: float) -> torch.Tensor:
    """The same loss as 3DGS's code computes it: SSIM by depthwise 11x11 convolutions and autograd."""
    line = torch.exp(-((torch.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = (line[:, None] * line[None] / line.sum() ** 2).expand(3, 1, 11, 11)
    a, b = rendered.permute(2, 0, 1)[None], target.permute(2, 0, 1)[None]

    def blur(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, window, padding=5, groups=3)

    m, n = blur(a), blur(b)
    aa, bb, ab = blur(a * a) - m * m, blur(b * b) - n * n, blur(a * b) - m * n
    ssim = ((2 * m * n + 1e-4) * (2 * ab + 9e-4)) / ((m * m + n * n + 1e-4) * (aa + bb + 9e-4))
    return (1 - dssim) * (rendered - target).abs().mean() + dssim * (1 - ssim.mean())


def random_head(n: int) -> HeadModel:
    """A shell of `n` Gaussians as large as a head, with untrained networks."""
    torch.manual_seed(0)
    clouds = {}
    for name, count in (("face", round(n * (1 - MOUTH))), ("mouth", round(n * MOUTH))):
        direction = torch.nn.functional.normalize(torch.randn(count, 3), dim=1)
        radius = torch.tensor([0.075, 0.095, 0.11]) * (1.0 if name == "face" else 0.3)
        clouds[name] = Cloud(
            direction * radius,
            torch.randn(count, 4),
            torch.randn(count, 3) * 0.4 - 6.2,
            torch.randn(count) * 2 + 0.6,
            torch.randn(count, 3),
            torch.zeros(count, 3, 3),
        )
    return HeadModel({"face": BranchSettings.face(expression=8), "mouth": BranchSettings.mouth()}, 288, clouds)


def steps_per_second(model: HeadModel, camera: Camera, loss) -> float:
    """Training steps per second."""
    optimizers = [cloud_optimizer(cloud, CPU) for cloud in model.clouds.values()] + [field_optimizer(model, CPU)]
    target, windows, expression = torch.rand(camera.height, camera.width, 3), torch.randn(1, 8, 288, 2), torch.rand(8)

    def step() -> None:
        codes = {name: code[0] for name, code in model.codes(windows).items()}
        value = loss(draw(model(codes, expression), camera, torch.zeros(3)).color, target, 0.2)
        for optimizer in optimizers:
            optimizer.zero_grad()
        value.backward()
        for optimizer in optimizers:
            optimizer.step()

    for _ in range(3):
        step()  # the first ones compile
    done, started_at = 0, time.perf_counter()
    while time.perf_counter() - started_at < SECONDS:
        step()
        done += 1
    return done / (time.perf_counter() - started_at)


def loss_seconds(loss, size: int) -> float:
    """Seconds of value and gradient, the best of several."""
    target, best = torch.rand(size, size, 3), float("inf")
    for _ in range(8):
        rendered = torch.rand(size, size, 3, requires_grad=True)
        started_at = time.perf_counter()
        loss(rendered, target, 0.2).backward()
        best = min(best, time.perf_counter() - started_at)
    return best


def main() -> None:
    n, size = (int(a) for a in (sys.argv[1:3] + ["10000", "256"][len(sys.argv) - 1 :]))
    camera = Camera.looking_at(np.array([0, -0.8, 0]), np.zeros(3), size, size, 0.33)
    a, b = np.random.default_rng(0).random((2, size, size, 3), dtype=np.float32)
    fused = ssim_with_gradient(a, b)[0]
    with torch.no_grad():
        other = 1 - float(convolved_loss(torch.from_numpy(a), torch.from_numpy(b), 1.0))
    print(
        f"{n} Gaussians with both fields at {size}x{size}, {torch.get_num_threads()} threads; "
        f"the two SSIM differ by {abs(fused - other):.1e}"
    )
    alone = {
        name: loss_seconds(loss, size) for name, loss in (("fused", picture_loss), ("convolutions", convolved_loss))
    }
    print(
        f"loss and its gradient alone: fused {alone['fused'] * 1e3:.1f} ms, convolutions "
        f"{alone['convolutions'] * 1e3:.1f} ms, ratio {alone['convolutions'] / alone['fused']:.1f}"
    )
    rates = {}
    for name, loss in (("fused", picture_loss), ("convolutions", convolved_loss)):
        rates[name] = steps_per_second(random_head(n), camera, loss)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name}: {rates[name]:.1f} steps per second, peak memory so far {peak:.0f} MB")
    print(f"a step with the fused SSIM is {rates['fused'] / rates['convolutions']:.1f} times as fast")


if __name__ == "__main__":
    main()

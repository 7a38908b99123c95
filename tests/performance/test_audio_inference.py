# SPDX-License-Identifier: GPL-3.0-or-later
"""The numpy audio net is the torch audio net; the shapes it asks for are those that torch saves."""

import numpy as np
import pytest
import torch

from talksplat.core.deformation import AudioNet
from talksplat.core.formats import UserError
from talksplat.core.performance import AudioInference
from talksplat.core.performance.audio_inference import audio_net_shapes

CHANNELS, WIDTH = 13, 32


@pytest.fixture
def torch_net():
    torch.manual_seed(4)
    net = AudioNet(CHANNELS, WIDTH)
    net.normalise_to(torch.randn(500, CHANNELS) * torch.rand(CHANNELS) * 5 + 3)
    return net.eval()


def arrays(net):
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


def test_its_tensors_are_those_that_torch_saves(torch_net):
    assert {name: array.shape for name, array in arrays(torch_net).items()} == audio_net_shapes(CHANNELS, WIDTH)


@pytest.mark.parametrize("moments", [1, 700])
def test_it_equals_torch(torch_net, moments):
    rng = np.random.default_rng(moments)
    windows = rng.normal(3, 5, (moments, 8, CHANNELS, 2)).astype(np.float32)
    with torch.inference_mode():
        expected = torch_net(torch.from_numpy(windows)).numpy()
    codes = AudioInference(arrays(torch_net), CHANNELS, WIDTH)(windows)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes, expected, atol=1e-5)


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_tensors_that_do_not_fit_are_counted(torch_net, change):
    tensors = arrays(torch_net)
    bias = tensors.pop("frame.2.bias")
    if change != "missing":
        tensors["frame.2.bias"] = bias if change == "unknown" else bias[1:]
    if change == "unknown":
        tensors["frame.9.bias"] = bias
    with pytest.raises(UserError, match="1 tensors"):
        AudioInference(tensors, CHANNELS, WIDTH)


def test_windows_of_another_shape_are_an_error(torch_net):
    with pytest.raises(ValueError, match="expected"):
        AudioInference(arrays(torch_net), CHANNELS, WIDTH)(np.zeros((2, 8, CHANNELS + 1, 2), np.float32))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sRGB curve: the standard's own numbers, its inverse, the same for arrays and tensors, slopes."""

import numpy as np
import pytest

from talksplat.core.formats import UserError, check_blend, linear_to_srgb, srgb_to_linear

torch = pytest.importorskip("torch", reason="the twin of the curve in torch")

CODES = np.concatenate([np.linspace(0, 2, 2001), [0.04045, 0.040449, 0.040451]])


def test_tensors_and_arrays_agree_and_come_back():
    for values in (CODES, CODES.astype(np.float32)):
        light = srgb_to_linear(values)
        assert light.dtype == values.dtype
        np.testing.assert_allclose(srgb_to_linear(torch.from_numpy(values)).numpy(), light, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(linear_to_srgb(light), values, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("curve", [srgb_to_linear, linear_to_srgb])
def test_slopes_are_finite_differences_and_finite_at_black(curve):
    values = torch.tensor([0.0, 0.001, 0.02, 0.3, 1.0, 1.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(curve, values)


def test_names():
    assert all(check_blend(name) is None for name in ("display", "linear"))
    with pytest.raises(UserError, match="use display or linear"):
        check_blend("x" * 100)

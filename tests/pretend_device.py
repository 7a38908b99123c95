# SPDX-License-Identifier: GPL-3.0-or-later
"""A device for machines without one: its tensors say they lie on `pretend:0`, compute on the CPU, and raise where
CUDA's raise: an operation with a CPU tensor, `.numpy()`, a generator of the CPU.

So a forgotten `.to(device)` fails here as it would on a GPU, and results can be compared with the CPU's bit for bit.
Values are real, unlike torch's fake tensors, so code that asks for numbers (`nonzero`, `int(mask.sum())`) runs too.
"""

from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretend"
_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)
aten = torch.ops.aten
MOVES = {aten._to_copy.default, aten.copy_.default}
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on the pretended device; `inner` is where it does lie."""

    is_cuda = True  # so that code asking for a GPU takes the GPU's path

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> "Elsewhere":
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            real.size(),
            strides=real.stride(),
            dtype=real.dtype,
            storage_offset=real.storage_offset(),
            device=DEVICE,
        )
        made.inner = real
        return made

    def __repr__(self, **options) -> str:
        return f"pretend {self.inner}"

    def tolist(self) -> list:
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return computed(func, args, kwargs or {})


class Operations(TorchDispatchMode):
    """Sees what has no tensor among its arguments: `zeros(3, device="pretend")`."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return computed(func, args, kwargs or {})


class Makers(TorchFunctionMode):
    """Sees `tensor(list, device="pretend")`, which fills its tensor where no operation is seen."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.new_tensor and isinstance(args[0], Elsewhere):
            return torch.tensor(args[1], dtype=args[0].dtype).to(DEVICE)
        if func in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or "cpu").type == NAME:
            return func(*args, **{**kwargs, "device": None}).to(DEVICE)
        return func(*args, **kwargs)


@contextmanager
def pretending():
    """While it is on, `device="pretend"` makes tensors there."""
    with Operations(), Makers():
        yield


def computed(func, args, kwargs):
    """The operation on the CPU, its results on the device that CUDA would put them on. Raises where CUDA would."""
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    here = [t for t in tensors if not isinstance(t, Elsewhere)]
    away = len(here) < len(tensors)
    if away and here and func not in MOVES:
        check_mixture(func, args, here)
    target = kwargs.get("device")
    if target is not None:
        kwargs, away = {**kwargs, "device": torch.device("cpu")}, torch.device(target).type == NAME
    generator = kwargs.get("generator")
    if away and generator is not None:
        raise RuntimeError(f"{func}: a generator of the CPU draws for a tensor on {DEVICE}")
    out = func(*tree_map(real, args), **tree_map(real, kwargs))
    return tree_map(lambda t: Elsewhere(t) if away and isinstance(t, torch.Tensor) else t, out)


def real(value):
    return value.inner if isinstance(value, Elsewhere) else value


def check_mixture(func, args, here: list[torch.Tensor]) -> None:
    """CUDA takes CPU numbers (no dimension) in elementwise operations, and CPU indices into its own tensors."""
    if torch.Tag.pointwise in func.tags and all(t.ndim == 0 for t in here):
        return
    if func in INDEXED and isinstance(args[0], Elsewhere) and all(t.dtype == torch.int64 for t in here):
        return
    raise RuntimeError(f"{func}: tensors on cpu {[tuple(t.shape) for t in here]} and on {DEVICE}")

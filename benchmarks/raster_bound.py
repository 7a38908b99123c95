# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds raster_bound.cpp with g++, checks that it draws the same picture, and times it with numba's projection."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numba
import numpy as np

from talksplat.core.raster.numba_pipeline import FIELDS, Trace, project, project_backward

SOURCE = Path(__file__).with_suffix(".cpp")
COMPILE = ["-c", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC", "-std=c++17"]
LINK = ["-shared", "-fopenmp"]  # without -ffast-math, which would switch denormals off for the whole process


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """The address of a contiguous array."""
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


class Bound:
    """The compiled C++ rasterizer."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.library.backward.restype = ctypes.c_int64

    @staticmethod
    def build() -> "Bound | None":
        """Compiled into a temporary folder; None where there is no g++."""
        if shutil.which("g++") is None:
            return None
        folder = tempfile.mkdtemp(prefix="raster-bound-")
        target = str(Path(folder) / "bound.so")
        subprocess.run(["g++", *COMPILE, str(SOURCE), "-o", f"{target}.o"], check=True)
        subprocess.run(["g++", *LINK, f"{target}.o", "-o", target], check=True)
        library = ctypes.CDLL(target)  # loaded: the file itself is not needed any more
        shutil.rmtree(folder, ignore_errors=True)
        return Bound(library)

    def works(self, table: dict, camera, trace: Trace, upstream: list) -> dict:
        """The C++ forward and backward pass on a scene, each with numba's share of the projection."""
        n, size = len(table["means"]), (camera.height, camera.width)
        cam, splats, tiles = trace.camera, np.empty((n, FIELDS), np.float32), np.empty(n, np.int32)
        everyone = np.ones(n, np.bool_)
        color, trans = np.empty((*size, 3), np.float32), np.empty(size, np.float32)
        background, sums = np.zeros(3, np.float32), np.empty((n, 12), np.float32)
        empty = [
            np.zeros(shape, np.float32)
            for shape in ((n, 3), (n, 4), (n, 3), (n,), (n, 3), (n, 0, 3), (n, 0), (n, 2), (n, 2))
        ]
        counts, one = np.zeros(n, np.int32), np.zeros((1, 12), np.float32)
        ends = trace.first[:-1] + (trace.tiles > 0)  # one sum a Gaussian: the C++ pass has added the slots up already
        first = np.zeros(n + 1, np.int64)
        inputs = tuple(table[name] for name in ("means", "quats", "scales", "sh0", "shN"))

        def forward():
            project(*table.values(), 0, False, cam, everyone, splats, tiles, numba.get_num_threads())
            self.library.forward(
                pointer(splats), pointer(tiles), n, *size[::-1], pointer(background), pointer(color), pointer(trans)
            )

        def backward():
            self.library.backward(
                *size[::-1], pointer(color), pointer(trans), pointer(upstream[0]), pointer(upstream[1]), pointer(sums)
            )
            project_backward(
                inputs,
                0,
                False,
                cam,
                trace.table,
                trace.tiles,
                first,
                np.minimum(ends - trace.first[:-1], 1),
                one,
                0,
                tuple(empty[:7]),
                (*empty[7:], counts),
                numba.get_num_threads(),
            )

        self.library.omp_set_num_threads(numba.get_num_threads())
        forward()
        backward()
        check_same_picture(color, trans, trace)
        return {"C++ forward": forward, "C++ backward": backward}


def check_same_picture(color: np.ndarray, trans: np.ndarray, trace: Trace) -> None:
    """Raise AssertionError unless the C++ version drew numba's picture."""
    assert np.abs(color - trace.pictures.color).max() < 2e-3, "the C++ bound draws another picture"
    covered = trace.pictures.trans.size - int((trace.pictures.trans == 1).sum())
    assert abs(int((trans < 1).sum()) - covered) <= covered // 1000 + 8, "the C++ bound covers other pixels"

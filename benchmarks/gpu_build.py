# SPDX-License-Identifier: GPL-3.0-or-later
"""What gsplat needs on a machine without internet, checked in order; each missing thing is one sentence. Then its
kernels are compiled by its own loader, with the settings of this machine.

Needed: an NVIDIA driver and GPU, torch with CUDA, gsplat 1.5.3 (one wheel that has no compiled code, 6.5 MB),
jaxtyping, rich, ninja, packaging and numpy next to it, nvcc of torch's own CUDA major version, a C++ compiler.
"""

import importlib.metadata
import importlib.util
import lzma
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

NEEDED_PACKAGES = ("numpy", "jaxtyping", "rich", "ninja", "packaging", "numba")


def command_output(command: list[str]) -> str:
    """What a program prints; empty where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def package_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def machine() -> dict:
    """Hardware, driver and versions."""
    row = command_output(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
    figures = {
        "gpu": "",
        "nvidia-smi": row.splitlines()[0] if row else "",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cuda of torch": torch.version.cuda,
        "nvcc": (command_output([find_nvcc(), "--version"]).splitlines() or [""])[-1] if find_nvcc() else "",
        **{name: package_version(name) for name in ("torch", "gsplat", "numpy", "numba", "talksplat")},
    }
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        figures |= {
            "gpu": gpu.name,
            "capability": f"{gpu.major}.{gpu.minor}",
            "memory GB": round(gpu.total_memory / 1e9, 1),
            "multiprocessors": gpu.multi_processor_count,
        }
    return figures


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def find_nvcc() -> str:
    """Where the compiler is: as torch looks for it, then on the path."""
    from torch.utils.cpp_extension import CUDA_HOME

    own = Path(CUDA_HOME) / "bin" / "nvcc" if CUDA_HOME else None
    return str(own) if own and own.is_file() else shutil.which("nvcc") or ""


def missing_parts() -> list[str]:
    """One sentence for each thing that is not here."""
    out = []
    if not torch.version.cuda:
        out.append(f"torch {torch.__version__} is a build without CUDA; install torch's CUDA build for this driver.")
    elif not torch.cuda.is_available():
        out.append("torch was built for CUDA but sees no GPU; check `nvidia-smi` and the driver.")
    if not package_version("gsplat"):
        out.append("gsplat is not installed; carry gsplat-1.5.3-py3-none-any.whl over and give its folder as --wheels.")
    elif not package_version("gsplat").startswith("1.5."):
        out.append(f"gsplat {package_version('gsplat')} is installed; this back end is written for 1.5.3.")
    out += [
        f"the Python package {name} is not installed; carry its wheel over and give its folder as --wheels."
        for name in NEEDED_PACKAGES
        if importlib.util.find_spec(name) is None
    ]
    if os.environ.get("TALKSPLAT_GSPLAT_LIBRARY"):
        return out  # nothing is to be compiled
    if not find_nvcc():
        out.append("nvcc was not found; install the CUDA toolkit and set CUDA_HOME to it.")
    elif torch.version.cuda and f"release {(major := torch.version.cuda.split('.')[0])}." not in command_output(
        [find_nvcc(), "--version"]
    ):
        out.append(f"nvcc is not of CUDA {major}, which torch was built with; set CUDA_HOME.")
    if not shutil.which("ninja") and importlib.util.find_spec("ninja") is None:
        out.append("ninja was not found; carry its wheel over and give its folder as --wheels.")
    if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++", "cl"))):
        out.append("no C++ compiler was found; install g++.")
    return out


def install_wheels(wheels: Path, target: Path) -> str:
    """Unpack wheels into a folder of our own, without index and without dependencies; returns pip's last line if it
    fails, else nothing."""
    files = sorted(map(str, wheels.glob("*.whl")))
    if not files:
        return f"{wheels} has no wheels."
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--upgrade"]
    process = subprocess.run([*pip, "--target", str(target), *files], capture_output=True, text=True)
    return "" if process.returncode == 0 else (process.stderr.strip() or "pip failed").splitlines()[-1]


def build_environment(out: Path) -> dict[str, str]:
    """The variables that the compilation reads; what the caller has set already stays."""
    wanted = {"MAX_JOBS": str(min(os.cpu_count() or 4, 16)), "TORCH_EXTENSIONS_DIR": str(out / "torch_extensions")}
    if torch.cuda.is_available():
        wanted["TORCH_CUDA_ARCH_LIST"] = ".".join(map(str, torch.cuda.get_device_capability(0)))
    if find_nvcc():
        wanted["CUDA_HOME"] = str(Path(find_nvcc()).parents[1])
    scripts = str(Path(sys.executable).parent)  # ninja's program is there
    return (
        wanted
        | {name: os.environ[name] for name in wanted if name in os.environ}
        | {"PATH": scripts + os.pathsep + os.environ.get("PATH", "")}
    )


def build(out: Path) -> dict:
    """Compile (or load), and keep the library, compressed, next to the results. Raises RuntimeError with the reason."""
    missing = missing_parts()
    if missing:
        raise RuntimeError(" ".join(missing))
    start = time.perf_counter()
    from talksplat.core.raster import gpu_unavailable_reason

    reason = gpu_unavailable_reason()
    if reason is not None:
        raise RuntimeError(f"{reason}; the compiler's output is in {out / 'build.log'}.")
    from gsplat.cuda import _backend

    library = Path(_backend._C.__file__)
    stamp = f"torch{torch.__version__.split('+')[0]}-cp{sys.version_info[0]}{sys.version_info[1]}"
    kept = out / f"gsplat_cuda-{stamp}.so.xz"
    if not os.environ.get("TALKSPLAT_GSPLAT_LIBRARY"):
        kept.write_bytes(lzma.compress(library.read_bytes(), preset=6))
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "library": str(library),
        "library MB": round(library.stat().st_size / 1e6, 1),
        "kept": kept.name if kept.is_file() else "",
        "TORCH_CUDA_ARCH_LIST": os.environ.get("TORCH_CUDA_ARCH_LIST", ""),
    }

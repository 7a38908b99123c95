# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine has an NVIDIA driver, asked without loading anything: it decides which torch is worth having."""

import os
import shutil
import sys
from pathlib import Path


def has_nvidia_driver() -> bool:
    """Whether CUDA programs can be expected to find a GPU here. macOS has had no such driver since 10.14."""
    if sys.platform == "darwin":
        return False
    if sys.platform == "win32":
        library = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll")
    else:
        library = Path("/proc/driver/nvidia/version")  # there while the kernel's module is loaded
    return library.is_file() or shutil.which("nvidia-smi") is not None

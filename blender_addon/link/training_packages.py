# SPDX-License-Identifier: GPL-3.0-or-later
"""What a training environment consists of: the packages of pyproject.toml at the versions of constraints.txt, which the
tests run with. Both files are in the extension's zip, and nothing of them is repeated here."""

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ...core.formats import UserError, content_key

EXTRA, GPU_EXTRA = "train", "gpu"
TORCH = "torch"
# PyTorch's own package index. PyPI's torch is the CUDA build on Linux and the CPU build on Windows and macOS.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX = "https://download.pytorch.org/whl/cu130"
# GB to download and on the disk: of the CPU build as measured on Linux; of the CUDA build an estimate, never tried.
SIZES = {False: (0.5, 1.7), True: (3.5, 9.0)}


@dataclass(frozen=True)
class TrainingPackages:
    """What pip is asked for."""

    torch: str  # requirement, "torch>=2.4"
    torch_index: str  # where torch comes from; "": pip's own index
    others: tuple[str, ...]  # requirements without torch
    constraints: Path  # pip's file of versions
    gpu: bool  # whether these are the packages for an NVIDIA GPU

    @property
    def key(self) -> str:
        """Changes with everything that would make another environment."""
        versions = self.constraints.read_text(encoding="utf-8")
        return content_key(self.torch, self.torch_index, list(self.others), versions, sys.version_info[:2])

    @property
    def described(self) -> str:
        """ "torch 2.13.0, mediapipe 0.10.31": what `pyproject.toml` asks for by itself, with versions."""
        versions = pinned_versions(self.constraints)
        names = [name_of(requirement) for requirement in (self.torch, *self.others)]
        return ", ".join(" ".join(filter(None, (name, versions.get(name, "")))) for name in names)


def training_packages(root: Path, gpu: bool) -> TrainingPackages:
    """Those of the package in the folder `root`. gpu: with CUDA and gsplat.

    Raises UserError where the extension was built without its list.
    """
    constraints = root / "constraints.txt"
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        constraints.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; install the extension's zip again.") from None
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras[EXTRA], *(extras[GPU_EXTRA] if gpu else ())]
    [torch] = [line for line in wanted if name_of(line) == TORCH]
    others = tuple(line for line in wanted if line != torch)
    return TrainingPackages(torch, _torch_index(gpu), others, constraints, gpu)


def name_of(requirement: str) -> str:
    """ "OpenEXR>=3.3" -> "openexr", as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


def pinned_versions(constraints: Path) -> dict[str, str]:
    """Name -> version; without those that only some versions of Python have (`name==1.0; python_version < "3.12"`)."""
    lines = constraints.read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if "==" in line and ";" not in line and not line.startswith("#")]
    return {name_of(name): version.strip() for name, version in pins}


def _torch_index(gpu: bool) -> str:
    if sys.platform == "linux":
        return "" if gpu else CPU_INDEX
    return CUDA_INDEX if gpu else ""

# SPDX-License-Identifier: GPL-3.0-or-later
"""`pip install talksplat` from a wheel: every module and data file is in it, and it runs away from the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from the tracked files alone, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("the tracked files are known in a git checkout only")
    for name in listed.stdout.splitlines():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", str(folder)]
    subprocess.run([*build, str(folder / "source")], check=True, capture_output=True, text=True)
    [path] = folder.glob("*.whl")
    return path


def test_it_has_every_module_and_every_data_file(wheel):
    with zipfile.ZipFile(wheel) as file:
        packed = {name.removeprefix("talksplat/") for name in file.namelist() if name.startswith("talksplat/")}
    tracked = subprocess.run(
        ["git", "ls-files", "core", "blender_addon", "samples"], cwd=ROOT, capture_output=True, text=True
    )
    assert set(tracked.stdout.splitlines()) - packed == set()


def test_it_runs_away_from_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    code = (
        "import sys, talksplat\nfrom pathlib import Path\nfrom talksplat.core.cli import main\n"
        "root = Path(talksplat.__file__).parent\nassert root.parent == Path(sys.argv[1]), root\n"
        "samples = root / 'samples'\n"
        "sys.exit(main(['perform', '--head', str(samples / 'sample.head'), '--audio', str(samples / 'voice.wav'), "
        "'--out', 'v.performance']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(site)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "v.performance").is_file()

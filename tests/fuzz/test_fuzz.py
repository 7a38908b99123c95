# SPDX-License-Identifier: GPL-3.0-or-later
"""A short run of the fuzzer over every reader; `make fuzz` is the long one."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the fuzzer's limits are those of Unix")
sys.path.insert(0, str(Path(__file__).parent))

import fuzz


def skip_without_libraries(module: str) -> None:
    if module == "media_readers":
        pytest.importorskip("av")
        pytest.importorskip("torch")


@pytest.mark.parametrize("module", fuzz.MODULES)
def test_mutated_files_end_in_a_reading_or_a_sentence(module):
    skip_without_libraries(module)
    command = [sys.executable, fuzz.__file__, *fuzz.MODULES[module], "--short", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("module", fuzz.MODULES)
def test_the_fuzzer_knows_every_reader_by_name(module):
    skip_without_libraries(module)
    assert tuple(importlib.import_module(module).READERS) == fuzz.MODULES[module]

# SPDX-License-Identifier: GPL-3.0-or-later
"""A short run of the fuzzer over every reader; `make fuzz` is the long one."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the fuzzer's limits are those of Unix")
sys.path.insert(0, str(Path(__file__).parent))

import fuzz
from reading_modules import READING_MODULES

ROOT = Path(__file__).resolve().parents[2]


def skip_without_libraries(module: str) -> None:
    if module in ("media_readers", "checkpoint_reader"):
        pytest.importorskip("av")
        pytest.importorskip("torch")
    if module == "usd_reader":
        pytest.importorskip("pxr")


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


OPENING = (
    "open",
    "open_untrusted",
    "open_regular_file",
    "ZipFile",
    "read_text",
    "read_bytes",
    "load",
    "loads",
    "from_json",
    "genops",
)
OF_OTHERS = ("BakeReader", "BakeWriter", "Footage", "StageCache", "run", "archive")  # whose own modules are looked at


def opens_something(path):
    """Whether a module calls what opens or parses a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            owner = getattr(getattr(function, "value", None), "id", "")
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in OPENING and owner not in OF_OTHERS:
                return True
    return False


def test_every_module_that_reads_is_fuzzed_or_says_why_not():
    """One that is new here gets a reader of the fuzzer, or a reason in reading_modules.py."""
    modules = (path for folder in ("core", "blender_addon") for path in (ROOT / folder).rglob("*.py"))
    found = {path.relative_to(ROOT).as_posix() for path in modules if opens_something(path)}
    assert found == set(READING_MODULES)
    named = {name for readers in READING_MODULES.values() if isinstance(readers, tuple) for name in readers}
    assert named <= {name for names in fuzz.MODULES.values() for name in names}


@pytest.mark.parametrize("module", fuzz.MODULES)
def test_a_reader_reaches_the_modules_it_is_named_for(module, tmp_path):
    skip_without_libraries(module)
    for name, reader in importlib.import_module(module).READERS.items():
        wanted = {key for key, readers in READING_MODULES.items() if isinstance(readers, tuple) and name in readers}
        (tmp_path / name).mkdir()
        assert wanted <= modules_that_run(reader, tmp_path / name), name


def modules_that_run(reader, folder):
    """The modules of ours whose code runs while the real files are read."""
    files = reader.seeds(folder)
    seen = set()
    sys.setprofile(lambda frame, event, _: event == "call" and seen.add(frame.f_code.co_filename))
    try:
        for path in files:
            reader.read(path)
    finally:
        sys.setprofile(None)
    return {Path(name).relative_to(ROOT).as_posix() for name in seen if Path(name).is_relative_to(ROOT)}

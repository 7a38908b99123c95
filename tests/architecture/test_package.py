# SPDX-License-Identifier: GPL-3.0-or-later
"""One package, one version, one list of packages; no large, private or stray file."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_package_list_is_the_tree():
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = {p.parent for top in ("core", "blender_addon", "samples") for p in (ROOT / top).rglob("__init__.py")}
    there = {"talksplat"} | {".".join(("talksplat", *f.relative_to(ROOT).parts)) for f in folders}
    assert sorted(listed) == sorted(there)


def test_every_line_of_package_data_finds_a_file():
    for package, patterns in PROJECT["tool"]["setuptools"]["package-data"].items():
        folder = ROOT.joinpath(*package.split(".")[1:])
        for pattern in patterns:
            assert any(folder.glob(pattern)), f"{package}: {pattern}"


def test_versions_agree():
    version = PROJECT["project"]["version"]
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    assert manifest["version"] == version
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_constraints_pin_what_the_project_names():
    pins = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    needs = list(PROJECT["project"]["dependencies"])
    for extra in ("blender", "metrics", "test", "train"):
        needs += PROJECT["project"]["optional-dependencies"][extra]
    assert not {re.split(r"[<>=!~]", need)[0].lower() for need in needs} - pins


def test_tracked_files_are_small_and_name_no_machine():
    for path in tracked():
        assert path.stat().st_size < 16 * 2**20, f"{path.name} is too large for the repository"
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh"}:
            text = path.read_text()
            for place in (str(ROOT), f"{Path.home()}/"):
                assert place not in text, f"{path} names a path of one machine"


def test_python_files_say_their_licence_and_keep_the_rules():
    for path in tracked():
        if path.suffix != ".py" or not path.read_text().strip():
            continue
        text = path.read_text()
        assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later"), f"{path} has no licence line"
        vague = {"utils", "helpers", "common", "misc", "manager"} & set(path.stem.split("_"))
        assert not vague, f"{path}: name the idea"
        pickles = re.search(r"^\s*(import pickle|from pickle)\b", text, re.MULTILINE)
        assert not pickles or "tests" in path.parts, f"{path} pickles"  # a test may forge what must not be unpickled
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and all(isinstance(s, ast.Pass) for s in node.body):
                broad = node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}
                assert not broad, f"{path}:{node.lineno} swallows every exception"

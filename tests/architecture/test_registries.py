# SPDX-License-Identifier: GPL-3.0-or-later
"""ARCHITECTURE.md's "How to add …" is true: an entry is added to each registry of a copy of the source, as the page
says, and is found in the shell, on the wire, in the panel and by the contract tests.

Every name added is absent from the original, so that a missing line is a failing test.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LICENCE = "# SPDX-License-Identifier: GPL-3.0-or-later\n"


class Copy:
    """The package in another place, which `python` there imports instead of the installed one."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "talksplat"
        for name in ("core", "blender_addon", "samples", "benchmarks", "tests"):
            skipped = shutil.ignore_patterns("__pycache__", "*.mpg")
            shutil.copytree(ROOT / name, self.root / name, ignore=skipped)
        for name in ("__init__.py", "pyproject.toml", "blender_manifest.toml", "ARCHITECTURE.md"):
            shutil.copy(ROOT / name, self.root / name)
        self.environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(LICENCE + text, encoding="utf-8")

    def insert(self, path: str, before: str, line: str) -> None:
        """A line, before the one that begins with `before`."""
        file = self.root / path
        lines = file.read_text(encoding="utf-8").splitlines()
        place = next((i for i, text in enumerate(lines) if text.startswith(before)), None)
        assert place is not None, f"{path} has no line that begins with {before!r}"
        file.write_text("\n".join([*lines[:place], line, *lines[place:]]) + "\n", encoding="utf-8")

    def run(self, *arguments: str, original: bool = False) -> str:
        """What Python prints; the original's package where asked for."""
        environment = dict(os.environ, COLUMNS="200") if original else self.environment
        where = ROOT if original else self.root
        done = subprocess.run(
            [sys.executable, *arguments], cwd=where, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def collected(self, path: str, original: bool = False) -> str:
        """The names of the tests of a file."""
        return self.run("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", path, original=original)

    def both(self, *arguments: str) -> tuple[str, str]:
        """(with the added entries, without)."""
        return self.run(*arguments), self.run(*arguments, original=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    made = Copy(tmp_path_factory.mktemp("copy"))
    for add in ADDED:
        add(made)
    return made


def add_job(copy: Copy) -> None:
    copy.write(
        "core/inspecting/count_lines.py",
        "from ..jobs import Finished\n\n\ndef count_lines(job):\n"
        "    yield Finished({'lines': len(open(job.file).readlines())})\n",
    )
    with (copy.root / "core/jobs/messages.py").open("a", encoding="utf-8") as file:
        file.write(
            '\n\n@dataclass(frozen=True)\nclass CountLines(Job):\n    """Count the lines of a text."""\n\n'
            "    file: str = field(metadata=POSITIONAL)  # the text to count\n    most: int = 5  # lines at most\n"
        )
    copy.insert("core/dispatch.py", "from .jobs import", "from .jobs.messages import CountLines")
    row = '    "count-lines": JobType(CountLines, "inspecting.count_lines:count_lines", "Stopped {0.file}."),'
    copy.insert("core/dispatch.py", '    "perform": JobType(', row)


def add_encoder(copy: Copy) -> None:
    copy.write(
        "core/audio/quieter.py",
        "import numpy as np\n\nfrom .features import MARGIN, Features\nfrom .logmel import LogMel\n\n\n"
        "class Quieter(LogMel):\n    name = 'quieter'\n\n    def encode(self, sound):\n"
        "        features = super().encode(sound)\n        return Features(features.values / 2, features.times)\n",
    )
    copy.insert("core/audio/encoders.py", "from .moonshine", "from .quieter import Quieter")
    copy.insert("core/audio/encoders.py", '    "moonshine"', '    "quieter": Quieter(),')


def add_fusion(copy: Copy) -> None:
    for path, parent, name in (
        ("core/deformation/fusion.py", "AttentionFusion", "OtherFusion"),
        ("core/performance/folding.py", "AttentionFolding", "OtherFolding"),
    ):
        before = "FUSIONS:" if "fusion.py" in path else "class FusionType"
        copy.insert(path, before, f"class {name}({parent}):\n    pass\n\n")
    copy.insert("core/performance/folding.py", '    "gated"', '    "steady": FusionType(OtherFolding, "OtherFusion"),')


def add_density_rule(copy: Copy) -> None:
    copy.write(
        "core/training/density/every_view.py",
        "from .adc import Adc\n\n\nclass EveryView(Adc):\n    name = 'every_view'\n",
    )
    copy.insert("core/training/density/__init__.py", "from .mcmc", "from .every_view import EveryView")
    copy.insert("core/training/density/__init__.py", '    "pixel_aware"', '    "every_view": EveryView,')


def add_metric(copy: Copy) -> None:
    line = '    "worst pixel": Metric(lambda a, b: float(np.abs(a - b).max()), "smaller", "", ("rendered", "target")),'
    copy.insert("core/metrics/table.py", '    "psnr"', line)


def add_back_end(copy: Copy) -> None:
    path = "core/raster/rasterizer.py"
    copy.insert(path, "BACKENDS:", "def other(scene):\n    return numba(scene)\n\n")
    text = (copy.root / path).read_text(encoding="utf-8")
    (copy.root / path).write_text(text.replace('{"dense": dense', '{"other": other, "dense": dense'), encoding="utf-8")


def add_pixel_filter(copy: Copy) -> None:
    row = '    "tent": lambda x, width: max(width - abs(x), 0),'
    copy.insert("core/raster/pixel_filter.py", '    "gaussian": gaussian', row)


def add_pass(copy: Copy) -> None:
    row = (
        '    "coverage": Pass(\n        "Coverage",\n        "Alpha alone",\n        PassKind.DATA,\n        "X",\n'
        '        {"blender": "ViewLayer.Coverage", "nuke": "coverage"},\n        needs_depth=False,\n'
        "        pixels=lambda picture: np.asarray(picture.rendering.alpha)[..., None],\n    ),"
    )
    copy.insert("core/baking/passes.py", '    "beauty": Pass(', row)


def add_exporter(copy: Copy) -> None:
    row = '    "plain": Exporter("Plain", "A test", ".plain", ("blender",), "blender", lambda path, *_: path.touch()),'
    copy.insert("core/exporting/exporters.py", '    "ply": Exporter(', row)


def add_importer(copy: Copy) -> None:
    row = '    "plain": Importer("Plain", (".plain",), read_splat),'
    copy.insert("core/importing/importers.py", '    "ply": Importer(', row)


def add_engine(copy: Copy) -> None:
    copy.insert("core/baking/farm/engines.py", "ENGINES:", "class Queue(LocalEngine):\n    pass\n\n")
    path = copy.root / "core/baking/farm/engines.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('{"local": LocalEngine', '{"queue": Queue, "local": LocalEngine'), encoding="utf-8")


def add_control(copy: Copy) -> None:
    line = '    smile: float = control(0.0, 0.0, 1.0, label="Smile", digits=2, description="Lifts the corners")'
    copy.insert("core/performance/controls.py", "    delay: float", line)


ADDED = [
    add_job, add_encoder, add_fusion, add_density_rule, add_metric, add_back_end, add_pass, add_exporter,
    add_pixel_filter, add_importer, add_control, add_engine,
]  # fmt: skip


def test_a_job(copy):
    with_it, without = copy.both("-m", "talksplat.core.cli", "--help")
    assert "count-lines" in with_it
    assert "count-lines" not in without
    said = copy.run("-m", "talksplat.core.cli", "count-lines", "--help")
    assert "the text to count" in said
    assert "--most" in said
    assert copy.run("-m", "talksplat.core.cli", "count-lines", "pyproject.toml").startswith("lines: ")
    wire = (
        "from talksplat.core.jobs.messages import CountLines as C\n"
        "from talksplat.core.wire import from_bytes, to_bytes\n"
        "from talksplat.core.dispatch import cancelled_event\n"
        "assert from_bytes(to_bytes(C('x', 3))) == C('x', 3)\nprint(cancelled_event(C('x')).sentence)"
    )
    assert copy.run("-c", wire) == "Stopped x.\n"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("train", "quieter"),
        ("train", "steady"),
        ("train", "every_view"),
        ("render", "coverage"),
        ("render", "tent"),
        ("export", "plain"),
        ("shots", "queue"),
        ("bake", "--controls.smile"),
    ],
)
def test_the_shell_offers_it(copy, command, name):
    with_it, without = copy.both("-m", "talksplat.core.cli", command, "--help")
    assert name in with_it
    assert name not in without


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("tests/audio/test_encoders.py", "quieter"),
        ("tests/performance/test_replay.py", "steady"),
        ("tests/deformation/test_branch.py", "steady"),
        ("tests/training/test_density.py", "every_view"),
        ("tests/raster/test_raster_contract.py", "other"),
        ("tests/raster/test_supersampling.py", "tent"),
        ("tests/baking/test_passes.py", "coverage"),
        ("tests/exporting/test_export.py", "plain"),
        ("tests/baking/test_shots.py", "queue"),
        ("tests/importing/test_importers.py", "plain"),
    ],
)
def test_the_contract_tests_meet_it(copy, path, name):
    assert f"{name}" in copy.collected(path)
    assert f"[{name}" not in copy.collected(path, original=True)


def test_the_shell_imports_it(copy):
    copy.write("samples/one.plain", "")
    (copy.root / "samples/one.plain").write_bytes(bytes.fromhex("cdcccc3d") * 6 + b"\xff" * 8)
    command = ("-m", "talksplat.core.cli", "import-head", "samples/one.plain", "--out", "samples/one.head")
    assert "gaussians: 1" in copy.run(*command)


def test_the_contract_of_metrics_asks_about_it(copy):
    said = copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/metrics/test_table.py")
    assert "passed" in said
    figures = "from talksplat.core.metrics import compute_metrics as c; import numpy as np; a = np.zeros((8, 8, 3))\n"
    assert "worst pixel" in copy.run("-c", figures + "print(c(rendered=a, target=a))")


def test_an_old_bake_does_not_mind_a_new_control(copy):
    script = (
        "from talksplat.core.formats import BakeReader\n"
        "from talksplat.core.performance import Controls, controls_card\n"
        "bake = BakeReader.open('tests/fixtures/v0_1_0/tiny.bake')\n"
        "print(controls_card([Controls(intensity=1.2, brows=0.3)]) == bake.card.controls,"
        " controls_card([Controls(intensity=1.2, brows=0.3, smile=0.5)]) == bake.card.controls)"
    )
    assert copy.run("-c", script) == "True False\n"


def test_the_panel_offers_controls_passes_exporters_and_importers(copy):
    """In Blender's Python module: the add-on is registered and its properties are asked."""
    pytest.importorskip("bpy")
    script = (
        "import bpy\nfrom talksplat import blender_addon\nblender_addon.register()\n"
        "head = bpy.types.Object.bl_rna.properties['talksplat'].fixed_type\n"
        "controls = head.properties['controls'].fixed_type.properties\n"
        "enums = {i.identifier for p in head.properties if p.type == 'ENUM' for i in p.enum_items}\n"
        "names = enums | set(head.properties['passes'].fixed_type.properties.keys())\n"
        "from talksplat.blender_addon.operators.import_head import SUFFIXES\n"
        "print('smile' in controls, 'coverage' in names, 'plain' in names, '.plain' in SUFFIXES)"
    )
    assert copy.run("-c", script).splitlines()[-1] == "True True True True"

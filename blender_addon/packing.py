# SPDX-License-Identifier: GPL-3.0-or-later
"""Build and validate the extension's zip with Blender's own tool, which ships in every `bpy` wheel.

    python -m talksplat.blender_addon.packing [FOLDER]      FOLDER defaults to dist/

Knows nothing of bpy at run time: the tool is a plain Python script. With no `bpy` installed it
asks the `blender` on the PATH.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def extension_tool() -> list[str]:
    """The command that takes `build` and `validate`. Raises FileNotFoundError with the fix."""
    spec = importlib.util.find_spec("bpy")
    if spec and spec.origin:
        scripts = sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
        if scripts:
            return [sys.executable, str(scripts[-1])]
    if blender := shutil.which("blender"):
        return [blender, "--command", "extension"]
    raise FileNotFoundError("Neither the bpy module nor a blender command was found; pip install bpy.")


def build_zip(folder: Path, source: Path = ROOT) -> Path:
    """Build `folder`/talksplat-VERSION.zip from the checkout `source` and validate it.

    Raises subprocess.CalledProcessError with the tool's own words on its stdout.
    """
    tool = extension_tool()
    folder.mkdir(parents=True, exist_ok=True)
    build = ["build", "--source-dir", str(source), "--output-dir", str(folder)]
    subprocess.run([*tool, *build], check=True, capture_output=True, text=True)
    archive = max(folder.glob("talksplat-*.zip"), key=lambda path: path.stat().st_mtime_ns)
    subprocess.run([*tool, "validate", str(archive)], check=True, capture_output=True, text=True)
    return archive


def main() -> int:
    """Build the zip; the exit code."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    try:
        print(build_zip(folder))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(error.stdout + error.stderr, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-3.0-or-later
"""`talksplat demo`: the artist's whole way, by the very operators the panel's buttons call, in real Blender (`bpy`).

Builds the extension's zip, installs and enables it in a Blender profile of its own, loads the sample head, puts the
voice on the sequencer, attaches, scrubs, bakes, renders 3 s at 512², and leaves a contact sheet, an mp4 with
sound and a .blend that opens with the head speaking. Prints where they are and how fast each step ran.
"""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import tyro

HERE = Path(__file__).resolve().parent
FRAMES_ON_SHEET = 15


@dataclass(frozen=True)
class Demo:
    """Load, attach, scrub, bake and render the sample head in real Blender."""

    out: Path = Path("demo")  # the folder for everything it makes
    head: Path = HERE / "sample.head"
    voice: Path = HERE / "voice.wav"
    seconds: float = 3.0  # of the shot
    fps: int = 24
    size: int = 512  # height and width of the images in pixels


class Steps:
    """Times each step and prints it as it ends."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        notes: list[str] = []
        start = time.perf_counter()
        yield notes
        line = (name, f"{time.perf_counter() - start:6.1f} s   {', '.join(notes)}")
        self.lines.append(line)
        print(f"{line[0]:<22}{line[1]}", flush=True)


def main(arguments: list[str]) -> int:
    """Run the demo; the exit code."""
    demo = tyro.cli(Demo, prog="talksplat demo", args=arguments)
    for path in (demo.head, demo.voice):
        if not path.is_file():
            print(f"{path} is missing; name another with --head or --voice.", file=sys.stderr)
            return 1
    out = demo.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    steps = Steps()
    with steps.step("Blender + extension") as notes:
        addon = install_extension(out)
        notes.append(addon.__name__)
    make_shot(demo, out, addon, steps)
    for name in ("contact_sheet.png", "speaking.mp4", "talksplat_demo.blend", "render", "talksplat.zip"):
        print(f"{name:<22}{out / name}")
    return 0


def install_extension(out: Path) -> ModuleType:
    """The extension, installed from its zip and enabled as an artist would; its package inside Blender."""
    os.environ["BLENDER_USER_RESOURCES"] = str(out / "blender_profile")
    os.environ.setdefault("TALKSPLAT_PYTHON", sys.executable)
    import bpy  # noqa: I001  (only importing bpy makes the folder of addon_utils known)
    import addon_utils

    from ..blender_addon.packing import build_zip

    built = build_zip(out)
    archive = shutil.move(built, out / "talksplat.zip")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    return sys.modules["bl_ext.user_default.talksplat"]


def make_shot(demo: Demo, out: Path, addon: ModuleType, steps: Steps) -> None:
    """The shot from an empty scene to the saved .blend."""
    import bpy

    running = sys.modules[f"{addon.__name__}.blender_addon.running"]
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = demo.fps, 1, round(demo.seconds * demo.fps)
    head, voice = (Path(shutil.copy(source, out / source.name)) for source in (demo.head, demo.voice))
    for old in (*out.glob("bake/*"), *out.glob("render/*")):
        old.unlink() if old.is_file() else shutil.rmtree(old)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "talksplat_demo.blend"))

    with steps.step("load head") as notes:
        bpy.ops.talksplat.add_head(filepath=str(head))
        obj = bpy.context.object
        notes.append(f"{len(obj.data.points)} Gaussians")
    add_voice(scene, voice, sys.modules[f"{addon.__name__}.blender_addon.scene.versions"])
    obj.talksplat.view, obj.talksplat.size, obj.talksplat.render_out = "HEAD", demo.size, "//render/"
    for name, operator in (
        ("attach", bpy.ops.talksplat.attach_strip),
        ("bake", bpy.ops.talksplat.bake),
        ("render sequence", bpy.ops.talksplat.render_sequence),
    ):
        with steps.step(name) as notes:
            operator()
            notes.append(wait_for_job(running))
        if name != "render sequence":
            with steps.step(f"scrub after {name}") as notes:
                notes.append(scrub(scene))
    with steps.step("sheet, movie, .blend"):
        write_contact_sheet(sorted((out / "render").rglob("*.png")), out / "contact_sheet.png", demo.fps)
        shutil.copy(next((out / "render").rglob("*.mp4")), out / "speaking.mp4")
        add_camera(scene, obj)
        bpy.ops.wm.save_mainfile()


def add_voice(scene, voice: Path, versions: ModuleType) -> None:
    """The sound strip in the sequencer, and playback that keeps to it."""
    import bpy

    scene.sequence_editor_create()
    versions.top_strips(scene.sequence_editor).new_sound("voice", str(voice), channel=1, frame_start=1)
    bpy.ops.talksplat.set_up_playback()


def wait_for_job(running: ModuleType) -> str:
    """Wait for the job; its closing sentence. Raises RuntimeError with the sentence of a failure."""
    outcome = running.wait() if running.now else running.last
    if outcome is not None and outcome.level == "ERROR":
        raise RuntimeError(outcome.sentence)
    return outcome.sentence if outcome else "from the cache"


def scrub(scene) -> str:
    """Visit every frame twice over, out of order; the time of one step."""
    frames = list(range(scene.frame_start, scene.frame_end + 1))
    times = []
    for frame in frames[::2] + frames[1::2]:
        start = time.perf_counter()
        scene.frame_set(frame)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return f"a step takes {statistics.median(times):.1f} ms (median), {times[int(0.95 * len(times))]:.1f} ms (95 %)"


def write_contact_sheet(pictures: list[Path], path: Path, fps: int) -> None:
    """Evenly spread frames of the shot in one picture."""
    import numpy as np
    from PIL import Image

    from ..core.baking.contact_sheet import contact_sheet

    chosen = [round(i) for i in np.linspace(0, len(pictures) - 1, min(FRAMES_ON_SHEET, len(pictures)))]
    contact_sheet(
        path,
        [np.asarray(Image.open(pictures[i])) for i in chosen],
        [f"{i + 1}   {i / fps:.2f} s" for i in chosen],
        columns=5,
    )


def add_camera(scene, obj) -> None:
    """A camera that frames the head, so that the .blend opens on it, and the first frame."""
    import bpy

    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler, camera.data.lens = (0.0, -1.0, 0.0), (1.5708, 0.0, 0.0), 70.0
    scene.camera = camera
    scene.render.resolution_x = scene.render.resolution_y = 1080
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                space = area.spaces.active
                space.shading.type = "MATERIAL"
                space.region_3d.view_perspective = "CAMERA"
    bpy.context.view_layer.objects.active = obj
    scene.frame_set(scene.frame_start)

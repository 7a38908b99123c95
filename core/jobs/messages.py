# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked: one frozen dataclass a job. A setting exists here once and becomes the shell's
flag, the panel's default and the worker's message."""

from dataclasses import dataclass, field

from ..formats.camera import Camera
from ..performance.controls import Controls


@dataclass(frozen=True)
class Perform:
    """Listen to a sound with a head: sound -> features -> the condition over time (a .performance)."""

    head: str  # the .head file
    audio: str  # any file PyAV opens
    out: str  # the .performance file to write


@dataclass(frozen=True)
class Bake:
    """Evaluate a head at every frame of a shot and store it (a .bake); resumes what it finds."""

    head: str  # the .head file
    audio: str  # the sound; time 0 of the shot's sound is `offset` seconds after its first frame
    out: str  # the .bake file to write or to go on with
    fps: str = "24"  # rational: "24", "24000/1001", "23.976"
    frame_start: int = 1
    frame_count: int = 0  # 0: as long as the sound
    offset: float = 0.0  # seconds the sound starts after the first frame (a strip's place)
    controls: Controls = field(default_factory=Controls)
    controls_per_frame: tuple[Controls, ...] = ()  # keyframed controls, one a frame; empty: `controls`


@dataclass(frozen=True)
class Render:
    """Render plates from a bake: PNG preview, EXR, and an mp4 with the sound."""

    bake: str  # the .bake file
    out: str  # the folder for the pictures
    size: int = 512  # height in pixels when `cameras` is empty: the head card's own view, square
    cameras: tuple[Camera, ...] = ()  # one for the whole shot, or one a frame; empty: the head's own view
    first: int | None = None  # frame numbers, both rendered; None: from the shot's first, to its last
    last: int | None = None
    png: bool = True
    exr: bool = True
    exr_layout: str = "blender"  # or "nuke": how parts and channels are named
    space: str = "lin_rec709_scene"  # of the EXR's colours; or "lin_ap1_scene" (ACEScg), "lin_ap0_scene" (ACES2065-1)
    movie: bool = True
    audio: str = ""  # the sound for the mp4; empty: the one the bake was made from


@dataclass(frozen=True)
class Train:
    """Train a head from a footage folder; resumes what it finds in `work`."""

    footage: str  # the footage folder
    out: str  # the .head file to write
    work: str = ""  # checkpoints and preview pictures; empty: beside `out`
    preset: str = "cpu"  # a named set of training settings (core/training/settings.py)
    seed: int = 0


@dataclass(frozen=True)
class Convert:
    """Footage to a TalkingGaussian / ER-NeRF dataset folder, or such a folder to footage: the source says which.
    Goes on with what it finds in `out`."""

    source: str  # the footage folder, or the dataset folder
    out: str  # the folder to make
    torso: bool = False  # from a dataset folder: neck and torso belong to the trained picture too


@dataclass(frozen=True)
class Info:
    """Say what one of our files holds, one `name: value` a line."""

    file: str


Job = Perform | Bake | Render | Train | Convert | Info

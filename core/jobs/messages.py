# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked: one frozen dataclass a job. A setting exists here once and becomes the shell's flag, the panel's
default and the worker's message.

A field's metadata says what only the shell needs: POSITIONAL, HIDDEN, or the registry that its value names.
"""

from dataclasses import dataclass, field

from ..formats import Camera
from ..performance import Controls

POSITIONAL = {"positional": True}  # written without its name
HIDDEN = {"hidden": True}  # only programs set it


def names_from(registry: str) -> dict[str, str]:
    """Metadata of a field whose value is a name in `registry`, "package.module:DICTIONARY" below core."""
    return {"registry": registry}


class Job:
    """A request. Subclasses are frozen dataclasses whose fields are JSON values, dataclasses, or tuples of them."""


@dataclass(frozen=True)
class Perform(Job):
    """Listen to a sound with a head: sound -> features -> the condition over time (a .performance)."""

    head: str  # the .head file
    audio: str  # any file PyAV opens
    out: str  # the .performance file to write


@dataclass(frozen=True)
class Bake(Job):
    """Evaluate a head at every frame of a shot and store it (a .bake); resumes what it finds."""

    head: str  # the .head file
    audio: str  # the sound; time 0 of the shot's sound is `offset` seconds after its first frame
    out: str  # the .bake file to write or to go on with
    fps: str = "24"  # rational: "24", "24000/1001", "23.976"
    frame_start: int = 1
    frame_count: int = 0  # 0: as long as the sound
    offset: float = 0.0  # seconds the sound starts after the first frame (a strip's place)
    controls: Controls = field(default_factory=Controls)
    controls_per_frame: tuple[Controls, ...] = field(
        default=(), metadata=HIDDEN
    )  # keyframed controls, one a frame; empty: `controls`


@dataclass(frozen=True)
class Render(Job):
    """Render plates from a bake: PNG preview, EXR, and an mp4 with the sound."""

    bake: str = field(metadata=POSITIONAL)  # the .bake file
    out: str  # the folder for the pictures
    size: int = 512  # height in pixels when `cameras` is empty: the head card's own view, square
    cameras: tuple[Camera, ...] = field(
        default=(), metadata=HIDDEN
    )  # one for the whole shot, or one a frame; empty: the head's own view
    first: int | None = None  # frame numbers, both rendered; None: from the shot's first, to its last
    last: int | None = None
    png: bool = True
    exr: bool = True
    exr_layout: str = "blender"  # or "nuke": how parts and channels are named
    space: str = "lin_rec709_scene"  # of the EXR's colours; or "lin_ap1_scene" (ACEScg), "lin_ap0_scene" (ACES2065-1)
    movie: bool = True
    audio: str = ""  # the sound for the mp4; empty: the one the bake was made from


@dataclass(frozen=True)
class Prepare(Job):
    """Make footage from videos of one person who talks; goes on with what it finds in `out`."""

    videos: tuple[str, ...] = field(
        metadata=POSITIONAL
    )  # video files, or folders of them; each is a clip, a long one becomes several
    out: str  # the footage folder to make
    size: str = "512"  # pixels of a picture's side, or "native"
    rate: str = "25"  # model frames a second, rational
    pixel_aspect: str = ""  # width over height of a stored pixel, "16/15"; empty: as the video says
    test_share: float = 0.1  # of the clips, held back by the hash of their names
    torso: str = "fade"  # neck and shoulders: "fade" out below the chin, or "keep"
    every: int = 1  # a picture of every so many model frames; tracks have them all
    pictures_per_clip: int = 0  # at most, spread evenly; 0: all
    focal: float = 0.0  # focal length in pixels of the video; 0: estimated
    workers: int = 0  # processes; 0: one a core
    name: str = ""  # of the footage; empty: its folder's
    licence: str = ""  # of the videos, for the footage's card and the head's


@dataclass(frozen=True)
class Train(Job):
    """Train a head from a footage folder; resumes what it finds in `work`."""

    footage: str = field(metadata=POSITIONAL)  # the footage folder
    out: str  # the .head file to write
    work: str = ""  # checkpoints and preview pictures; empty: beside `out`
    preset: str = "cpu"  # a named set of training settings (core/training/training_settings.py)
    seed: int = 0
    fusion: str = ""  # how sound and place meet: gated, attention or concat; empty: the preset's
    density: str = ""  # the density rule: pixel_aware, pixel_aware_budget, adc, absgrad or mcmc; empty: the preset's
    encoder: str = ""  # what listens: moonshine or logmel; empty: the preset's
    steps: int = 0  # picture steps in all, stages keep their shares; 0: the preset's
    budget: int = 0  # Gaussians at most; 0: the preset's
    set: tuple[str, ...] = ()  # any other setting, name=value: --set density.tau=1e-4 mouth_gain=6
    device: str = "auto"  # where it is computed: cpu, cuda (needs gsplat), or auto: cuda where that works
    tensorboard: bool = False  # also write TensorBoard event files into the work folder


@dataclass(frozen=True)
class Evaluate(Job):
    """Measure a head on what its footage holds back: pictures, landmarks, lips, silence, a delayed voice."""

    head: str = field(metadata=POSITIONAL)  # the .head file
    footage: str = field(metadata=POSITIONAL)  # the footage folder
    out: str = ""  # write the figures there, JSON, and tables beside it as .md
    video: str = ""  # write truth, head and the best static head side by side with the sound there, .mp4
    strip: str = ""  # write moments of one clip there, .png
    words: str = ""  # folder with word timings, NAME.align a clip as GRID has them: closure at p, b, m
    clips: int = 0  # held-back clips at most, evenly chosen; 0: all


@dataclass(frozen=True)
class Convert(Job):
    """Footage to a TalkingGaussian / ER-NeRF dataset folder, or such a folder to footage: the source says which.
    Goes on with what it finds in `out`."""

    source: str = field(metadata=POSITIONAL)  # the footage folder, or the dataset folder
    out: str  # the folder to make
    torso: bool = False  # from a dataset folder: neck and torso belong to the trained picture too


@dataclass(frozen=True)
class Info(Job):
    """Say what one of our files holds, one `name: value` a line."""

    file: str = field(metadata=POSITIONAL)  # a head, bake, performance, PLY or checkpoint file, or a footage folder

# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs, one frozen dataclass each; those of a shot are in shot_messages.py. A setting is declared here once and
becomes the shell's flag (the comment on its line is the flag's help), the panel's default and the worker's message.
"""

from dataclasses import dataclass, field

from .job_fields import BLEND, ENCODER, FUSION, HIDDEN, POSITIONAL, PRESET, STRATEGY, Job
from .outputs import FOLDER, writes

# mm; not in the paper: chosen because in a portrait of 512 pixels it is a sixth of a pixel, and speech then takes about
# sixteen channels, which an animator can oversee.
RIG_BOUND = 0.1


@dataclass(frozen=True)
class Perform(Job):
    """Compute a head's performance of a sound: its audio codes and expression over time (a .performance file)."""

    head: str  # the .head file
    audio: str  # the sound, an audio or video file
    out: str = field(metadata=writes(".performance"))  # the .performance file to write
    track: int = 0  # sound track to listen to, from 1; 0: automatic, the first that is not silent
    channel: str = ""  # mix, left, right or a number from 1; empty: the mix, unless its channels cancel out
    words: str = ""  # a TextGrid of the sound's words and phones, which sharpen the lips; empty: the sound alone


@dataclass(frozen=True)
class Align(Job):
    """Find out when each word and phone of an English text is spoken in a sound (a .TextGrid file)."""

    audio: str = field(metadata=POSITIONAL)  # the sound, an audio or video file
    text: str  # the text file; of subtitles (.srt, .vtt) the cues' times help
    out: str = field(metadata=writes(".TextGrid"))  # the .TextGrid file to write
    track: int = 0  # sound track to listen to, from 1; 0: automatic, the first that is not silent
    channel: str = ""  # mix, left, right or a number from 1; empty: the mix, unless its channels cancel out
    # What messages call the text, where its file is a copy that nobody has seen; empty: its file.
    text_name: str = field(default="", metadata=HIDDEN)

    @property
    def text_title(self) -> str:
        """What messages call the text."""
        return self.text_name or self.text


@dataclass(frozen=True)
class Prepare(Job):
    """Turn videos of one talking person into a footage folder; continues what it finds in `out`."""

    videos: tuple[str, ...] = field(metadata=POSITIONAL)  # videos, or folders of them; long ones are cut into clips
    out: str = field(metadata=writes(FOLDER))  # the footage folder to write
    size: str = "512"  # side of a picture in pixels, or "native"
    rate: str = "25"  # frames per second of the footage, such as 25 or 30000/1001
    pixel_aspect: str = ""  # width over height of a stored pixel, such as 16/15; empty: as the video states
    test_share: float = 0.1  # share of the clips held out for testing, chosen by the hash of their names
    torso: str = "fade"  # neck and shoulders: "fade" out below the chin, or "keep"
    every: int = 1  # keep every Nth picture; the tracks keep every frame
    pictures_per_clip: int = 0  # most pictures of a clip, evenly spaced; 0: all
    focal: float = 0.0  # focal length in pixels of the video; 0: estimated
    workers: int = 0  # number of processes; 0: one per core
    name: str = ""  # name of the footage; empty: the folder's name
    licence: str = ""  # licence of the videos, copied to the cards of the footage and its heads


@dataclass(frozen=True)
class Train(Job):
    """Train a head on a footage folder, or go on with a trained one; continues from the last checkpoint in `work`."""

    footage: str = field(metadata=POSITIONAL)  # the footage folder
    out: str = field(metadata=writes(".head"))  # the .head file to write
    work: str = field(
        default="", metadata=writes(FOLDER)
    )  # folder for checkpoints and preview pictures; empty: next to `out`
    preset: str = field(default="cpu", metadata=PRESET)  # the training settings to start from
    seed: int = 0  # seed of the random numbers
    fusion: str = field(default="", metadata=FUSION)  # how audio and position are fused; empty: the preset's
    density: str = field(default="", metadata=STRATEGY)  # density control of the Gaussians; empty: the preset's
    encoder: str = field(default="", metadata=ENCODER)  # audio encoder; empty: the preset's
    blend: str = field(default="", metadata=BLEND)  # of splats: sRGB codes or, as Blender, light; empty: the preset's
    steps: int = 0  # optimisation steps on pictures; the stages keep their shares; 0: the preset's
    budget: int = 0  # most Gaussians; 0: the preset's
    set: tuple[str, ...] = ()  # any other settings as name=value, such as density.tau=1e-4 mouth_gain=6
    device: str = "auto"  # cpu, cuda (needs gsplat), or auto: cuda where it works
    tensorboard: bool = False  # also write TensorBoard event files to the work folder
    resume_from: str = ""  # a trained .head to go on from, with `steps` full-size pictures; empty: from the start


@dataclass(frozen=True)
class MakeRig(Job):
    """Make a head's rig, the few channels that move it, and store it in the head's file; all else of the head stays."""

    head: str = field(metadata=POSITIONAL)  # the .head file
    out: str = field(default="", metadata=writes(".head"))  # another .head file to write; empty: `head` itself
    bound: float = RIG_BOUND  # mm that the channels may be off (RMS of the Gaussians' positions) on unheard speech
    voices: tuple[str, ...] = ()  # more recordings of speech to make it from, such as the person's own


@dataclass(frozen=True)
class Adapt(Job):
    """Give a trained head the audio net of any voice, without new footage: its mouth then follows speakers that it was
    not trained on. Gaussians and rig stay; performances and bakes are to be made again."""

    head: str = field(metadata=POSITIONAL)  # the .head file
    out: str = field(default="", metadata=writes(".head"))  # another .head file to write; empty: `head` itself
    own_voice: tuple[str, ...] = ()  # recordings of the person's own voice, such as the videos that it was trained on
    voices: tuple[str, ...] = ()  # recordings of other people's speech, besides the package's own
    seed: int = 0  # seed of the random numbers


@dataclass(frozen=True)
class ExportRig(Job):
    """Write a head's rig for other programs: as plain arrays (.npz) or USD blend shapes (.usdc), and the curves that
    play a bake by it (.csv)."""

    head: str = field(metadata=POSITIONAL)  # the .head file
    out: str = field(
        default="", metadata=writes(".npz")
    )  # file for the rig: the head at rest and what each channel moves
    bake: str = ""  # a .bake of this head, for `curves` and to animate `usd`
    curves: str = field(
        default="", metadata=writes(".csv")
    )  # file for the curves: a row a frame, a column a channel, mm
    usd: str = field(
        default="", metadata=writes(".usdc")
    )  # file for the rig as USD points with a blend shape a channel; positions alone, which is all that these can move


@dataclass(frozen=True)
class MakeProxy(Job):
    """Make a closed mesh of a few thousand faces that stands where the head is at rest: for shadows and collisions."""

    head: str = field(metadata=POSITIONAL)  # the .head file
    out: str = field(metadata=writes(".ply"))  # the .ply file to write, in metres, Z up
    spacing: float = 9.0  # mm between vertices, half as much in the face; 3 to 40


@dataclass(frozen=True)
class Evaluate(Job):
    """Measure a head on the test clips of its footage: pictures, landmarks, lips, silence, recovery of a delay."""

    head: str = field(metadata=POSITIONAL)  # the .head file
    footage: str = field(metadata=POSITIONAL)  # the footage folder
    out: str = field(
        default="", metadata=writes(".json")
    )  # JSON file to write the metrics to; tables are written next to it as .md
    video: str = field(
        default="", metadata=writes(".mp4")
    )  # mp4 to write: target, head and static baseline side by side, with the sound
    strip: str = field(default="", metadata=writes(".png"))  # PNG to write: frames of one clip
    words: str = ""  # folder of word timings, CLIP.align as in GRID, for the lips' closure at p, b and m
    clips: int = 0  # most test clips, evenly chosen; 0: all
    voices: str = ""  # folder of other voices, GROUP/NAME.flac with its phones in NAME.TextGrid, for the lips on those


@dataclass(frozen=True)
class Convert(Job):
    """Convert a footage folder to a TalkingGaussian / ER-NeRF dataset, or such a dataset to footage."""

    source: str = field(metadata=POSITIONAL)  # the footage folder or the dataset folder; its content decides
    out: str = field(metadata=writes(FOLDER))  # the folder to write or to continue
    torso: bool = False  # from a dataset: keep neck and torso in the pictures


@dataclass(frozen=True)
class ImportHead(Job):
    """Make a head of another program's Gaussians: PLY, SPZ, SOG, .splat, .ksplat, USD, LAM, or a checkpoint."""

    source: str = field(metadata=POSITIONAL)  # the file, or the folder of a LAM avatar or of GaussianTalker
    out: str = field(metadata=writes(".head"))  # the .head file to write
    name: str = ""  # name of the head; empty: the file's
    axes: str = ""  # of splats: blender (Z up), rdf (Y down, Z forward), rub (Y up, Z back); empty: as the file says


@dataclass(frozen=True)
class Info(Job):
    """Print what a file holds, one `name: value` per line."""

    file: str = field(metadata=POSITIONAL)  # a head, bake, performance, PLY or checkpoint file, or a footage folder

# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs: one frozen dataclass each. A setting is declared here once and becomes the shell's flag (the comment on its
line is the flag's help), the panel's default and the worker's message.

A field's metadata says which fields name what the job writes (outputs.py), and what only the shell needs: POSITIONAL,
HIDDEN, OPTIONAL_TEXT, or the registry whose names it takes.
"""

from dataclasses import dataclass, field

from ..formats import Camera
from ..performance import Controls, PoseChange
from .outputs import FOLDER, writes

POSITIONAL = {"positional": True}  # written without its name
HIDDEN = {"hidden": True}  # only programs set it
OPTIONAL_TEXT = {"shell_default": ""}  # in a shell it may be left out; in Python its place among the fields is kept


def names_from(registry: str) -> dict[str, str]:
    """Metadata of a field whose value is a name in `registry`, "package.module:DICTIONARY" below core."""
    return {"registry": registry}


FUSION = names_from("deformation.fusion:FUSIONS")
STRATEGY = names_from("training.density:STRATEGIES")
ENCODER = names_from("audio.encoders:ENCODERS")
BLEND = names_from("formats.blending:BLENDS")
PRESET = names_from("training.training_settings:PRESETS")
EXR_LAYOUT = names_from("interchange.exr:EXR_LAYOUTS")
EXR_COMPRESSION = names_from("interchange.exr:EXR_COMPRESSIONS")
COLOUR_SPACE = names_from("interchange.colour:COLOUR_SPACES")
PASSES = names_from("baking.passes:PASSES")
SUPERSAMPLING = names_from("baking.render_sampling:SUPERSAMPLING")
PIXEL_FILTER = names_from("raster.pixel_filter:PIXEL_FILTERS")
EXPORTER = names_from("exporting.exporters:EXPORTERS")

DEVICES = ("auto", "cpu", "cuda")  # what a job that can use a GPU takes
# mm; not in the paper: chosen because in a portrait of 512 pixels it is a sixth of a pixel, and speech then takes about
# sixteen channels, which an animator can oversee.
RIG_BOUND = 0.1
DEFAULT_PASSES = ("beauty", "depth", "depth_median")  # of a render: what 0.1.0 wrote


@dataclass(frozen=True)
class Job:
    """A request. Subclasses are frozen dataclasses whose fields are JSON values, dataclasses, or tuples of them."""


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
class Bake(Job):
    """Evaluate a head at every frame of a shot and store the frames (a .bake file); continues an unfinished bake."""

    head: str  # the .head file
    audio: str = field(metadata=OPTIONAL_TEXT)  # the sound, an audio or video file; empty: none, the head rests
    out: str = field(metadata=writes(".bake"))  # the .bake file to write or to continue
    fps: str = "24"  # frames per second of the shot, such as 24, 24000/1001 or 23.976
    frame_start: int = 1  # number of the first frame
    frame_count: int = 0  # number of frames; 0: until the sound ends; without one, as far as `frames` reaches
    offset: float = 0.0  # seconds from the first frame to the start of the sound
    controls: Controls = field(default_factory=Controls)
    # Keyframed controls, one a frame; empty: `controls`.
    controls_per_frame: tuple[Controls, ...] = field(default=(), metadata=HIDDEN)
    track: int = 0  # sound track to listen to, from 1; 0: automatic, the first that is not silent
    channel: str = ""  # mix, left, right or a number from 1; empty: the mix, unless its channels cancel out
    reuse: str = ""  # an older bake, whose frames are taken over where they show the same
    frames: str = ""  # frames of the shot to bake now, such as 1-10x2,20; empty: all
    # Further sounds of the shot, files like `audio`; and, one a frame, which is heard: 0 is `audio`, 1 the first of
    # these. `offset` is of every sound; `Controls.delay` says where in its own sound a frame is.
    more_audio: tuple[str, ...] = field(default=(), metadata=HIDDEN)
    audio_per_frame: tuple[int, ...] = field(default=(), metadata=HIDDEN)
    pose_change: PoseChange = field(default_factory=PoseChange, metadata=HIDDEN)  # what curves add to the rig's pose
    words: str = ""  # a TextGrid of the sound's words and phones, which sharpen the lips; empty: the sound alone
    more_words: tuple[str, ...] = field(default=(), metadata=HIDDEN)  # those of `more_audio`, one each; (): none

    @property
    def sounds(self) -> tuple[str, ...]:
        """The files of all its sounds, in the order that `audio_per_frame` counts; () for a shot without a sound."""
        return (self.audio, *self.more_audio) if self.audio or self.more_audio else ()

    @property
    def words_of_sounds(self) -> tuple[str, ...]:
        """The file of words of each of `sounds`, "" for none."""
        return (self.words, *(self.more_words or [""] * len(self.more_audio)))[: len(self.sounds)]


@dataclass(frozen=True)
class Render(Job):
    """Render a bake to an image sequence: PNG previews, EXR, and an mp4 with the sound."""

    bake: str = field(metadata=POSITIONAL)  # the .bake file
    out: str = field(metadata=writes(FOLDER))  # the folder for the images; tokens as in `name`
    size: int = 512  # height and width in pixels of the head's own view
    # One for the whole shot, or one a frame; empty: the head's own view.
    cameras: tuple[Camera, ...] = field(default=(), metadata=HIDDEN)
    # 4x4, row by row: head space -> the scene's world, as Blender's matrix_world of the head. One for the whole shot,
    # or one a frame, as `cameras` are; empty: they are the same. Only the camera in the EXR headers depends on it.
    head_to_world: tuple[tuple[tuple[float, ...], ...], ...] = field(default=(), metadata=HIDDEN)
    # Of these two: whether they are also of the frames directly before and after those that are rendered, which Vector
    # shows the motion from and to. Else the camera holds still beyond the first and the last that are known.
    with_neighbours: bool = field(default=False, metadata=HIDDEN)
    first: int | None = None  # number of the first frame to render; None: the shot's first
    last: int | None = None  # number of the last frame to render; None: the shot's last
    png: bool = True  # write PNG previews
    exr: bool = True  # write EXR files
    passes: tuple[str, ...] = field(default=DEFAULT_PASSES, metadata=PASSES)  # what the EXR files hold
    exr_layout: str = field(default="blender", metadata=EXR_LAYOUT)  # naming of the EXR's parts and channels
    space: str = field(default="lin_rec709_scene", metadata=COLOUR_SPACE)  # colour space of the EXR files
    # A pass with one channel for NAME.depth.0001.exr, which any program reads as a grey picture. Blender's compositor
    # needs it so: a file of layers that is missing for one frame takes its layers' sockets, and their links, away.
    depth_file: str = field(default="", metadata=HIDDEN)
    # (left, top, right, bottom) in pixels, the last two excluded: the rest of each picture stays empty; (): all of it.
    region: tuple[int, ...] = field(default=(), metadata=HIDDEN)
    movie: bool = True  # write an mp4 with the sound, of two frames or more
    audio: str = ""  # sound file for the mp4; empty: the sound of the bake
    # What an edited sequencer plays, for the mp4 in place of `audio`: sound files with one track and channel, and for
    # each frame of the shot (which file, second of it at the frame's start, at its end, volume); () is silence.
    sounds: tuple[str, ...] = field(default=(), metadata=HIDDEN)
    sound_per_frame: tuple[tuple[float, ...], ...] = field(default=(), metadata=HIDDEN)
    frames: str = ""  # frames to render, such as 1-10x2,20; empty: from the first to the last
    name: str = ""  # NAME of the files, such as {shot}_{head}_v###.####; empty: the bake's
    device: str = "auto"  # cpu, cuda (needs gsplat), or auto: cuda where it works
    version: int = 0  # for v### in `name` or `out`; 0: the newest where it is of this render, else the next
    tokens: tuple[str, ...] = ()  # values of tokens in `name` and `out` as token=value, such as shot=sh010 camera=wide
    exr_compression: str = field(default="zip", metadata=EXR_COMPRESSION)  # of the EXR files; dwaa: of colours alone
    full_float: bool = False  # colours of the EXR files as 32-bit floats instead of 16; data is always 32-bit
    publish: bool = False  # write NAME.publish.json: every file with its sha256, and what they were made of
    supersampling: str = field(default="auto", metadata=SUPERSAMPLING)  # samples a pixel and side; auto: by head size
    pixel_filter: str = field(default="box", metadata=PIXEL_FILTER)  # how samples become a pixel, as in Cycles
    filter_width: float = 1.5  # of the pixel filter in pixels, as in Cycles; a box is one pixel wide


@dataclass(frozen=True)
class Do(Job):
    """Bake and render frames of an exported job, beside any number of others that do the same: each frame is done once.
    Who finds all frames done puts them together."""

    job: str = field(metadata=POSITIONAL)  # the .job.json file
    first: int | None = None  # number of the first frame to do; None: the shot's first
    last: int | None = None  # number of the last frame to do; None: the shot's last
    out: str = field(default="", metadata=writes(FOLDER))  # folder for bake and pictures; empty: beside the job file
    device: str = ""  # cpu, cuda or auto; empty: as the job says
    patience: float = 60.0  # seconds without a sign of life, after which another's frame is done again


@dataclass(frozen=True)
class Warm(Job):
    """Compile what bakes and renders need, so that the first frame on this machine does not wait for it."""


@dataclass(frozen=True)
class Export(Job):
    """Write a bake's shot for other programs, a file a frame or one for all; continues what it finds in `out`."""

    bake: str = field(metadata=POSITIONAL)  # the .bake file
    out: str = field(metadata=writes(FOLDER))  # the folder for the files, NAME.0001.ply or NAME.usdc
    format: str = field(default="ply", metadata=EXPORTER)  # file format
    axes: str = ""  # blender (Z up), rdf (X right, Y down, Z forward) or rub (Y up, Z back); empty: the format's own
    first: int | None = None  # number of the first frame to export; None: the shot's first
    last: int | None = None  # number of the last frame to export; None: the shot's last
    name: str = ""  # NAME of the files; empty: the bake's
    frames: str = ""  # frames to export, such as 1-10x2,20; empty: from the first to the last
    more_bakes: tuple[str, ...] = ()  # bakes of further heads for the same file (usd)
    half: bool = False  # numbers of 16 bits instead of 32: half the size, positions to a tenth of a millimetre (usd)
    clip: int = 0  # frames a file, as value clips of USD, so that a long shot can be continued; 0: one file (usd)
    head_names: tuple[str, ...] = ()  # names of the heads in the file, one a bake; empty: their own (usd)
    # For each bake, 4x4 row by row: head space -> the scene's world, one for the whole shot or one a frame.
    head_to_world: tuple[tuple[tuple[tuple[float, ...], ...], ...], ...] = field(default=(), metadata=HIDDEN)
    # What an edited sequencer plays, in place of the bakes' own sounds: the files, and for each bake a row a frame as
    # `Render.sound_per_frame` has them; () where the bake's own sound is heard.
    sounds: tuple[str, ...] = field(default=(), metadata=HIDDEN)
    sound_per_frame: tuple[tuple[tuple[float, ...], ...], ...] = field(default=(), metadata=HIDDEN)
    # The scene's camera as it sees the head of `bake`: one for the whole shot, or one a frame.
    cameras: tuple[Camera, ...] = field(default=(), metadata=HIDDEN)


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

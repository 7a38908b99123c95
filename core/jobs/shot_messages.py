# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of a shot, one frozen dataclass each: bake it, render it, let many machines do both, export it. A setting is
declared here once, as messages.py says."""

from dataclasses import dataclass, field

from ..formats import Camera
from ..performance import Controls, PoseChange
from .job_fields import (
    COLOUR_SPACE,
    ENGINE,
    EXPORTER,
    EXR_COMPRESSION,
    EXR_LAYOUT,
    HIDDEN,
    MOVIE_FORMAT,
    OPTIONAL_TEXT,
    PASSES,
    PIXEL_FILTER,
    POSITIONAL,
    SHUTTER_POSITION,
    SUPERSAMPLING,
    Job,
)
from .outputs import FOLDER, writes

DEFAULT_PASSES = ("beauty", "depth", "depth_median")  # of a render: what 0.1.0 wrote


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
    # Of a region: whether EXR files hold it alone, as their data window. Blender takes that for the whole picture.
    data_window: bool = field(default=False, metadata=HIDDEN)
    overscan: float = 0.0  # per cent of width and height that EXR files hold beyond each edge of the picture
    more_bakes: tuple[str, ...] = ()  # bakes of further heads, drawn into the same pictures
    places: tuple[str, ...] = ()  # one a head, x,y,z,turn such as 0.3,0,0,-20 (metres, degrees); empty: where it is
    head_names: tuple[str, ...] = ()  # what Cryptomatte calls the heads, one a bake; empty: as their files
    # For each of `more_bakes`, what `head_to_world` is for the first.
    more_head_to_world: tuple[tuple[tuple[tuple[float, ...], ...], ...], ...] = field(default=(), metadata=HIDDEN)
    movie_format: str = field(default="mp4", metadata=MOVIE_FORMAT)  # of the movie
    wav: bool = False  # write the sound as a Broadcast Wave file with the time code of the pictures
    motion_blur: bool = False  # average sub-frames over the time that the shutter is open, in linear light
    shutter: float = 0.5  # how long the shutter is open, in frames: 0.5 is 180 degrees
    shutter_position: str = field(default="center", metadata=SHUTTER_POSITION)  # when it is open around the frame
    motion_samples: int = 0  # sub-frames of a frame; 0: as many as the fastest motion in the picture asks for, up to 64
    # How far the shutter is open, evenly from its opening to its closing, as Blender's curve; (): all the time wholly.
    shutter_curve: tuple[float, ...] = field(default=(), metadata=HIDDEN)
    # For each frame, of `frames` or of the shot, the cameras when the shutter opens, is half through and closes; () for
    # a frame whose view stays. Without any, the cameras of the frames beside say how it moves.
    shutter_cameras: tuple[tuple[Camera, ...], ...] = field(default=(), metadata=HIDDEN)
    holdout: str = ""  # EXR sequence of the depth of what hides the head where it is nearer, such as cg/depth.####.exr
    ocio: str = ""  # OpenColorIO configuration, for `space` as ocio:NAME and for `view`; empty: the variable OCIO
    view: str = ""  # view of the configuration for previews and movie, such as AgX; empty: sRGB codes as trained
    display: str = ""  # of the view; empty: the configuration's first
    exposure: float = 0.0  # of the view, stops
    nuke_script: bool = False  # write NAME.nk: nodes for Nuke with the files, their passes and the camera


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
class Shots(Job):
    """Bake and render many shots over the cores of this machine or over a Ray cluster; continues what it finds."""

    shots: str = field(metadata=POSITIONAL)  # a folder of .job.json files, or a table (.csv) with a row a shot
    out: str = field(default="", metadata=writes(FOLDER))  # folder for a table's jobs; empty: beside it, as it is named
    engine: str = field(default="local", metadata=ENGINE)  # who runs the processes
    cores: int = 2  # of each process
    workers: int = 0  # processes at a time on this machine; 0: as many as its cores allow
    address: str = ""  # of a Ray cluster, HOST:PORT or auto; empty: this machine alone
    chunk: int = 0  # frames that a process does in one go; 0: by the number of frames and processes
    device: str = ""  # cpu, cuda or auto; empty: as each shot says
    patience: float = 60.0  # seconds without a sign of life, after which another's frame is done again
    check: bool = False  # look at all shots, and do none


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

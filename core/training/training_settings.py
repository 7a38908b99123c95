# SPDX-License-Identifier: GPL-3.0-or-later
"""Every number of training, once, with its source. A preset is one instance; its name is the job's `preset`.

TG = TalkingGaussian (its published training script), 3DGS = Kerbl et al. 2023. Other sources are on the line;
"ours" means: not in the paper: chosen because of what follows it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from ..formats import UserError
from .density import DensitySettings


@dataclass(frozen=True)
class AudioNetSettings:
    """Stage 0: the audio code learns to predict the mouth's geometry before it sees a picture (ours: a CPU cannot
    afford the 50,000 steps in which it would learn it from pictures alone, and every clip helps, pictured or not)."""

    steps: int = 600
    batch: int = 96  # moments
    rate: float = 2e-3
    weight_decay: float = 1e-2
    jitter: float = 0.02  # seconds, sigma of a shift common to the window
    noise: float = 0.3  # sigma of noise on normalised features
    held_back: float = 0.15  # share of train clips that choose the moment to stop
    every: int = 50  # steps between two measurements on them


NEUTRAL = ("cache_mb", "ahead", "preview_every", "checkpoint_every")  # the same head, whatever they are
RENAMED = {  # settings of 0.1.0 -> their names now
    "ear": "audio_net",
    "rate_ear": "rate_audio_net",
    "quiet_pictures": "silence_pictures",
    "quiet_moments": "silence_moments",
}
LATER = {
    "blend": "display",
    "antialiased": False,
}  # settings that came later -> what checkpoints without them were trained with


@dataclass(frozen=True)
class TrainingSettings:
    """All settings of a run; `density` and `audio_net` are groups of their own. Steps are picture steps."""

    # what is built
    # core/audio ENCODERS. Ours: what was learnt from many speakers is not to be learnt again from the footage
    encoder: str = "mouth_shapes"
    fusion: str = "gated"  # core/deformation FUSIONS; the paper's Multimodal Gated Fusion
    sh_degree: int = 1  # 3DGS 3, TG 2; ours: a head file of a few MB
    face_points: int = 16_000  # at the start; ours
    mouth_points: int = 3_000
    face_finest: float = 96.0  # TG 38.4; ours: lips part along a line a millimetre wide
    mouth_base: float = 16.0  # TG 64 over a cube three times as large
    mouth_finest: float = 48.0  # TG 57.6
    blend: str = "display"  # of BLENDS; 3DGS and TG blend sRGB codes; ours: "linear" is what Blender shows unchanged
    # opacities make up for the raster's low-pass (Mip-Splatting, CVPR 2024), so that the head is right at every size;
    antialiased: bool = False  # 3DGS and TG: no
    # pictures
    height: int = 192  # pixels: full pictures are made about this small
    window: int = 160  # pixels a side: parts of the full-size picture
    windows: float = 0.5  # share of steps that see a window
    cache_mb: int = 1000  # of decoded pictures, all sizes together
    ahead: int = 3  # pictures that a second thread decodes meanwhile; 0: none
    preview_every: float = 120.0  # seconds
    checkpoint_every: int = 500  # steps
    seed: int = 0
    # which pictures (picture_sampler.py)
    static_alike: float = 0.5  # share of static's pictures whose mouth is the canonical one (TG: all of the
    # mouth's first 3,000 at the 95th percentile of AU25 and above; ours: half, the skin around it needs all)
    gap_every: int = 7  # steps of move between two by the sliding window over the lip gap (TG, mouth); 0: none
    blink_every: int = 15  # the same over the blink (TG, face); 0: none
    slide: float = 0.1  # width of both windows, of the range; TG's is not known to us
    # silence means a mouth at rest (silence_samples.py)
    silence_pictures: float = 0.04  # share of picture steps that hear silence; ours
    silence_moments: float = 0.1  # the same of moments in audio net, motion and landmark terms; ours
    # what moves
    below_chin: float = 0.02  # metres below the chin where the face field ends, so that neck and torso rest; ours
    # stages, in steps
    audio_net: AudioNetSettings = field(default_factory=AudioNetSettings)
    motion_steps: int = 800  # the fields follow the tracked landmarks, no pictures (ours, see `landmark_loss.py`)
    static_steps: int = 400  # canonical only (TG 3,000 of 50,000)
    move_steps: int = 10_000  # canonical and fields together (TG 50,000)
    fuse_steps: int = 1000  # full-size pictures; geometry all but rests (TG 10,000)
    fuse_geometry: float = 0.1  # of its last learning rate (TG 0)
    fuse_appearance: float = 0.2  # of colours' and opacities' rates
    average: float = (
        0.8  # share of fuse, its end, whose parameters' mean is the head (weight_average.py); 0: the last step's
    )
    # learning rates
    rate_means: float = 1.6e-4  # 3DGS, times `extent`, falls to `rate_means_end` of itself
    rate_means_end: float = 0.05  # 3DGS 0.01
    extent: float = 0.2  # metres, a head's radius
    rate_quats: float = 1e-3  # 3DGS
    rate_scales: float = 5e-3  # 3DGS
    rate_opacities: float = 0.05  # 3DGS
    rate_sh0: float = 2.5e-3  # 3DGS; higher bands 1/20 of it
    rate_grid: float = 5e-3  # TG
    rate_net: float = 5e-4  # TG, the fields' MLPs
    rate_audio_net: float = 1e-4  # TG 5e-4; ours: it has learned already
    rate_field_end: float = 0.1  # TG 0.05 at the end
    # losses
    dssim: float = 0.2  # 3DGS
    mouth_gain: float = 4.0  # ours: a pixel of the mouth's box counts as so many
    offset_weight: float = 1e-5  # TG
    alpha_weight: float = 0.05  # TG 1e-3; ours: a clean silhouette
    label_weight: float = 0.2  # ours: each branch shows where its label is (TG trains each on its own masked pictures)
    landmark_weight: float = 0.02  # ours, a millimetre
    landmark_every: int = 2
    landmark_batch: int = 8  # moments
    torso_gain: float = 1.0  # a pixel below the chin counts as so many; ours: shoulders move on their own, the head's
    # Gaussians cannot follow, and must not be spent on trying
    # bounds of a Gaussian (ours: needles and haze are what a head shows first)
    smallest: float = 1.5e-4  # metres, sigma
    largest: float = 1.2e-2
    ratio: float = 8.0  # longest sigma over shortest
    reach: float = 0.0  # metres from the first surface, along the head's depth (front_surface.py); 0: free; ours
    # density
    density: DensitySettings = field(default_factory=DensitySettings)
    mouth_share: float = 0.2  # of the budget

    @property
    def total(self) -> int:
        """Picture steps."""
        return self.static_steps + self.move_steps + self.fuse_steps

    def to_dict(self) -> dict:
        """JSON-ready, for the head's card."""
        return asdict(self)

    def fingerprint(self) -> dict:
        """What a checkpoint compares, as JSON gives it back: everything that changes the result."""
        values = {name: value for name, value in asdict(self).items() if name not in NEUTRAL}
        return json.loads(json.dumps(values))


CPU = TrainingSettings(density=DensitySettings(start=400, stop=6000, every=100, budget=36_000))
SMOKE = TrainingSettings(
    encoder="logmel",
    face_points=900,
    mouth_points=150,
    height=64,
    window=48,
    preview_every=1e9,
    checkpoint_every=50,
    audio_net=AudioNetSettings(steps=200, batch=32, every=50),
    motion_steps=150,
    static_steps=60,
    move_steps=150,
    fuse_steps=30,
    density=DensitySettings(start=20, stop=150, every=20, budget=1500),
)
# One camera, real footage, a face of about 100 of 256 pixels: full pictures at full size, smaller windows. Views are
# narrow, so depth is held near the first surface; poses are noisy and renders are larger than the footage, so fewer
# and rounder Gaussians, none finer than a third of a pixel (1.4 mm).
PORTRAIT = TrainingSettings(
    height=256,
    window=96,
    windows=0.6,
    face_points=14_000,
    mouth_points=2_000,
    motion_steps=1000,
    static_steps=600,
    move_steps=10_000,
    fuse_steps=1400,
    torso_gain=0.3,
    reach=0.008,
    smallest=4e-4,
    largest=1.5e-2,
    ratio=6.0,
    density=DensitySettings(start=600, stop=6500, every=100, budget=24_000),
)
PRESETS: dict[str, TrainingSettings] = {"cpu": CPU, "portrait": PORTRAIT, "smoke": SMOKE}


def preset(name: str, seed: int = 0) -> TrainingSettings:
    """The settings of a preset. Raises UserError for an unknown name."""
    if name not in PRESETS:
        raise UserError(f"training preset {name!r} is unknown; choose {', '.join(PRESETS)}.")
    return replace(PRESETS[name], seed=seed)


def current_name(name: str) -> str:
    """A setting's name now, from its name in 0.1.0 or now; dots join nested ones."""
    first, dot, rest = name.partition(".")
    return RENAMED.get(first, first) + dot + rest


def current_settings(fingerprint: Mapping) -> dict:
    """A checkpoint's fingerprint under the names that settings have now."""
    return LATER | {current_name(name): value for name, value in fingerprint.items()}

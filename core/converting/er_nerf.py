# SPDX-License-Identifier: GPL-3.0-or-later
"""What the TalkingGaussian / ER-NeRF dataset folder means in our words: cameras, colours of the masks, action units.
Pure arithmetic; it opens no file (er_nerf_files.py), makes no footage (er_nerf_read.py, er_nerf_write.py).

    aud.wav au.csv bc.jpg  transforms_train.json transforms_val.json
    gt_imgs/0.jpg  ori_imgs/0.jpg 0.lms  parsing/0.png  teeth_mask/0.npy  torso_imgs/0.png

Their space: the 3DMM's, right-handed, Y up, the face looks along +Z. Their cameras: camera to world, OpenGL axes (Y up,
looks along -Z). Ours: head space, Z up, the face looks along -Y, metres; viewmat maps it to OpenCV axes.

Letters: F pictures, R rows of au.csv, E expression channels, u metres a unit of theirs.
"""

import numpy as np

from ..footage import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH

RATE = 25  # pictures a second; the layout knows no other
SAMPLES = 640  # of 16 kHz sound a picture
TO_OURS = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # (x, y, z) -> (x, -z, y): +90 degrees about X
FLIP = np.diag([1.0, -1, -1])  # OpenGL axes <-> OpenCV axes
EYE_CORNERS = (36, 45)  # outer corners of the eyes
HUMAN = 0.09  # metres between them in a grown-up

# Colours of parsing/*.png; hair belongs to the head, neck and torso to the picture behind it.
PARTS = {
    "face": (0, 0, 255),
    "mouth": (100, 100, 100),
    "hair": (0, 0, 0),
    "neck": (0, 255, 0),
    "torso": (255, 0, 0),
    "background": (255, 255, 255),
}
MOUTH_SLACK = 8  # grey levels
HEAD = ("face", "mouth", "hair")

# expression channel -> (OpenFace's action units, whose mean it is, and the intensity that counts as 1). AU45 over 2 is
# what ER-NeRF feeds its network; the others: chosen because talkers seldom pass 3 on OpenFace's scale of 0..5. AU25
# and AU26 (the mouth) are not among them: the sound moves the mouth.
CHANNELS = {
    "blink": (("AU45_r",), 2.0),
    "brow_inner_up": (("AU01_r",), 3.0),
    "brow_outer_up": (("AU02_r",), 3.0),
    "brow_down": (("AU04_r",), 3.0),
    "eye_wide": (("AU05_r",), 3.0),
    "squint": (("AU06_r", "AU07_r"), 3.0),
}
UNITS = tuple(sorted({unit for units, _ in CHANNELS.values() for unit in units}))
LIPS_PART = "AU25_r"
LIPS_WIDE = 0.5  # inner lip gap over the distance of the eye corners at which we write AU25 = 5


def viewmats_of(
    transforms: np.ndarray,  # [F,4,4] their camera to world
    unit: float,  # metres a unit of theirs
) -> np.ndarray:
    """[F,4,4] float64, head space in metres -> OpenCV camera."""
    world = np.linalg.inv(transforms)
    out = np.tile(np.eye(4), (len(transforms), 1, 1))
    out[:, :3, :3] = FLIP @ world[:, :3, :3] @ TO_OURS.T
    out[:, :3, 3] = unit * world[:, :3, 3] @ FLIP
    return out


def transforms_of(
    viewmats: np.ndarray,  # [F,4,4] head space in metres -> OpenCV camera, rigid
) -> np.ndarray:
    """[F,4,4] their camera to world; one unit is one metre, as in TalkingGaussian's and ER-NeRF's own sets."""
    world = np.tile(np.eye(4), (len(viewmats), 1, 1))
    world[:, :3, :3] = FLIP @ viewmats[:, :3, :3] @ TO_OURS
    world[:, :3, 3] = viewmats[:, :3, 3] @ FLIP
    return np.linalg.inv(world)


def rigid(matrices: np.ndarray) -> bool:
    """Whether every [4,4] is a rotation and a shift, to a thousandth."""
    turn = matrices[:, :3, :3]
    square = np.abs(turn @ turn.transpose(0, 2, 1) - np.eye(3)).max() < 1e-3
    return bool(square and (np.linalg.det(turn) > 0).all() and np.allclose(matrices[:, 3], [0, 0, 0, 1], atol=1e-6))


def metres_a_unit(
    landmarks: np.ndarray,  # [68,3] in their units
) -> float:
    """A power of ten: 1 for TalkingGaussian and ER-NeRF (tracked centimetres times ten, over ten), 0.1 for
    GaussianTalker, which keeps the tracker's own units.

    Not in the papers: chosen because these trackers all fit a face of human size, so that only the decimal point is
    open, and because a power of ten lets a set come back as it went. The distance of the eye corners decides.
    """
    distance = float(np.linalg.norm(landmarks[EYE_CORNERS[0]] - landmarks[EYE_CORNERS[1]]))
    return float(10.0 ** np.round(np.log10(HUMAN / distance)))


def label_of(
    parsing: np.ndarray,  # [H,W,3] uint8
    teeth: np.ndarray | None,  # [H,W] bool
    torso: bool,
) -> np.ndarray:
    """[H,W] uint8: 2 inside mouth = mouth or teeth, 1 the rest of the head (with neck and torso if asked), 0 else.

    A pixel belongs to the nearest of the colours (scaled parsings have mixed ones at their edges), but the mouth's
    grey must be met to MOUTH_SLACK, because hair over a white background mixes to grey too.
    """
    pixels = parsing.astype(np.int32)
    others = [name for name in PARTS if name != "mouth"]
    colours = np.array([PARTS[name] for name in others], dtype=np.int32)
    # |p - c|^2 without the |p|^2 that all share.
    nearest = ((colours**2).sum(1) - 2 * (pixels @ colours.T)).argmin(axis=-1)
    kept = (*HEAD, "neck", "torso") if torso else HEAD
    label = np.array([LABEL_FACE if name in kept else LABEL_BACKGROUND for name in others], np.uint8)[nearest]
    label[(np.abs(pixels - PARTS["mouth"]) <= MOUTH_SLACK).all(axis=-1)] = LABEL_MOUTH
    if teeth is not None:
        label[teeth] = LABEL_MOUTH
    return label


def parsing_of(
    label: np.ndarray,  # [H,W] 0 background, 1 face, 2 inside mouth
) -> np.ndarray:
    """[H,W,3] uint8; all of the head that is not mouth becomes face, because our labels do not tell hair apart."""
    table = np.array([PARTS["background"], PARTS["face"], PARTS["mouth"]], dtype=np.uint8)
    return table[label]


def expression_of(
    units: dict[str, np.ndarray],  # name -> [R] intensities 0..5
) -> np.ndarray:
    """[R,E] float32 0..1 in the order of CHANNELS."""
    columns = [np.mean([units[name] for name in names], axis=0) / most for names, most in CHANNELS.values()]
    return np.clip(np.stack(columns, axis=1), 0.0, 1.0).astype(np.float32)


def units_of(
    expression: np.ndarray,  # [F,E] 0..1
    names: tuple[str, ...],  # E
    landmarks2d: np.ndarray,  # [F,68,2] pixels
) -> dict[str, np.ndarray]:
    """Action units' intensities, each [F] 0..5: the inverse of `expression_of`, and AU25 from the inner lips' gap.

    Channels for the left and the right side are averaged (blink_left, blink_right -> blink). Channels that no unit
    stands for are dropped; units that no channel stands for are 0.
    """
    out = {}
    for channel, (units, most) in CHANNELS.items():
        ours = [i for i, name in enumerate(names) if name in (channel, f"{channel}_left", f"{channel}_right")]
        value = expression[:, ours].mean(axis=1) if ours else np.zeros(len(expression))
        out |= dict.fromkeys(units, np.clip(value * most, 0.0, 5.0))
    gap = np.linalg.norm(landmarks2d[:, 62] - landmarks2d[:, 66], axis=1)
    eyes = np.linalg.norm(landmarks2d[:, EYE_CORNERS[0]] - landmarks2d[:, EYE_CORNERS[1]], axis=1)
    out[LIPS_PART] = np.clip(5.0 * gap / (LIPS_WIDE * np.maximum(eyes, 1.0)), 0.0, 5.0)
    return out

# SPDX-License-Identifier: GPL-3.0-or-later
"""The `ExportRig` job: a rig as plain arrays and a bake as its curves, so that any program can play a head.

The .npz holds what `playing` below needs, in metres and linear sigma:
  means [N,3], quats [N,4] wxyz, scales [N,3], opacities [N], sh0 [N,3], shN [N,S,3]   the head at rest, Blender's axes
  channels [K]                                                                        their names
  means_moves [K,N,3]     metres for a millimetre of each channel
  gibbs_moves [K,N,3]     axis times tan(angle / 2), in the Gaussian's own axes
  scales_moves [K,N,3]    natural logarithm of the factor
float16 but for the head at rest, zero where a channel moves nothing. With the curves' row c [K]:
  means + c @ means_moves,  normalised(quats * (1, c @ gibbs_moves)),  scales * exp(c @ scales_moves)
The .csv has a row a frame: frame, seconds, then the channels in mm.
"""

from collections.abc import Generator
from pathlib import Path

import numpy as np

from ..formats import BakeReader, HeadFile, Rig, UserError, atomic_write, read_head, rig_of
from ..jobs import Event, ExportRig, Finished, Pace, Progress, Started
from ..performance import Frame, Replay, RigReplay

MILLIMETRE = 0.001


def export_rig(job: ExportRig) -> Generator[Event, None, None]:
    """Write what the job names. Raises UserError for a head without a rig and a bake of another head."""
    head = read_head(job.head)
    rig = rig_of(head)
    if rig is None:
        raise UserError(f"{job.head} has no rig; make one with `talksplat rig`.")
    if not (job.out or job.curves) or bool(job.curves) != bool(job.bake):
        raise UserError("name the file for the rig (--out), or a bake and the file for its curves (--bake, --curves).")
    if job.bake:
        _check_bake(job, head)
    replay = Replay(head)
    posed = RigReplay(head, replay, rig)
    yield Started(f"Exporting the rig of {head.card.name}", 0)
    result: dict = {}
    if job.out:
        with atomic_write(job.out) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **rig_arrays(replay, posed.frame(), rig))
        result["rig"] = str(Path(job.out).absolute())
    if job.curves:
        error = yield from _write_curves(job, posed)
        result |= {"curves": str(Path(job.curves).absolute()), "largest_error": f"{error:.2f} mm"}
    yield Finished(result)


def rig_arrays(replay: Replay, rest: Frame, rig: Rig) -> dict[str, np.ndarray]:
    """Name -> array, as at the top."""
    g, k, n = replay.canonical, len(rig.card.channels), len(rest.means)
    moves = np.zeros((3, k, n, 3), np.float16)
    for name, region in rig.regions.items():
        channels = np.array(rig.card.rows_of(name))[:, None]
        for part in region.branches.values():
            for number, columns in enumerate(np.split(part.moves, part.moves.shape[1] // 3, axis=1)):
                scale = MILLIMETRE if number == 0 else 1
                moves[number][channels, part.rows] = scale * columns.astype(np.float32).swapaxes(1, 2)
    still = {"opacities": g.opacities, "sh0": g.sh0, "shN": g.shN}
    names = np.array([channel.name for channel in rig.card.channels])
    moved = dict(zip(("means_moves", "gibbs_moves", "scales_moves"), moves))
    return {**rest._asdict(), **still, "channels": names, **moved}


def _check_bake(job: ExportRig, head: HeadFile) -> None:
    with BakeReader.open(job.bake) as bake:
        if bake.card.head_hash != head.card.content_hash:
            raise UserError(f"{job.bake} is the bake of another head; name a bake of {job.head}.")


def _write_curves(job: ExportRig, posed: RigReplay) -> Generator[Progress, None, float]:
    """Returns the largest distance between a Gaussian of the bake and of the curves, mm."""
    out, largest = posed.frame(), 0.0
    with BakeReader.open(job.bake) as bake:
        pace, rows = Pace(len(bake.frames)), []
        for number in bake.frames:
            frame = Frame(*bake.frame(number))
            pose = posed.pose_in(frame)
            gap = np.linalg.norm(posed.posed(pose, out).means - frame.means, axis=1).max()
            largest = max(largest, float(gap) / MILLIMETRE)
            seconds = float((number - bake.card.frame_start) / bake.card.fps)
            rows.append(",".join([str(number), f"{seconds:.6f}", *(f"{value:.5f}" for value in pose)]))
            yield pace.at(pace.done + 1, f"frame {number}")
    names = [channel.name for channel in posed.channels]
    with atomic_write(job.curves) as temporary:
        temporary.write_text("\n".join([",".join(["frame", "seconds", *names]), *rows, ""]), encoding="utf-8")
    return largest

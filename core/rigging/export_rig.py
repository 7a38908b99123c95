# SPDX-License-Identifier: GPL-3.0-or-later
"""The `ExportRig` job: a rig as plain arrays and a bake as its curves, so that any program can play a head. As USD:
rig_usd.py.

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
from .rig_usd import MILLIMETRE, Curves, write_rig_usd


def export_rig(job: ExportRig) -> Generator[Event, None, None]:
    """Write what the job names. Raises UserError for a head without a rig and a bake of another head."""
    head = read_head(job.head)
    rig = rig_of(head)
    if rig is None:
        raise UserError(f"{job.head} has no rig; make one with `talksplat rig`.")
    if not (job.out or job.curves or job.usd) or (job.curves and not job.bake):
        raise UserError(
            "name the file for the rig (--out or --usd), or a bake and the file for its curves (--bake, --curves)."
        )
    if job.bake and not (job.curves or job.usd):
        raise UserError("name the file for the bake's curves (--curves or --usd), or leave out the bake.")
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
    curves = None
    if job.bake:
        curves, error = yield from _curves_of(job, posed)
        result["largest_error"] = f"{error:.2f} mm"
    if job.curves and curves:
        _write_csv(job, posed, curves)
        result["curves"] = str(Path(job.curves).absolute())
    if job.usd:
        write_rig_usd(Path(job.usd), replay, posed, curves)
        result["usd"] = str(Path(job.usd).absolute())
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


def _curves_of(job: ExportRig, posed: RigReplay) -> Generator[Progress, None, tuple[Curves, float]]:
    """The pose at each frame of the bake, and the largest distance of a Gaussian from its place in the bake, mm."""
    out, largest, poses = posed.frame(), 0.0, {}
    with BakeReader.open(job.bake) as bake:
        pace = Pace(len(bake.frames))
        for number in bake.frames:
            frame = Frame(*bake.frame(number))
            poses[number] = posed.pose_in(frame)
            gap = np.linalg.norm(posed.posed(poses[number], out).means - frame.means, axis=1).max()
            largest = max(largest, float(gap) / MILLIMETRE)
            yield pace.at(pace.done + 1, f"frame {number}")
        return Curves(bake.card.fps, bake.card.frame_start, poses), largest


def _write_csv(job: ExportRig, posed: RigReplay, curves: Curves) -> None:
    rows = [",".join(["frame", "seconds", *(channel.name for channel in posed.channels)])]
    for number, pose in curves.poses.items():
        seconds = float((number - curves.start) / curves.rate)
        rows.append(",".join([str(number), f"{seconds:.6f}", *(f"{value:.5f}" for value in pose)]))
    with atomic_write(job.curves) as temporary:
        temporary.write_text("\n".join([*rows, ""]), encoding="utf-8")

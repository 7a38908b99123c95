# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads talksplat's own files and PLY: small real files of each kind, and what we do with them. Needs numpy alone.

A reader raises UserError for what it does not take, and gives finite values for what it takes.
"""

import gzip
import json
import random
import shutil
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from mutations import mutate_bytes

from talksplat.core.aligning.pronunciations import pronunciations
from talksplat.core.aligning.transcript import read_transcript
from talksplat.core.baking.farm.shot_table import read_table
from talksplat.core.baking.publish import is_published_as
from talksplat.core.formats import (
    BakeReader,
    BakeWriter,
    Camera,
    HeadFile,
    QuadMesh,
    Rig,
    RigCard,
    RigChannel,
    RigMoves,
    RigRegion,
    is_plain_script,
    read_head,
    read_ply,
    read_quad_mesh,
    read_tensors,
    read_words,
    rig_of,
    to_json,
    with_rig,
    write_head,
    write_ply,
    write_quad_mesh,
    write_tensors,
)
from talksplat.core.formats.records import HEADER, HEADER_BYTES, pack_record
from talksplat.core.importing import importer_of
from talksplat.core.importing.lam_avatar import read_lam_avatar
from talksplat.core.inspecting.describe import describe
from talksplat.core.jobs import Bake, JobFile, Render, read_job_file
from talksplat.core.performance import Condition, Controls, Replay, RigReplay, read_performance

OLD = Path(__file__).resolve().parents[1] / "fixtures" / "v0_1_0"
AVATAR = OLD.parent / "avatar" / "anna.zip"
CODES = (0.0, 1.0, -30.0, 1e6)  # audio codes; 1e6 is the most that a performance may hold
EXTREMES = (0.0, 1e38, -1e38, 1e-38, 1e-45, 3e4, -3e4, 3.4e38)


@dataclass(frozen=True)
class Reader:
    """What the fuzzer throws files at."""

    seeds: Callable[[Path], list[Path]]  # makes the real files (or folders) in an empty folder
    read: Callable[[Path], object]  # reads one of them
    short: int  # files in the short run
    # Makes a hostile file out of a real one; None: any of its bytes are mutated.
    craft: Callable[[Path, Path, random.Random], None] | None = None
    names_file: bool = True  # the sentences name the file; a message on the wire has none


def check_finite(arrays: Iterable[np.ndarray]) -> None:
    for array in arrays:
        assert np.isfinite(array).all(), "it holds NaN or infinite values"


def check_frame(means: np.ndarray, quats: np.ndarray, scales: np.ndarray) -> None:
    check_finite([means, quats, scales])
    assert (scales > 0).all(), "a Gaussian has no size"
    assert (np.abs(np.linalg.norm(quats, axis=1) - 1) < 1e-3).all(), "a quaternion is not unit"


def copied(*names: str) -> Callable[[Path], list[Path]]:
    return lambda folder: [Path(shutil.copy(OLD / name, folder)) for name in names]


def read_a_head(path: Path) -> None:
    head = read_head(path)
    replay = Replay(head)
    for value in CODES:
        codes = {k: np.full(width, value, np.float32) for k, width in head.card.audio_code.items()}
        expression = np.full(len(head.card.expression), min(value, 1.0), np.float32)
        check_frame(*replay.at(Condition(codes, expression)))


def craft_head(source: Path, target: Path, rng: random.Random) -> None:
    """A head with extreme values in some tensors and right checksums: only its numbers are hostile."""
    head = read_head(source)
    tensors = {name: array.copy() for name, array in head.tensors.items()}
    for name in rng.sample(sorted(tensors), rng.randint(1, 5)):
        if tensors[name].dtype.kind == "f" and tensors[name].size:
            values = tensors[name].reshape(-1)
            places = [rng.randrange(values.size) for _ in range(rng.choice((1, 10, values.size)))]
            values[places] = rng.choices(EXTREMES, k=len(places)) if rng.random() < 0.5 else rng.choice(EXTREMES)
    write_head(target, HeadFile(replace(head.card), tensors, str(target)))


def rigged_heads(folder: Path) -> list[Path]:
    """0.1.0's head with a rig of random moves."""
    head, rng = read_head(OLD / "tiny.head"), np.random.default_rng(0)
    channels = tuple(RigChannel(f"lower_detail_{i}", "lower", -1.0, 1.0) for i in range(3))
    moves, start = {}, 0
    for branch in head.card.branches:
        rows = np.arange(start, start + len(head.gaussians(branch).means), 2)
        moves[branch] = RigMoves(rows, rng.normal(size=(3, 9 if start == 0 else 3, len(rows))).astype(np.float16))
        start += len(head.gaussians(branch).means)
    region = RigRegion(np.array([0, 3, start - 1]), rng.normal(size=(3, 3, 9)).astype(np.float32), moves)
    rest = {branch: np.zeros(width, np.float32) for branch, width in head.card.audio_code.items()}
    write_head(folder / "rigged.head", with_rig(head, Rig(RigCard(channels, 0.1), rest, {"lower": region})))
    return [folder / "rigged.head"]


def read_a_rig(path: Path) -> None:
    head = read_head(path)
    rig = rig_of(head)
    describe(path)
    if rig is None:
        return
    replay = RigReplay(head, Replay(head), rig)
    for value in CODES:
        codes = {k: np.full(width, value, np.float32) for k, width in head.card.audio_code.items()}
        check_frame(*replay.at(Condition(codes, np.full(len(head.card.expression), min(value, 1.0), np.float32))))
    check_frame(*replay.posed(np.full(len(replay.channels), 1e30)))


def craft_rig(source: Path, target: Path, rng: random.Random) -> None:
    """A rig with extreme numbers, or rows of anything, and right checksums."""
    head = read_head(source)
    tensors = {name: array.copy() for name, array in head.tensors.items()}
    for name in rng.sample(sorted(name for name in tensors if name.startswith("rig.")), rng.randint(1, 3)):
        values = tensors[name].reshape(-1)
        places = [rng.randrange(values.size) for _ in range(rng.choice((1, 10, values.size)))]
        if values.dtype.kind == "i":
            values[places] = [rng.choice((-1, 0, 1, 10**6, -(2**63))) for _ in places]
        else:
            limit = float(np.finfo(values.dtype).max)
            values[places] = np.clip(rng.choices(EXTREMES, k=len(places)), -limit, limit)
    write_head(target, replace(head, tensors=tensors, source=str(target)))


def bakes(folder: Path) -> list[Path]:
    """0.1.0's, and the same frames as this version writes them: complete, and still without its last frame."""
    paths = copied("tiny.bake", "keyed.bake")(folder)
    with BakeReader.open(paths[0]) as old:
        for name, frames in (("new.bake", old.frames), ("unfinished.bake", old.frames[:-1])):
            card = replace(old.card, version=type(old.card).version)
            with BakeWriter.open(folder / name, card, old.canonical, old.branch) as writer:
                for number in frames:
                    writer.append(number, *old.frame(number))
                if frames == old.frames:
                    writer.finish()
            paths.append(folder / name)
    return paths


def craft_bake(source: Path, target: Path, rng: random.Random) -> None:
    """A bake of mutated records, every record's checksum right: only what is in the records is hostile."""
    data = source.read_bytes()
    records, at = [], 8
    while at < len(data):
        kind, number, length, _ = HEADER.unpack_from(data, at)
        records.append((kind, number, data[at + HEADER_BYTES : at + HEADER_BYTES + length]))
        at += HEADER_BYTES + length
    for _ in range(rng.choice((1, 1, 2))):
        k = rng.randrange(len(records))
        kind, number, payload = records[k]
        what = rng.random()
        if what < 0.7:
            records[k] = kind, number, mutate_bytes(payload, rng)
        elif what < 0.8:
            records[k] = kind, rng.choice((0, -1, number + 1, 1 << 40)), payload
        elif what < 0.9:
            records.insert(rng.randrange(len(records) + 1), records[k])
        else:
            records.pop(k)
    target.write_bytes(data[:8] + b"".join(pack_record(*record) for record in records))


def read_a_bake(path: Path) -> None:
    with BakeReader.open(path) as bake:
        for number in bake.frames[:6]:
            check_frame(*bake.frame(number))
            bake.errors(number)
        bake.verify()


def read_a_performance(path: Path) -> None:
    performance = read_performance(path)
    for t in (0.0, 0.33, 1e6, -5.0):
        condition = performance.at(t)
        check_finite([*condition.audio.values(), condition.expression])


def ply_files(folder: Path) -> list[Path]:
    """Ours in both axes, and the same Gaussians as text and big-endian, as other tools write them."""
    with BakeReader.open(OLD / "tiny.bake") as bake:
        write_ply(folder / "ours.ply", bake.canonical)
        write_ply(folder / "rdf.ply", bake.canonical, axes="rdf")
    head, body = (folder / "ours.ply").read_bytes().split(b"end_header\n", 1)
    rows = np.frombuffer(body, "<f4").reshape(-1, head.count(b"property"))[:40]
    head = head.replace(f"vertex {len(body) // (4 * rows.shape[1])}".encode(), b"vertex 40") + b"end_header\n"
    text = "\n".join(" ".join(f"{value:g}" for value in row) for row in rows)
    (folder / "text.ply").write_bytes(head.replace(b"binary_little_endian", b"ascii") + text.encode())
    (folder / "big.ply").write_bytes(head.replace(b"little", b"big") + rows.astype(">f4").tobytes())
    return [folder / name for name in ("ours.ply", "rdf.ply", "text.ply", "big.ply")]


def compressed_ply_files(folder: Path) -> list[Path]:
    """A compressed PLY of 300 Gaussians in two chunks, with spherical harmonics; its bits are random."""
    rng = np.random.default_rng(0)
    sides = ["x", "y", "z", "scale_x", "scale_y", "scale_z", "r", "g", "b"]
    lines = [
        *("ply", "format binary_little_endian 1.0", "element chunk 2"),
        *(f"property float {end}_{side}" for end in ("min", "max") for side in sides),
        "element vertex 300",
        *(f"property uint packed_{name}" for name in ("position", "rotation", "scale", "color")),
        *("element sh 300", *(f"property uchar f_rest_{k}" for k in range(9)), "end_header", ""),
    ]
    chunks = np.concatenate([rng.uniform(-5, 0, (2, 9)), rng.uniform(0, 1, (2, 9))], axis=1).astype("<f4")
    packed, harmonics = rng.integers(0, 2**32, (300, 4)).astype("<u4"), rng.integers(0, 256, (300, 9)).astype("u1")
    path = folder / "compressed.ply"
    path.write_bytes("\n".join(lines).encode() + chunks.tobytes() + packed.tobytes() + harmonics.tobytes())
    return [path]


def quad_meshes(folder: Path) -> list[Path]:
    corners = np.indices((2, 2, 2)).reshape(3, -1).T
    sides = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    write_quad_mesh(folder / "cube.ply", QuadMesh(corners.astype(np.float32), np.array(sides, np.int32)))
    return [folder / "cube.ply"]


def read_a_quad_mesh(path: Path) -> None:
    mesh = read_quad_mesh(path)
    assert np.isfinite(mesh.vertices[mesh.quads]).all()


def read_a_ply(path: Path) -> None:
    table = read_ply(path)
    check_frame(table.means, table.quats, table.scales)
    check_finite([table.opacities, table.sh0, table.shN])
    describe(path)


def tensors(folder: Path) -> list[Path]:
    arrays = {"x": np.arange(12.0).reshape(3, 4), "y": np.zeros(0, np.int16), "z": np.ones(3, np.bool_)}
    write_tensors(folder / "a.safetensors", arrays, {"note": "1"})
    return [folder / "a.safetensors"]


def footage_card(folder: Path) -> list[Path]:
    card = json.loads((OLD / "footage" / "footage.json").read_text(encoding="utf-8"))
    (folder / "footage.json").write_text(json.dumps(card), encoding="utf-8")
    return [folder / "footage.json"]


def avatars(folder: Path) -> list[Path]:
    shutil.copy(AVATAR, folder)
    shutil.unpack_archive(AVATAR, folder)
    shutil.rmtree(folder / "__MACOSX")
    return [folder / "anna", folder / AVATAR.name]


def read_an_avatar(path: Path) -> None:
    avatar = read_lam_avatar(path)
    check_finite([*vars(avatar.gaussians).values(), *avatar.shapes.values()])


def splat_files(folder: Path) -> list[Path]:
    """The same Gaussians in each format, by its description; bits where those do not matter are random."""
    rng, n = np.random.default_rng(0), 40
    paths = []
    for version, degree in ((1, 0), (2, 1), (3, 2)):
        body = rng.integers(0, 60, n * (6 if version == 1 else 9)).astype("u1").tobytes()
        body += rng.bytes(n * (7 + (4 if version == 3 else 3) + 3 * (0, 3, 8)[degree]))
        paths.append(folder / f"v{version}.spz")
        paths[-1].write_bytes(gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", version, n, degree, 12, 0, 0) + body))
    row = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("bytes", "u1", 8)])
    rows = np.zeros(n, row)
    rows["mean"], rows["scale"] = rng.normal(size=(n, 3)), rng.uniform(0.01, 0.1, (n, 3))
    rows["bytes"] = rng.integers(0, 256, (n, 8))
    (folder / "a.splat").write_bytes(rows.tobytes())
    for level in (0, 2):
        paths.append(folder / f"level{level}.ksplat")
        paths[-1].write_bytes(ksplat_bytes(level, n, rng))
    return [*paths, folder / "a.splat"]


def ksplat_bytes(level: int, n: int, rng: np.random.Generator) -> bytes:
    """One section with a full bucket and one of the rest; spherical harmonics of degree 1."""
    real = "<f2" if level else "<f4"
    kinds = [("mean", "<u2" if level else "<f4", 3), ("shape", real, 7), ("rest", "u1", 4 + 9 * (1 if level else 4))]
    rows = np.zeros(n, np.dtype(kinds))
    rows["shape"] = rng.uniform(0.1, 1, (n, 7))
    header = struct.pack("<BBxxIIIIH", 0, 1, 1, 1, n, n, level).ljust(4096, b"\0")
    section = struct.pack("<IIIIfH", n, n, 32, 2, 5.0, 12).ljust(24, b"\0") + struct.pack("<IIIIH", 32767, 0, 1, 1, 1)
    return header + section.ljust(1024, b"\0") + struct.pack("<I6f", n - 32, *rng.normal(size=6)) + rows.tobytes()


def craft_splats(source: Path, target: Path, rng: random.Random) -> None:
    """What is in a gzip is mutated, not the gzip: its checksum would tell."""
    data = source.read_bytes()
    packed = data[:2] == b"\x1f\x8b" and rng.random() < 0.8
    target.write_bytes(
        gzip.compress(mutate_bytes(gzip.decompress(data), rng), 1) if packed else mutate_bytes(data, rng)
    )


def read_splats(path: Path) -> None:
    table = importer_of(path).read(path, "").gaussians
    check_frame(table.means, table.quats, table.scales)
    check_finite([table.opacities, table.sh0, table.shN])


WORD_FILES = {
    "a.TextGrid": '"ooTextFile"\n"TextGrid"\n0\n2\n<exists>\n1\n"IntervalTier"\n"words"\n0\n2\n1\n0.5\n1\n"bin"\n',
    "a.srt": "1\n00:00:00,500 --> 00:00:01,000\nbin blue\n",
    "a.vtt": "WEBVTT\n\n00:00.500 --> 00:01.000\n<b>bin</b> <00:00.750>blue\n",
    "a.lab": "0 5000000 sil\n5000000 10000000 bin\n",
}


def word_files(folder: Path) -> list[Path]:
    for name, text in WORD_FILES.items():
        (folder / name).write_text(text)
    return [folder / name for name in WORD_FILES]


def read_some_words(path: Path) -> None:
    timings = read_words(path)
    check_finite([np.array([label[:2] for label in (*timings.words, *timings.phones)])])


SCRIPTS = {
    "a.txt": "ANNA: Well-known, isn't it? [laughs] He paid $1,234.50 on the 21st of May 1984 & left… B.B.C.\n",
    "a.srt": WORD_FILES["a.srt"],
}


def script_files(folder: Path) -> list[Path]:
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


def read_a_script(path: Path) -> None:
    is_plain_script(path)
    for word in read_transcript(path):
        assert word.label
        assert all(pronunciations(word.spoken))


def job_files(folder: Path) -> list[Path]:
    """Of a shot with controls and cameras by frame."""
    camera = Camera.looking_at([0, -1, 0], [0, 0, 0], 64, 48, 0.4)
    controls = (Controls(), Controls(blink=1.0))
    baked = Bake("a.head", "v.wav", "a/a.bake", "24000/1001", -5, 2, controls_per_frame=controls)
    path = folder / "a.job.json"
    path.write_text(to_json(JobFile(baked, Render(baked.out, "a", cameras=(camera, camera)))), encoding="utf-8")
    return [path]


def read_a_job_file(path: Path) -> None:
    job = read_job_file(path)
    for name in (job.bake.head, job.bake.audio, job.bake.words, job.bake.out, job.render.bake, job.render.out):
        assert not name or Path(name).is_relative_to(path.absolute().parent)


def shot_tables(folder: Path) -> list[Path]:
    path = folder / "shots.csv"
    path.write_text(
        '\ufeffshot;head;passes;png;controls.brows\r\na;"shots.csv";beauty vector;no;0.5\r\nb;shots.csv;;;\r\n'
    )
    return [path]


def publish_manifests(folder: Path) -> list[Path]:
    path = folder / "a.publish.json"
    path.write_text('{"files": [{"file": "a.0001.png", "frame": 1}, {"file": "a.mp4", "frame": null}]}')
    return [path]


def read_a_publish_manifest(path: Path) -> None:
    name = path.name.removesuffix(".publish.json")
    is_published_as(Render("a.bake", str(path.parent), name=name), {"a.mp4"})


READERS: dict[str, Reader] = {
    "words": Reader(word_files, read_some_words, 300),
    "script": Reader(script_files, read_a_script, 150),
    "head": Reader(copied("tiny.head"), read_a_head, 120),
    "hostile head": Reader(copied("tiny.head"), read_a_head, 150, craft_head),
    "rig": Reader(rigged_heads, read_a_rig, 100),
    "hostile rig": Reader(rigged_heads, read_a_rig, 120, craft_rig),
    "bake": Reader(bakes, read_a_bake, 200),
    "hostile bake": Reader(bakes, read_a_bake, 200, craft_bake),
    "performance": Reader(copied("tiny.performance"), read_a_performance, 200),
    "ply": Reader(ply_files, read_a_ply, 300),
    "compressed ply": Reader(compressed_ply_files, read_a_ply, 200),
    "avatar": Reader(avatars, read_an_avatar, 200),
    "splat files": Reader(splat_files, read_splats, 500, craft_splats),
    "quad mesh": Reader(quad_meshes, read_a_quad_mesh, 100),
    "tensors": Reader(tensors, read_tensors, 300),
    "info": Reader(copied("tiny.bake", "tiny.head", "tiny.performance"), describe, 100),
    "footage card": Reader(footage_card, describe, 300),
    "job file": Reader(job_files, read_a_job_file, 400, names_file=False),
    "table of shots": Reader(shot_tables, read_table, 300),
    "publish manifest": Reader(publish_manifests, read_a_publish_manifest, 100),
}

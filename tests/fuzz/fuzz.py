# SPDX-License-Identifier: GPL-3.0-or-later
"""Throws mutated files at our readers and says what went wrong.

    python tests/fuzz/fuzz.py READER... [--count 10000] [--seed 0] [--keep FOLDER]     these readers, in one process
    python tests/fuzz/fuzz.py all --count 10000                                        each reader (`make fuzz`)

Allowed: a reading, or a UserError that names the file in one line. Wrong: any other exception, more than SECONDS of
work or WAIT of waiting for a file, more than GROWTH more memory, NaN in a frame, a process that dies. The same seed
gives the same files; the file of each fault is kept in --keep. Ctrl-C ends a run with its summary. Exit code: 0 nothing
found, 1 something.
"""

import argparse
import faulthandler
import importlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __name__ == "__main__":  # not where a test imports this: other tests start processes
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small arrays: threads would only wait
sys.path.insert(0, str(Path(__file__).parent))

from file_readers import Reader
from mutations import mutate_bytes

from talksplat.core.formats import UserError

# Module -> its readers. The first two need numpy alone, the others PyAV, Pillow, torch or Pixar's USD.
MODULES = {
    "file_readers": (
        "words",
        "script",
        "head",
        "hostile head",
        "rig",
        "hostile rig",
        "bake",
        "hostile bake",
        "performance",
        "ply",
        "compressed ply",
        "avatar",
        "splat files",
        "quad mesh",
        "tensors",
        "info",
        "footage card",
        "job file",
        "table of shots",
        "publish manifest",
    ),
    "resume_readers": (
        "message",
        "bake to continue",
        "manifest",
        "folder to continue",
        "stage cache",
        "losses",
        "output",
    ),
    "media_readers": ("sog", "sound", "video", "footage", "er-nerf", "our footage to er-nerf", "exr depth", "align"),
    "checkpoint_reader": ("checkpoint", "hostile checkpoint", "torch archive", "hostile torch archive"),
    "usd_reader": ("usd",),
}
SECONDS = 10.0  # of the processor for one file: a busy machine is no fault
WAIT = 120.0  # seconds for one file: a reader that waits for something does no work
GROWTH = 1 << 30  # bytes more than after reading the real files
FAULTS = 20  # of one reader after which it is enough
READ, REFUSED, UNWRITTEN, FAULT = "read", "refused", "not written", "faults"  # what may happen to a file


class TooLongError(Exception):
    """A file takes longer than SECONDS or WAIT."""


def raise_too_long(_number: int, _frame: object) -> None:
    raise TooLongError


def set_timers(work: float, wait: float) -> None:
    """Raise TooLongError after so many seconds of work or of waiting; 0: never."""
    signal.setitimer(signal.ITIMER_PROF, work)
    signal.setitimer(signal.ITIMER_REAL, wait)


def load_reader(name: str) -> Reader:
    [module] = [module for module, names in MODULES.items() if name in names]
    return importlib.import_module(module).READERS[name]


def peak_memory() -> int:
    """Bytes that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def attempt(reader: Reader, path: Path) -> str:
    """READ, REFUSED, or what was wrong about reading `path`."""
    set_timers(SECONDS, WAIT)
    try:
        reader.read(path)
    except UserError as error:
        sentence = str(error)
        unnamed = reader.names_file and path.name not in sentence
        unclear = "\n" in sentence.strip() or unnamed or "pickle" in sentence
        return f"an unclear sentence: {sentence[:200]!r}" if unclear else REFUSED
    except TooLongError:
        return f"took too long\n{traceback.format_exc(limit=-4)}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}\n{traceback.format_exc(limit=-4)}"
    finally:
        set_timers(0, 0)
    return READ


def make_hostile(reader: Reader, real: Path, folder: Path, rng: random.Random) -> Path:
    """A mutated copy of `real` in `folder`: of a folder one file of it is mutated, or is missing."""
    target = folder / real.name
    if reader.craft is not None:
        reader.craft(real, target, rng)
        return target
    if not real.is_dir():
        target.write_bytes(mutate_bytes(real.read_bytes(), rng))
        return target
    shutil.copytree(real, target, copy_function=os.link)  # of the same bytes; ours is written anew
    victim = rng.choice(sorted(path for path in target.rglob("*") if path.is_file()))
    data = victim.read_bytes()
    victim.unlink()
    if rng.random() < 0.95:
        victim.write_bytes(mutate_bytes(data, rng))
    return target


def fuzz(name: str, count: int, seed: int, keep: Path | None) -> int:
    """How many faults `count` mutated files showed."""
    reader, outcomes, begun = load_reader(name), Counter(), time.monotonic()
    with tempfile.TemporaryDirectory() as real_folder:
        real_files = reader.seeds(Path(real_folder))
        for path in real_files:
            reader.read(path)  # a real file is read
        try:
            limit = peak_memory() + GROWTH
            for k in range(count):
                outcome = fuzz_one(reader, real_files, f"{name} {seed} {k}", keep)
                if peak_memory() > limit:
                    print(f"{name} {seed} {k}: held {peak_memory() >> 20} MiB ({outcome})", file=sys.stderr, flush=True)
                    outcome, limit = FAULT, peak_memory() + GROWTH
                outcomes[outcome] += 1
                if outcomes[FAULT] >= FAULTS:
                    break
        except KeyboardInterrupt:
            pass
    summary = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in (READ, REFUSED, UNWRITTEN, FAULT))
    print(f"{name}: {outcomes.total()} files, {summary}, {time.monotonic() - begun:.0f} s", flush=True)
    return outcomes[FAULT]


def fuzz_one(reader: Reader, real_files: list[Path], key: str, keep: Path | None) -> str:
    """READ, REFUSED, UNWRITTEN or FAULT, of the file that `key` stands for."""
    rng = random.Random(key)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = make_hostile(reader, rng.choice(real_files), Path(folder), rng)
        except UserError:  # what we ourselves do not write
            return UNWRITTEN
        outcome = attempt(reader, path)
        if outcome in (READ, REFUSED):
            return outcome
        print(f"{key}: {outcome}", file=sys.stderr, flush=True)
        keep_file(path, keep, f"{key.replace(' ', '-')}-{path.name}")
    return FAULT


def keep_file(path: Path, folder: Path | None, name: str) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, folder / name, dirs_exist_ok=True)
    else:
        shutil.copy(path, folder / name)


def fuzz_all(names: list[str], arguments: list[str]) -> int:
    """A process for each reader: one that dies does not end the others. Returns the exit code."""

    def run(name: str) -> int:
        return subprocess.run([sys.executable, __file__, name, *arguments], check=False).returncode

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return int(any(pool.map(run, names)))


def main() -> int:
    names = [name for readers in MODULES.values() for name in readers]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="+", metavar="READER", choices=[*names, "all"], help=", ".join(names))
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--count", type=int, default=int(os.environ.get("TALKSPLAT_FUZZ", "10000")))
    amount.add_argument(
        "--short", action="store_true", help="the few files of each reader that `make test` has time for"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that showed a fault")
    options = parser.parse_args()
    if "all" in options.readers:
        return fuzz_all(names, [argument for argument in sys.argv[1:] if argument != "all"])
    faulthandler.enable()
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, raise_too_long)
    warnings.simplefilter("ignore")
    found = 0
    for name in options.readers:
        count = load_reader(name).short if options.short else options.count
        found += fuzz(name, count, options.seed, options.keep)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

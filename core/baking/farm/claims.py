# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does what, settled by files in a folder that all workers share: no server, no clock that must agree, no lock of
the file system.

    claims/UNIT.0    made by one worker alone (O_EXCL), with its name in it; UNIT.1 by who takes over from a dead one
    done/UNIT.json   the unit is done, and what it gave
    workers/NAME     a number that its worker raises while it lives; "ended" when it went

A worker is dead where its number has stood still for `patience` seconds of the watcher's own clock. One that only
slept, and wakes up, does a unit that another has done too: the same bytes, put in place atomically. Units are texts
that may be file names. Knows no bake.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...formats import atomic_write, from_json, open_untrusted, to_json

BEATS = 10  # signs of life in the time after which a worker counts as dead; not in the paper: chosen because a network
# drive may hide some of them for seconds
ENDED = "ended"
MOST_BYTES = 1 << 20  # of a file of ours


class Claims:
    """One worker's view of the folder. A context manager: inside it this worker is alive."""

    def __init__(self, folder: Path, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.patience, self.name = folder, patience, secrets.token_hex(6)
        self._clock, self._end = clock, threading.Event()
        self._seen: dict[str, tuple[str, float]] = {}  # worker -> its last sign of life, when it was new to us
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)

    def __enter__(self) -> "Claims":
        for name in ("claims", "done", "workers"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._beat("0")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        with suppress(FileNotFoundError):  # the shot is finished, and its folder was cleared
            self._beat(ENDED)

    def done(self) -> set[str]:
        """The units that are done."""
        return {path.stem for path in (self.folder / "done").glob("*.json")}

    def take(self, unit: str) -> bool:
        """Whether this worker is to do the unit now: nobody has it, or who had it is dead."""
        owners = self._owners(unit)
        if owners and (
            self._is_alive(owners[-1], f"{unit}.{len(owners)}") or self._path("done", f"{unit}.json").exists()
        ):
            return False
        return self._make(self._path("claims", f"{unit}.{len(owners)}"))

    def finish(self, unit: str, record: dict) -> None:
        """The unit is done; record: JSON values, the same whoever did it but for the worker."""
        with atomic_write(self._path("done", f"{unit}.json")) as temporary:
            temporary.write_text(to_json(record), encoding="utf-8")

    def record(self, unit: str) -> dict:
        """What `finish` was told of a unit that is done; {} where its file is damaged. Raises UserError."""
        with open_untrusted(self._path("done", f"{unit}.json")) as (file, _):
            value = from_json(file.read(MOST_BYTES), f"{self.folder}: {unit}")
        return value if isinstance(value, dict) else {}

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / name

    def _make(self, path: Path) -> bool:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with open(handle, "w", encoding="utf-8") as file:
            file.write(self.name)
        return True

    def _owners(self, unit: str) -> list[str]:
        """Who has taken the unit, one after the other; "" for one that died before it wrote its name."""
        owners: list[str] = []
        while True:
            try:
                owners.append(_text(self._path("claims", f"{unit}.{len(owners)}")))
            except FileNotFoundError:
                return owners

    def _is_alive(self, worker: str, claim: str) -> bool:
        """claim: stands for the worker where that has no name."""
        try:
            sign = _text(self._path("workers", worker)) if worker else ""
        except FileNotFoundError:  # or a network drive does not show it yet
            sign = ""
        now, who = self._clock(), worker or claim
        if self._seen.get(who, (None, now))[0] != sign:
            self._seen[who] = sign, now
        return sign != ENDED and now - self._seen[who][1] < self.patience

    def _live(self) -> None:
        count = 0
        while not self._end.wait(self.patience / BEATS):
            count += 1
            with suppress(OSError):  # a drive that is away for a moment: the next beat tells
                self._beat(str(count))

    def _beat(self, sign: str) -> None:
        self._path("workers", self.name).write_text(sign, encoding="utf-8")


def _text(path: Path) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(64)

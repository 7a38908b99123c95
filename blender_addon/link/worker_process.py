# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker process: started when first needed, asked for jobs, ended with us.

Nothing here blocks the caller: a thread starts the process, greets it, sends the jobs and puts what
comes back into a queue. Thread and process end when nothing is asked for any more: the thread at
once, the process after its idle time. The protocol is written down in core/worker.py.
"""

import json
import os
import queue
import secrets
import subprocess
import sys
import threading
import tomllib
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path

from ...core.formats import UserError
from ...core.jobs import Cancelled, Event, Failed, Finished, Job
from ...core.wire import MOST_BYTES, PROTOCOL, Cancel, Hello, Quit, from_bytes, to_bytes

KEY = "TALKSPLAT_WORKER_KEY"
IDLE = 300  # seconds without a client before the process ends itself
ENDS = (Finished, Failed, Cancelled)
CRASH = "The worker process ended unexpectedly; what was finished is kept, start the same job again. Its log: {}"


def version(root: Path) -> str:
    """The add-on's version, from the manifest that lies beside its files."""
    return tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]


class WorkerProcess:
    """The worker as the add-on sees it: `submit` jobs, `poll` for events, `cancel`, `stop`."""

    def __init__(self, python: Path | str, root: Path | str, log: Path | str) -> None:
        """python: the core environment's interpreter; root: the package's folder; log: where it complains."""
        self.python, self.root, self.log = str(python), Path(root), Path(log)
        self._process: subprocess.Popen | None = None
        self._address: tuple[str, int] | None = None
        self._key = b""
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._outgoing: list[bytes] = []  # asked for before the line stood
        self._waiting = 0  # jobs without their last event
        self._line: Connection | None = None
        self._thread: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process's number while it lives."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def busy(self) -> bool:
        """Whether a job has not answered yet; once it is False, the last event can be polled."""
        return self._waiting > 0

    def submit(self, job: Job) -> None:
        """Ask for a job; its events come through `poll`. Raises UserError for a job that cannot be sent."""
        with self._lock:
            self._waiting += 1
            self._say(to_bytes(job))
            if self._thread is None:
                self._thread = threading.Thread(target=self._stay, name="talksplat worker", daemon=True)
                self._thread.start()

    def poll(self) -> list[Event]:
        """What has come since the last call; never waits."""
        events = []
        while True:
            try:
                events.append(self._events.get_nowait())
            except queue.Empty:
                return events

    def cancel(self) -> None:
        """End all that was asked for; each job still answers once."""
        with self._lock:
            if self._waiting:
                self._say(to_bytes(Cancel()))

    def stop(self, patience: float = 2.0) -> None:
        """End the process: politely, and after `patience` seconds surely."""
        with self._lock:
            if self._line is not None:
                self._say(to_bytes(Quit()))
        if self._process is not None:
            if self._line is None:
                self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None

    def _say(self, data: bytes) -> None:
        """Send, or keep until the line stands. Call with the lock held."""
        if self._line is None:
            self._outgoing.append(data)
            return
        try:
            self._line.send_bytes(data)
        except OSError:
            self._outgoing.append(data)  # the reading thread meets the same end and answers for the job

    def _stay(self) -> None:
        """The thread: from the first job asked for to the last one answered."""
        try:
            line = self._connected()
            with self._lock:
                self._line = line
                waiting, self._outgoing = self._outgoing, []
                for data in waiting:
                    line.send_bytes(data)
            while self._hear(line):
                pass
        except UserError as refusal:
            self._leave(str(refusal))
        except (OSError, EOFError, AuthenticationError):
            self._leave(CRASH.format(self.log))

    def _hear(self, line: Connection) -> bool:
        """Take one event; False when nothing is asked for any more (the line is closed then)."""
        event = from_bytes(line.recv_bytes(MOST_BYTES))
        with self._lock:
            self._events.put(event)
            self._waiting -= isinstance(event, ENDS)
            stay = self._waiting > 0
            if not stay:
                line.close()
                self._line = self._thread = None
        return stay

    def _leave(self, sentence: str) -> None:
        """The line broke: every job asked for answers with the same sentence."""
        with self._lock:
            if self._line is not None:
                self._line.close()
            for _ in range(self._waiting):
                self._events.put(Failed(sentence))
            self._waiting = 0
            self._line = self._thread = None
            self._outgoing.clear()

    def _connected(self) -> Connection:
        """A greeted line, to the living process or to a new one."""
        if self.pid is None:
            self._start()
        try:
            line = Client(self._address, authkey=self._key)
        except ConnectionError:  # its idle time ended between the look and the call
            self._start()
            line = Client(self._address, authkey=self._key)
        line.send_bytes(to_bytes(Hello(PROTOCOL, version(self.root))))
        answer = from_bytes(line.recv_bytes(MOST_BYTES))
        if not isinstance(answer, Hello):
            line.close()
            raise UserError(getattr(answer, "sentence", "The worker did not greet; install the same version of both."))
        return line

    def _start(self) -> None:
        """Run `PYTHON -m PACKAGE.core.worker` and read the one line it prints."""
        self._key = secrets.token_bytes(32)
        command = [self.python, "-m", f"{self.root.name}.core.worker", "--idle", str(IDLE)]
        # Blender's own Python settings must not reach another Python.
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
        environment[KEY] = self._key.hex()
        hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=self.root.parent,
                    env=environment,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    **hidden,
                )
            except OSError as error:
                raise UserError(
                    f"The core environment's Python {self.python} does not start ({error.strerror}); "
                    "choose another one in the preferences."
                ) from error
        line = self._process.stdout.readline(65536)
        try:
            self._address = ("127.0.0.1", int(json.loads(line)["port"]))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"The worker did not start{self._last_words()}; check the core environment in the "
                f"preferences with Self-test. Its log: {self.log}"
            ) from error

    def _last_words(self) -> str:
        """The last line of the log, which says what is missing."""
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return f" ({lines[-1][:160]})" if lines else ""

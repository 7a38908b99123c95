# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker process: started when first needed, sent jobs, ended with us.

Nothing here blocks the caller: a thread starts the process, greets it, sends the jobs and puts what comes back into a
queue. Thread and process end when no job is left: the thread at once, the process after its idle time. The protocol is
written down in core/worker.py.
"""

import json
import math
import os
import queue
import secrets
import subprocess
import threading
import time
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import cast, get_args

from ...core.dispatch import cancelled_event
from ...core.formats import UserError
from ...core.jobs import Cancelled, Event, Failed, Finished, Job
from ...core.wire import MAX_MESSAGE_BYTES, PROTOCOL, Cancel, Hello, Quit, from_bytes, to_bytes
from .python_process import start_python

KEY = "TALKSPLAT_WORKER_KEY"
PATIENCE = 1.5  # seconds in which a cancelled job may end by itself; then its process is killed, which loses nothing
IDLE = 300  # seconds without a client before the process ends itself
KEEP_LOGS = 7 * 86400  # seconds
LAST_EVENTS = (Finished, Failed, Cancelled)
CRASHED = (
    "The worker process ended unexpectedly; what is finished is kept. Start the same job again to continue. Its log: {}"
)


def addon_version(root: Path) -> str:
    """The add-on's version, from the manifest next to its files."""
    return tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]


def own_log(folder: Path) -> Path:
    """Where the worker of this process logs to: two Blenders do not write into one file. Removes what Blenders that
    crashed left there more than KEEP_LOGS ago."""
    for path in folder.glob("worker-*.log"):
        with suppress(OSError):  # another Blender was first
            if path.stat().st_mtime < time.time() - KEEP_LOGS:
                path.unlink()
    return folder / f"worker-{os.getpid()}.log"


class WorkerProcess:
    """The worker as the add-on sees it: `submit` jobs, `poll` for events, `cancel`, `stop`."""

    def __init__(self, python: Path | str, root: Path | str, log: Path | str, packages: Sequence[Path] = ()) -> None:
        """python: the interpreter; root: the package's folder; log: the file for its stderr; packages: folders that
        are added to its `sys.path`."""
        self.packages = packages
        self.python, self.root, self.log = str(python), Path(root), Path(log)
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ("127.0.0.1", 0)
        self._key = b""
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unsent: list[bytes] = []  # submitted before the connection was there
        self._unanswered: list[Job] = []  # jobs without their last event, the first one runs
        self._cancelled_at = math.inf  # on the clock of time.monotonic
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False  # while the thread was still starting the process

    @property
    def pid(self) -> int | None:
        """The process's number while it lives."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def busy(self) -> bool:
        """Whether a job has not answered yet; once it is False, the last event can be polled."""
        return bool(self._unanswered)

    def submit(self, job: Job) -> None:
        """Send a job; its events come through `poll`. Raises UserError for a job that cannot be sent."""
        message = to_bytes(job)
        with self._lock:
            self._stopped = False
            self._cancelled_at = math.inf
            self._unanswered.append(job)
            self._send(message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="talksplat worker", daemon=True)
                self._thread.start()

    def poll(self) -> list[Event]:
        """What has come since the last call; never waits. Ends a process that does not answer `cancel`."""
        if self.busy and time.monotonic() > self._cancelled_at + PATIENCE and self.pid and self._process:
            self._process.kill()  # the thread meets the end of the connection and answers for the job
        events = []
        while True:
            try:
                events.append(self._events.get_nowait())
            except queue.Empty:
                return events

    def cancel(self) -> None:
        """Cancel every job that was submitted; each still answers once, within PATIENCE and a moment."""
        with self._lock:
            if self._unanswered:
                self._cancelled_at = min(self._cancelled_at, time.monotonic())
                self._send(to_bytes(Cancel()))

    def stop(self, timeout: float = 2.0) -> None:
        """Ask the process to end; kill it after `timeout` seconds. Its log goes with it."""
        with self._lock:
            self._stopped = True
            connected = self._connection is not None
            if connected:
                self._send(to_bytes(Quit()))
        process, self._process = self._process, None  # the thread may give it up at the same time
        if process is None:
            return
        if not connected:
            process.terminate()
        _wait_or_kill(process, timeout)
        if process.stdout:
            process.stdout.close()
        with suppress(OSError):
            self.log.unlink(missing_ok=True)

    def _send(self, message: bytes) -> None:
        """Send, or keep until the connection is there. Call with the lock held."""
        if self._connection is None:
            self._unsent.append(message)
            return
        try:
            self._connection.send_bytes(message)
        except OSError:
            self._unsent.append(message)  # the reading thread meets the same end and answers for the job

    def _run(self) -> None:
        """The thread: from the first job submitted to the last one answered."""
        try:
            connection = self._connect()
            with self._lock:
                self._connection = connection
                unsent, self._unsent = self._unsent, []
                for message in unsent:
                    connection.send_bytes(message)
            while self._receive(connection):
                pass
        except UserError as error:
            self._fail_all(str(error))
        except (OSError, EOFError, AuthenticationError):
            self._fail_all(CRASHED.format(self.log))

    def _receive(self, connection: Connection) -> bool:
        """Take one event; False when every job has answered (the connection is closed then)."""
        event = from_bytes(connection.recv_bytes(MAX_MESSAGE_BYTES))
        if not isinstance(event, get_args(Event)):
            raise UserError("The worker sent something that is no event; install the same version of both.")
        with self._lock:
            self._events.put(cast(Event, event))
            if isinstance(event, LAST_EVENTS):
                self._unanswered.pop(0)
            is_last = not self._unanswered
            if is_last:
                connection.close()
                self._connection = self._thread = None
        return not is_last

    def _fail_all(self, sentence: str) -> None:
        """The connection broke: every job answers with the same sentence, or that it was cancelled."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            is_cancelled = self._cancelled_at < math.inf
            for job in self._unanswered:
                self._events.put(cancelled_event(job) if is_cancelled else Failed(sentence))
            self._unanswered.clear()
            self._connection = self._thread = None
            self._unsent.clear()

    def _connect(self) -> Connection:
        """A greeted connection, to the living process or to a new one."""
        if self.pid is None:
            self._start()
        try:
            connection = Client(self._address, authkey=self._key)
        except ConnectionError:  # its idle time ended between the check and the call
            self._start()
            connection = Client(self._address, authkey=self._key)
        connection.send_bytes(to_bytes(Hello(PROTOCOL, addon_version(self.root))))
        answer = from_bytes(connection.recv_bytes(MAX_MESSAGE_BYTES))
        if not isinstance(answer, Hello):
            connection.close()
            no_greeting = "The worker did not greet; install the same version of both."
            raise UserError(answer.sentence if isinstance(answer, Failed) else no_greeting)
        return cast(Connection, connection)  # a TCP address gives no Windows pipe

    def _start(self) -> None:
        """Run the add-on's own core/start_worker.py and read the one line that it prints."""
        self._key = secrets.token_bytes(32)
        arguments = [str(self.root / "core" / "start_worker.py"), "--idle", str(IDLE), "--parent", str(os.getpid())]
        arguments += [word for folder in self.packages for word in ("--packages", str(folder))]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as log:
            try:
                self._process = process = start_python(
                    self.python, arguments, {KEY: self._key.hex()}, log, self.log.parent
                )
            except OSError as error:
                raise UserError(
                    f"The Python {self.python} does not start ({error.strerror or error}); "
                    "choose another one in the preferences."
                ) from error
        line = process.stdout.readline(65536) if process.stdout else b""
        if self._stopped:
            _wait_or_kill(process, 0.0)
            self._process = None
            raise UserError("The worker was stopped; start the job again.")
        try:
            self._address = ("127.0.0.1", int(json.loads(line)["port"]))
        except (ValueError, KeyError, TypeError) as error:
            _wait_or_kill(process, 5.0)
            raise UserError(
                f"The worker did not start{self._last_log_line()}; check the Python environment in the "
                f"preferences with Self-test. Its log: {self.log}"
            ) from error

    def _last_log_line(self) -> str:
        """The end of the log, which says what is missing."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f" ({lines[-1][:160]})" if lines else ""


def _wait_or_kill(process: "subprocess.Popen[bytes]", timeout: float) -> None:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker: jobs in, events out, over one authenticated loopback port. It knows no job by name.

How to start it (the add-on's link does exactly this; a test does too):

    argv  [python of the core's environment, "-I", ".../core/start_worker.py", "--idle", "300",
           "--parent", the number of the process with which the worker ends (its parent, where this is left out),
           "--packages", a folder that is added to sys.path: where Blender put the extension's wheels (any number)]
           -I: nothing that lies in the working folder, in PYTHONPATH or in the user's site-packages is imported
    env   TALKSPLAT_WORKER_KEY = 64 hex digits, fresh for each worker (secrets.token_hex(32)); never in argv
    stdin DEVNULL; stdout a pipe: one line of JSON {"port", "protocol", "version", "pid"} comes, then
          nothing more; stderr a log file or DEVNULL (an unread pipe would fill and stop the worker)

Then `multiprocessing.connection.Client(("127.0.0.1", port), authkey=bytes.fromhex(key))`, and only
`send_bytes`/`recv_bytes` of `core.jobs.wire` messages, never `send`/`recv` (those unpickle):

    client                      worker
    Hello                   ->
                            <-  Hello; or Failed and the connection is closed, when the protocols differ
    a job                   ->
                            <-  Started, Progress..., one of Finished, Failed, Cancelled
    Cancel                  ->  ends everything this client has asked for; each job answers once
    Quit                    ->  cancels what runs and ends the process

Jobs run one at a time in the order in which they came; a client may leave at any moment (its jobs
are cancelled, the next client is served). The worker ends with `Quit`, when the process that started
it is gone, or after `--idle` seconds without any client.
"""

import argparse
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge

from .dispatch import cancelled_event, run_job
from .formats import UserError
from .jobs import Event, Failed, Job, talksplat_version
from .parent_process import end_with_parent
from .wire import MAX_MESSAGE_BYTES, PROTOCOL, Cancel, Hello, Message, Quit, from_bytes, to_bytes

KEY = "TALKSPLAT_WORKER_KEY"
MAX_CLIENTS = 16  # with the key, at once
MAX_STRANGERS = 64  # connections that have not shown the key yet; the longest waiting one makes room for the next
BACKLOG = 128  # connections that the system holds until they are accepted
MAX_QUEUED = 64  # jobs of one client
HANDSHAKE_TIMEOUT = 10.0  # seconds for the key and the greeting together, however the bytes come
TICK = 0.5  # seconds between looks at the clock


class Client:
    """One connection. Its own thread reads it; only the main thread sends once a job runs."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.gone = False
        self.pending: list[QueuedJob] = []
        self._lock = threading.Lock()  # a closed handle's number may be another file's the next moment

    def send(self, message: Message) -> None:
        """Send, or note that the client has left."""
        try:
            with self._lock:
                if not self.gone:
                    self.connection.send_bytes(to_bytes(message))
        except OSError:
            self.leave()

    def leave(self) -> None:
        self.gone = True
        self.cancel()

    def cancel(self) -> None:
        for queued in list(self.pending):
            queued.cancelled.set()

    def disconnect(self) -> None:
        """End the connection from another thread: a read that waits on it ends at once."""
        with self._lock:
            if not self.connection.closed:
                sock = socket.socket(fileno=self.connection.fileno())
                with suppress(OSError):  # the other side was faster
                    sock.shutdown(socket.SHUT_RDWR)
                sock.detach()

    def close(self) -> None:
        self.leave()
        with self._lock:
            self.connection.close()


@dataclass(eq=False)
class QueuedJob:
    """A job that waits or runs, and who asked for it."""

    client: Client
    job: Job
    cancelled: threading.Event = field(default_factory=threading.Event)


class Worker:
    """Accepts in one thread, reads each client in one of its own, and runs the jobs in the main thread, where torch and
    numba belong."""

    def __init__(self, key: bytes, idle: float, run: Callable[[Job], Generator[Event, None, None]] = run_job) -> None:
        self.key, self.idle, self.run = key, idle, run
        self.listener = Listener(("127.0.0.1", 0), backlog=BACKLOG)
        self.jobs: queue.Queue[QueuedJob] = queue.Queue()
        self.clients: set[Client] = set()  # those that have shown the key
        self.strangers: dict[Client, None] = {}  # the others, in the order in which they came
        self.stopping = threading.Event()
        self.last_seen = time.monotonic()

    def hello(self) -> dict:
        """The line that stdout begins with."""
        port, version = self.listener.address[1], talksplat_version()
        return {"port": port, "protocol": PROTOCOL, "version": version, "pid": os.getpid()}

    def serve(self) -> None:
        """Until Quit, the end of the parent process, or the idle timeout."""
        threading.Thread(target=self._accept, name="accept", daemon=True).start()
        while not self.stopping.is_set():
            try:
                self._do(self.jobs.get(timeout=TICK))
            except queue.Empty:
                self._check_idle()
        self.listener.close()

    def _do(self, queued: QueuedJob) -> None:
        """One job from its first event to its last."""
        client = queued.client
        try:
            if not client.gone:
                self._stream(queued)
        except Exception as error:
            # Our own mistake: the log gets the traceback, the client a sentence, and the worker lives on.
            traceback.print_exc()
            client.send(
                Failed(
                    f"{type(queued.job).__name__} stopped on an internal error "
                    f"({type(error).__name__}: {error}); the worker's log has the details."
                )
            )
        finally:
            client.pending.remove(queued)
            self.last_seen = time.monotonic()

    def _stream(self, queued: QueuedJob) -> None:
        events = self.run(queued.job)
        try:
            while not self._must_end(queued):
                event: Event | None = next(events, None)
                if event is None:
                    return
                queued.client.send(event)
        finally:
            events.close()
        queued.client.send(cancelled_event(queued.job))

    def _must_end(self, queued: QueuedJob) -> bool:
        return queued.cancelled.is_set() or self.stopping.is_set()

    def _check_idle(self) -> None:
        if self.clients:
            self.last_seen = time.monotonic()
        if self.idle and time.monotonic() - self.last_seen > self.idle:
            self.stopping.set()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection = self.listener.accept()
            except OSError:
                time.sleep(TICK)  # out of handles, or closing
                continue
            client = Client(connection)  # pyright: ignore[reportArgumentType]  (a socket: never a PipeConnection)
            waiting = list(self.strangers)
            if len(waiting) >= MAX_STRANGERS:
                self.strangers.pop(waiting[0], None)
                waiting[0].disconnect()
            self.strangers[client] = None
            threading.Thread(target=self._serve_client, args=(client,), name="client", daemon=True).start()

    def _serve_client(self, client: Client) -> None:
        """One client from the key to its last message."""
        try:
            if self._admit(client):
                while self._receive(client):
                    pass
        except (AuthenticationError, EOFError, OSError):
            client.leave()
        finally:
            self.strangers.pop(client, None)
            self.clients.discard(client)
            client.close()

    def _admit(self, client: Client) -> bool:
        """The key, then the greeting, before one deadline. Raises AuthenticationError, EOFError or OSError."""
        deadline = threading.Timer(HANDSHAKE_TIMEOUT, client.disconnect)
        deadline.daemon = True
        deadline.start()
        try:
            # Not Listener(authkey=...): that would hold up everybody for one who says nothing. Until the key is shown,
            # neither reads a message of more than 256 bytes.
            deliver_challenge(client.connection, self.key)
            answer_challenge(client.connection, self.key)
            self.clients.add(client)
            self.strangers.pop(client, None)
            return self._greet(client)
        finally:
            deadline.cancel()

    def _greet(self, client: Client) -> bool:
        try:
            hello = from_bytes(client.connection.recv_bytes(MAX_MESSAGE_BYTES))
        except UserError as error:
            client.send(Failed(str(error)))
            return False
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
            theirs = hello.protocol if isinstance(hello, Hello) else f"a {type(hello).__name__} first"
            client.send(
                Failed(f"The worker speaks protocol {PROTOCOL}, the add-on {theirs}; install the same version of both.")
            )
            return False
        if len(self.clients) > MAX_CLIENTS:
            client.send(Failed(f"{MAX_CLIENTS} programs use this worker already; close one of them."))
            return False
        client.send(Hello(PROTOCOL, talksplat_version()))
        return True

    def _receive(self, client: Client) -> bool:
        """Take one message; False when the client has said Quit."""
        try:
            message = from_bytes(client.connection.recv_bytes(MAX_MESSAGE_BYTES))
        except UserError as error:
            client.send(Failed(str(error)))
            return True
        if isinstance(message, Quit):
            self.stopping.set()
            return False
        if isinstance(message, Cancel):
            client.cancel()
        elif isinstance(message, Job):
            if len(client.pending) >= MAX_QUEUED:
                client.send(Failed(f"{MAX_QUEUED} jobs are waiting already; let some finish first."))
                return True
            queued = QueuedJob(client, message)
            client.pending.append(queued)
            self.jobs.put(queued)
        else:
            client.send(Failed(f"{type(message).__name__} is not a job; send a job, Cancel or Quit."))
        return True


def main() -> None:
    """What start_worker.py runs. The command line is its own; the key comes in the environment."""
    parser = argparse.ArgumentParser(prog="talksplat worker", description="Runs the add-on's jobs.")
    parser.add_argument("--idle", type=float, default=300.0, help="seconds without a client before it ends; 0: never")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process with which it ends")
    parser.add_argument("--packages", action="append", default=[], help="a folder of libraries; for start_worker.py")
    arguments = parser.parse_args()
    try:
        key = bytes.fromhex(os.environ.pop(KEY, ""))
    except ValueError:
        key = b""
    if len(key) < 16:
        sys.exit(f"The environment variable {KEY} must hold at least 32 hex digits; let the add-on start the worker.")
    worker = Worker(key, arguments.idle)
    end_with_parent(arguments.parent, worker.stopping)
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: worker.stopping.set())
    print(json.dumps(worker.hello()), flush=True)
    # A library that prints must not fill the pipe that nobody reads any more.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker.serve()

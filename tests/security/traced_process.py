# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process and all that it starts ask the system for: addresses and files. By strace, which sees native libraries
too; where there is none, by an audit hook in each Python process that looks into PYTHONPATH, which sees Python alone.
"""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

STRACE = ("strace", "-f", "-qq", "-y", "--seccomp-bpf", "-e", "signal=none", "-s", "64")
STRACE += ("-e", "trace=socket,connect,bind,sendto,sendmsg,sendmmsg,open,openat,creat")
AUDIT = """
import os, sys
log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def note(event, arguments):
    if event == "socket.getaddrinfo":
        os.write(log, b'connect(getaddrinfo, {{sa_family=AF_INET, %r}})\\n' % repr(arguments[:2]).encode())
    elif event in ("socket.connect", "socket.bind", "socket.sendto") and isinstance(arguments[1], tuple):
        text = 'connect(3, {{sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr("%s")}})\\n'
        os.write(log, (text % (arguments[1][1], arguments[1][0])).encode())
    elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            os.write(log, ('open("%s", O_WRONLY) = 3\\n' % os.path.abspath(arguments[0])).encode())
sys.addaudithook(note)
"""
OPENED = re.compile(r'\b(?:open|creat|openat)\((?:AT_FDCWD<([^>]*)>, |\d+<([^>]*)>, )?"([^"]*)"(.*)\) = (\d+)')
WRITES = re.compile(r"\bO_(?:WRONLY|RDWR|CREAT)\b|\bcreat\(")
ADDRESSED = re.compile(r"\b(?:connect|bind|sendto|sendmsg|sendmmsg)\(.*\bAF_INET6?\b")
LOOPBACK = re.compile(r'inet_addr\("127\.0\.0\.1"\)|inet_pton\(AF_INET6, "::1"')
NAME_SERVER = "htons(53)"


@functools.cache
def strace_works() -> bool:
    """Also where it is installed, a container may forbid it."""
    return shutil.which("strace") is not None and subprocess.run([*STRACE, "true"], capture_output=True).returncode == 0


def traced(command: list[str], log: Path) -> list[str]:
    """The command that runs `command` and writes what it asks for to `log`."""
    return [*STRACE, "-o", str(log), *command] if strace_works() else command


def audit_folder(folder: Path, log: Path) -> Path:
    """A folder for PYTHONPATH, with the hook; nothing is in it where strace works."""
    folder.mkdir()
    if not strace_works():
        (folder / "sitecustomize.py").write_text(AUDIT.format(log=str(log)))
    return folder


def foreign_addresses(log: Path) -> list[str]:
    """Every line of the log that reaches for a computer, or asks a name server on this one."""
    asked = [line for line in log.read_text(errors="replace").splitlines() if ADDRESSED.search(line)]
    return [line for line in asked if not LOOPBACK.search(line) or NAME_SERVER in line]


def opened_for_writing(log: Path, cwd: Path) -> set[Path]:
    """Every file that was opened for writing, with or without success at last."""
    paths = set()
    for line in log.read_text(errors="replace").splitlines():
        if (match := OPENED.search(line)) and WRITES.search(line):
            paths.add(Path(os.path.normpath(Path(match[1] or match[2] or cwd, match[3]))))
    return paths

# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip prints while it installs, as events; and what it printed when it failed, as the cause and its cure."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from ...core.jobs import Event, Progress, Started

MB = 1_000_000
# What pip, venv or the system print -> the cause and the cure, the first that is found.
CAUSES = (
    (r"No space left|Errno 28\b|not enough space|Errno 122\b", "the disk is full; free some space"),
    (r"Long Path support", "a path is too long for Windows; switch on long paths in Windows"),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "the connection is not trusted; check the clock and the proxy's certificate",
    ),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|"
        r"Connection (?:refused|reset|aborted|broken)|name resolution|getaddrinfo",
        "the network cannot be reached; check the connection and the proxy",
    ),
    (r"Permission denied|Access is denied|Errno 13\b", "access is denied; check the folder's permissions"),
    (r"ensurepip|No module named (?:venv|pip)", "this Python has no venv or no pip; use the Blender of blender.org"),
)


def event_of(line: str) -> Event | None:
    """The event that a line of `pip install --progress-bar raw` (or `off`) stands for; None for all other lines.

    Sizes are counted in MB.
    """
    words = line.split()
    if match := re.match(r"Progress (\d+) of (\d+)", line):
        done, total = (int(number) for number in match.groups())
        return Progress(done // MB, total // MB, -1.0) if total >= MB else None
    if match := re.match(r"\s*Downloading \S*?([^/\s]+?)-(\d[^-/\s]*)-\S*\.whl \((.+)\)", line):
        name, version, size = match.groups()
        return Started(f"Downloading {name} {unquote(version)} ({size})", 0)
    if line.startswith("Collecting ") and len(words) > 1:
        return Started(f"Looking up {re.split(r'[^A-Za-z0-9_.-]', words[1])[0]}", 0)
    if line.startswith("Installing collected packages: "):
        return Started(f"Installing {len(words) - 3} packages", 0)
    return None


def cause_of(lines: Sequence[str]) -> str:
    """Why it failed and what to do, as part of a sentence, from the lines that were printed."""
    text = "\n".join(lines)
    for pattern, cause in CAUSES:
        if re.search(pattern, text):
            return cause
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    said = (errors or [line.strip() for line in lines if line.strip()] or ["no reason was given"])[-1]
    return said[:200].rstrip(".")

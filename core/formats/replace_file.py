# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a finished file in the place of another one, also on Windows."""

import os
import time
from pathlib import Path

# Seconds between two tries. Windows does not replace a file that anybody has open, and virus scanners and indexers open
# each new one for a moment.
PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8) if os.name == "nt" else ()


def replace_file(source: Path, target: Path) -> None:
    """`os.replace`, tried again where the target is open elsewhere. Raises OSError."""
    for pause in PAUSES:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)

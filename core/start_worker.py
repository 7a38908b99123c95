# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the worker from a file: `python -I PATH/core/start_worker.py --idle 300 --packages FOLDER`.

`-I` keeps the working folder, PYTHONPATH and the user's own site-packages out of the process, and with it the folder
that the package is in. So the package is taken from the folder of this file, under its own name, whatever the folder is
called and whichever talksplat the environment has. Processes that the worker starts import this file again (that is how
Python's multiprocessing finds what it runs), as `__mp_main__`, and so find the same package.
"""

import importlib.util
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

PACKAGE = "talksplat"


def load_package(root: Path) -> None:
    """Make the folder `root` the package, without a place on sys.path. Raises ImportError where it is none."""
    spec = importlib.util.spec_from_file_location(PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{root} is no Python package")
    module = sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


if __name__ == "__main__":  # before anything is imported; Python's multiprocessing hands sys.path on by itself
    sys.path += [folder for option, folder in pairwise(sys.argv) if option == "--packages"]

if PACKAGE not in sys.modules:
    load_package(Path(__file__).absolute().parents[1])

if __name__ == "__main__":
    import_module(f"{PACKAGE}.core.worker").main()

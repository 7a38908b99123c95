# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads from other programs' files. Light to import (numpy): Blender shows IMPORTERS; core/dispatch.py finds the job
handler `import_head` by name."""

from .importers import IMPORTERS, Importer, importer_of

__all__ = ["IMPORTERS", "Importer", "importer_of"]

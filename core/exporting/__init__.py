# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes as files for other programs. Light to import (numpy): Blender shows EXPORTERS; core/dispatch.py finds
the job's handler by name."""

from .exporters import EXPORTERS, Exporter

__all__ = ["EXPORTERS", "Exporter"]

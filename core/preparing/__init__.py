# SPDX-License-Identifier: GPL-3.0-or-later
"""From videos of one person to footage: probe, detect, identity, fit, extract, write. Nobody imports it:
core/dispatch.py finds the job handler `prepare` by name."""

__all__: list[str] = []

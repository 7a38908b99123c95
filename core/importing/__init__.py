# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads from other programs' files. Nobody imports it: core/dispatch.py finds the job handler `import_head` by name."""

__all__: list[str] = []

# SPDX-License-Identifier: GPL-3.0-or-later
"""A text laid over a sound: when each of its words and phones is spoken. Nobody imports it: core/dispatch.py finds the
job handler `align` by name."""

__all__ = []

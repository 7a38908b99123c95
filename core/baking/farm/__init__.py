# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot done by any number of processes on any machines that share a folder. Nobody imports it: core/dispatch.py finds
the job handlers by name."""

__all__: list[str] = []

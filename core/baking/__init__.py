# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances, bakes and rendered image sequences: the work of the worker. Light to import: its jobs are found by name."""

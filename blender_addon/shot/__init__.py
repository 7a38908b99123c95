# SPDX-License-Identifier: GPL-3.0-or-later
"""The shot that a head is baked, rendered and exported for: its frames, its jobs, its panels."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Node groups of ours in the scene's compositor. Nothing in here knows heads, bakes or the worker."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a head's rig: the few numbers that move it, what they are called, and how far they err. core/dispatch.py
finds the job handler by name."""

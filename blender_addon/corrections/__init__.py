# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of a head: at this frame, this pose."""

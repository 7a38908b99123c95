# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head hears: sounds, strips, their times, and how late the mouth is."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy mesh of a head: shadows, hold-outs and collisions."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of a head: a list, one that plays, a blend of several, and comparing two."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's pose as channels with F-curves."""

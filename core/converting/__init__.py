# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage to and from the dataset folders of TalkingGaussian and ER-NeRF."""

__all__ = []

# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage to and from the dataset folders of TalkingGaussian and ER-NeRF. Nobody imports it: core/dispatch.py finds the
job handler `convert` by name."""

__all__: list[str] = []

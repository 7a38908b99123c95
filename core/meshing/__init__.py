# SPDX-License-Identifier: GPL-3.0-or-later
"""A head at rest as a closed mesh of a few thousand faces, its proxy mesh. Nobody imports it: core/dispatch.py finds
the job handler `proxy` by name."""

__all__ = []

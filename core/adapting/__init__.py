# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained head gets the audio net of any voice, without new footage. Nobody imports it: core/dispatch.py finds the
job handler `adapt` by name."""

__all__: list[str] = []

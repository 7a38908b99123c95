# SPDX-License-Identifier: GPL-3.0-or-later
"""From footage to a trained head. `train.py` is the job; density rules are a package of their own."""

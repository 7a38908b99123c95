# SPDX-License-Identifier: GPL-3.0-or-later
"""From footage to a trained head. `train.py` is the job's handler; `density` is a package of its own."""

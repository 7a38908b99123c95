# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a head stays in the .blend, so that it plays without the add-on."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The core: everything that runs without Blender. Layers and packages: ARCHITECTURE.md."""

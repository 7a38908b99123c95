# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips that hardly part, consonants that run into each other."""

import bpy

controls = bpy.context.object.talksplat.controls

controls.intensity = 0.9
controls.articulation = 0.6
controls.blinks = 12.0
controls.brows = 0.0
controls.mouth_open = 0.45
controls.closure = 0.2
controls.mouth_width = -0.1
controls.pucker = 0.0
controls.upper_lip = 0.0
controls.mouth_corners = 0.0
controls.mouth_side = 0.0
controls.squint = 0.0
controls.brows_side = 0.0
controls.smoothing = 60.0
controls.rest_in_pauses = 1.0

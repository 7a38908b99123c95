# SPDX-License-Identifier: GPL-3.0-or-later
"""Wide open, lips drawn up, brows raised."""

import bpy

controls = bpy.context.object.talksplat.controls

controls.intensity = 1.2
controls.articulation = 1.0
controls.blinks = 6.0
controls.brows = 0.25
controls.mouth_open = 1.5
controls.closure = 0.0
controls.mouth_width = 0.3
controls.pucker = 0.0
controls.upper_lip = 0.35
controls.mouth_corners = 0.0
controls.mouth_side = 0.0
controls.squint = 0.2
controls.brows_side = 0.0
controls.smoothing = 0.0
controls.rest_in_pauses = 1.0

# SPDX-License-Identifier: GPL-3.0-or-later
"""Small openings, lips forward."""

import bpy

controls = bpy.context.object.talksplat.controls

controls.intensity = 0.95
controls.articulation = 1.0
controls.blinks = 12.0
controls.brows = 0.1
controls.mouth_open = 0.7
controls.closure = 0.5
controls.mouth_width = 0.0
controls.pucker = 0.15
controls.upper_lip = 0.0
controls.mouth_corners = 0.0
controls.mouth_side = 0.0
controls.squint = 0.15
controls.brows_side = 0.0
controls.smoothing = 0.0
controls.rest_in_pauses = 1.0

# SPDX-License-Identifier: GPL-3.0-or-later
"""Wide openings, and lips that close at every p, b and m."""

import bpy

controls = bpy.context.object.talksplat.controls

controls.intensity = 1.15
controls.articulation = 1.4
controls.blinks = 12.0
controls.brows = 0.0
controls.mouth_open = 1.3
controls.closure = 0.9
controls.mouth_width = 0.0
controls.pucker = 0.0
controls.upper_lip = 0.1
controls.mouth_corners = 0.0
controls.mouth_side = 0.0
controls.squint = 0.0
controls.brows_side = 0.0
controls.smoothing = 0.0
controls.rest_in_pauses = 1.0

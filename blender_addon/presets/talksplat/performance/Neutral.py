# SPDX-License-Identifier: GPL-3.0-or-later
"""As the head speaks by itself."""

import bpy

controls = bpy.context.object.talksplat.controls

controls.intensity = 1.0
controls.articulation = 1.0
controls.blinks = 12.0
controls.brows = 0.0
controls.mouth_open = 1.0
controls.closure = 0.0
controls.mouth_width = 0.0
controls.pucker = 0.0
controls.upper_lip = 0.0
controls.mouth_corners = 0.0
controls.mouth_side = 0.0
controls.squint = 0.0
controls.brows_side = 0.0
controls.smoothing = 0.0
controls.rest_in_pauses = 1.0

# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a head the .blend keeps for a Blender without the add-on, as its artist chose it."""

import bpy
from bpy.props import BoolProperty, EnumProperty


class TalkSplatStored(bpy.types.PropertyGroup):
    """The choice; `stored_head` carries it out."""

    keep: EnumProperty(
        name="Keep",
        description="What of the head the .blend keeps for a Blender without TalkSplat",
        default="RIG",
        items=[
            ("PATHS", "Paths Only", "The path of the head's file: the .blend stays small and needs TalkSplat"),
            ("RIG", "Rig and Curves", "The head, its rig and its keyframes, which can be edited without TalkSplat too"),
            ("PACKED", "Frames", "Each frame of the scene's range as it is shown now, in the .blend"),
            (
                "FOLDER",
                "Frames in a Folder",
                "Each frame of the scene's range, in the folder frames next to the .blend",
            ),
        ],
    )
    side_colour: BoolProperty(
        name="View-Dependent Colour",
        default=True,
        description="Keep how the colour changes with the direction of view; smaller without it",
    )
    pack_sound: BoolProperty(
        name="Pack Sound", default=True, description="Put the sounds that the head speaks into the .blend too"
    )

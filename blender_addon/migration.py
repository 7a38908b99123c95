# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that an older version of the add-on stored in the .blend, carried over when the file is opened.

0.1.0 had other names for two of them, wrote `{take}` for `{version}`, and had other default paths: an artist's files
stay where they were.
"""

import bpy

from .head_objects import settings_of
from .properties import SETTINGS_VERSION
from .scene.versions import stored_properties

# The name now -> (the name in 0.1.0, its default there)
PATHS_IN_0_1_0 = {
    "bake_out": ("bake_out", "//bake/{head}.bake"),
    "render_out": ("plates_out", "//plates/{head}/"),
    "export_out": ("ply_out", "//ply/{head}/"),
}


def migrate_settings(obj: bpy.types.Object) -> None:
    """Bring a head's settings to this version; what this version wrote stays as it is."""
    settings = settings_of(obj)
    if settings.settings_version >= SETTINGS_VERSION:
        return
    stored = stored_properties(obj).get("talksplat", {})
    for name, (old_name, old_default) in PATHS_IN_0_1_0.items():
        setattr(settings, name, stored.get(old_name, old_default).replace("{take}", "{version}"))
    settings.settings_version = SETTINGS_VERSION

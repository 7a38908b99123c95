# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an artist's files go: names that every system can write."""

import bpy
import pytest


@pytest.mark.parametrize(
    ("name", "file"),
    [("Anna", "Anna"), ("CON", "CON_"), ("lpt1", "lpt1_"), ("Console", "Console"), ("a/b:c?", "a_b_c_"), ("..", "__")],
)
def test_a_name_is_a_file_name_on_every_system(tmp_path, name, file):
    from talksplat.blender_addon.shot.output_paths import output_path

    obj = bpy.data.objects.new(name, None)
    try:
        assert output_path(f"{tmp_path}/{{head}}/x", obj) == str(tmp_path / file / "x")
    finally:
        bpy.data.objects.remove(obj)

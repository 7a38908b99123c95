# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new scene needs around a head: a camera that frames it, a light for what stands beside it, a backdrop grey."""

import math

import bpy
from mathutils import Vector

LENS = 85.0  # mm, a portrait lens on Blender's 36 mm sensor
MARGIN = 1.1  # of the head's size, left free around it
GREY = 0.18  # scene-linear, a photographer's grey card


def add_camera(scene: bpy.types.Scene, subject: bpy.types.Object) -> bpy.types.Object:
    """A camera in front of `subject`, which looks along -Y, all of it in the picture; the scene's own from now on."""
    low, high = _bounds(subject)
    centre, size = (low + high) / 2, high - low
    lens = bpy.data.cameras.new("Camera")
    lens.lens, lens.clip_start = LENS, 0.01
    camera = bpy.data.objects.new("Camera", lens)
    scene.collection.objects.link(camera)
    picture_height = lens.sensor_width * scene.render.resolution_y / scene.render.resolution_x  # mm on the sensor
    distance = LENS * MARGIN * max(size.z / picture_height, size.x / lens.sensor_width)
    camera.location = (centre.x, low.y - distance, centre.z)
    camera.rotation_euler = (math.pi / 2, 0.0, 0.0)
    scene.camera = camera
    return camera


def add_light(scene: bpy.types.Scene) -> bpy.types.Object:
    """A soft light from above at the left. It lights meshes: a head brings the light of its footage."""
    lamp = bpy.data.lights.new("Light", "AREA")
    assert isinstance(lamp, bpy.types.AreaLight)
    lamp.energy, lamp.size = 30.0, 1.0  # watts, metres
    light = bpy.data.objects.new("Light", lamp)
    light.location = (-1.2, -1.5, 1.2)
    light.rotation_euler = (-light.location).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(light)
    return light


def add_world(scene: bpy.types.Scene) -> None:
    """A plain grey world."""
    world = bpy.data.worlds.new("World")
    world.color = (GREY, GREY, GREY)
    scene.world = world


def _bounds(obj: bpy.types.Object) -> tuple[Vector, Vector]:
    """Lowest and highest corner in world space, metres."""
    axes = list(zip(*(obj.matrix_world @ Vector(corner) for corner in obj.bound_box)))
    return Vector([min(axis) for axis in axes]), Vector([max(axis) for axis in axes])

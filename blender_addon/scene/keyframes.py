# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of many channels, written into an object's action at once. An action's other curves, and keys outside of the
frames that are written, stay.

Letters: m keys.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

import bpy
import numpy as np

from .versions import curves_of

LINEAR, BEZIER, ALIGNED = 1, 2, 3  # as Blender numbers them


class CurveKeys(NamedTuple):
    """The keys of one F-curve, in rising order."""

    frames: np.ndarray  # [m]
    values: np.ndarray  # [m]
    slopes: np.ndarray  # [m] a frame: the handles lie along them
    interpolation: int  # LINEAR or BEZIER


def writable_bag(obj: bpy.types.Object, name: str) -> bpy.types.ActionChannelbag:
    """Where the object's F-curves are: in the action that it has, else in a new one of this name. An action of a
    library, or that others use too, is copied first: what moves them stays."""
    animation = obj.animation_data or obj.animation_data_create()
    assert animation is not None
    action, slot = animation.action, animation.action_slot
    is_shared = action is not None and (action.library is not None or action.users - action.use_fake_user > 1)
    if action is not None and is_shared and not animation.use_tweak_mode:  # in tweak mode the NLA strip is the other
        identifier = slot.identifier if slot else ""
        action = animation.action = action.copy()
        slot = next((s for s in action.slots if s.identifier == identifier), None)
    if action is None:
        action = animation.action = bpy.data.actions.new(name)
        if any(track.strips for track in animation.nla_tracks):  # these speak where the new action has no keys
            animation.action_extrapolation = "NOTHING"
    animation.action_slot = slot or action.slots.new("OBJECT", obj.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return cast(bpy.types.ActionKeyframeStrip, strip).channelbag(animation.action_slot, ensure=True)


def write_keys(bag: bpy.types.ActionChannelbag, group: str, curves: Mapping[str, CurveKeys]) -> None:
    """Write the keys of each path; what lies between the first and the last of them is replaced."""
    owner = bag.groups.get(group) or bag.groups.new(group)
    for path, keys in curves.items():
        curve = bag.fcurves.find(path)
        kept = _keys_of(curve, keys.frames[0], keys.frames[-1]) if curve else None
        if curve is not None:
            bag.fcurves.remove(curve)
        curve = bag.fcurves.new(path)
        curve.group = owner
        _fill(curve, keys, kept)


def remove_curves(obj: bpy.types.Object, paths: Iterable[str]) -> None:
    """Take the F-curves of these paths out of the action in use, and the action away where nothing is left in it."""
    animation = obj.animation_data
    if animation is None or animation.action is None or animation.action.library is not None:
        return
    wanted, action = set(paths), animation.action
    for layer in action.layers:
        for strip in layer.strips:
            bag = cast(bpy.types.ActionKeyframeStrip, strip).channelbag(animation.action_slot)
            for curve in [c for c in bag.fcurves if c.data_path in wanted] if bag else ():
                bag.fcurves.remove(curve)
    if not list(curves_of(animation)) and action.users == 1:
        bpy.data.actions.remove(action)


def keyed_frames(obj: bpy.types.Object, paths: Iterable[str]) -> tuple[float, float] | None:
    """The first and last key of these paths in the action in use; None without any."""
    wanted, animation = set(paths), obj.animation_data
    ranges = [c.range() for c in curves_of(animation) if c.data_path in wanted] if animation else []
    return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else None


# The columns of a key: Blender's name -> how many numbers
COLUMNS = {
    "co": 2,
    "handle_left": 2,
    "handle_right": 2,
    "interpolation": 1,
    "handle_left_type": 1,
    "handle_right_type": 1,
}

SELECTIONS = ("select_control_point", "select_left_handle", "select_right_handle")


def _keys_of(curve: bpy.types.FCurve, first: float, last: float) -> dict[str, np.ndarray]:
    """The curve's keys before `first` and after `last`."""
    count, columns = len(curve.keyframe_points), {}
    for name, width in COLUMNS.items():
        values = np.empty(count * width, np.float32 if width == 2 else np.int32)
        curve.keyframe_points.foreach_get(name, values)
        columns[name] = values.reshape(count, width)
    frames = columns["co"][:, 0]
    is_outside = (frames < first - 0.5) | (frames > last + 0.5)
    return {name: values[is_outside] for name, values in columns.items()}


def _fill(curve: bpy.types.FCurve, keys: CurveKeys, kept: dict[str, np.ndarray] | None) -> None:
    columns = _columns(keys)
    if kept is not None and len(kept["co"]):
        columns = {name: np.concatenate([values, kept[name]]) for name, values in columns.items()}
        order = np.argsort(columns["co"][:, 0], kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
    curve.keyframe_points.add(len(columns["co"]))
    for name, values in columns.items():
        curve.keyframe_points.foreach_set(name, np.ascontiguousarray(values).reshape(-1))
    for name in SELECTIONS:  # Blender selects new keys: a drag would move the whole speech
        curve.keyframe_points.foreach_set(name, np.zeros(len(columns["co"]), bool))
    curve.select = False
    curve.update()


def _columns(keys: CurveKeys) -> dict[str, np.ndarray]:
    """Handles at a third of the way: then time passes evenly along a piece, and it is a cubic of time."""
    points = np.stack([keys.frames, keys.values], axis=1)
    gaps = np.diff(keys.frames) / 3 if len(points) > 1 else np.ones(0)
    left, right = np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])
    if len(points) == 1:
        left = right = np.ones(1)
    steps = np.stack([np.ones(len(points)), keys.slopes], axis=1)
    handles = np.full((len(points), 1), ALIGNED, np.int32)
    return {
        "co": points.astype(np.float32),
        "handle_left": (points - left[:, None] * steps).astype(np.float32),
        "handle_right": (points + right[:, None] * steps).astype(np.float32),
        "interpolation": np.full((len(points), 1), keys.interpolation, np.int32),
        "handle_left_type": handles,
        "handle_right_type": handles,
    }

# SPDX-License-Identifier: GPL-3.0-or-later
"""The graph at the bottom of the editors with a time axis, in the Sequencer at the top: the curves behind the keys, the
words over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ...core.performance import NEARLY_CLOSED
from ..blender_types import Context, current_context
from ..head_objects import head_of, placed_heads
from ..scene import strip as strips
from ..scene.versions import sequencer_shows
from . import graph_data
from .graph_data import SpeechData
from .layout import CLOSED_HEIGHT, ROW, Band, TimeAxis, closed_bars, label_bars, level_shape, lips_line
from .levels import levels_at
from .lips import lips_channel
from .view import TalkSplatGraph, view_of

SHAPES, LABELS = "shapes", "labels"  # what is behind the keys, and what must be read over them
CAPTION = 44  # pixels from the left, beside the numbers of the value axis, at a scale of 1
SCROLL_BAR, MARKERS = 20, 22  # pixels at the bottom that are Blender's, at a scale of 1
TIME_BAR = 30  # pixels at the top that are
LEAST_HEIGHT = 1.6  # of the graph's: a lower editor, such as a timeline, shows none
BACK, FILL, BAR = 0.75, 0.55, 0.35  # opacities
Colour = tuple[float, float, float, float]


@dataclass(frozen=True)
class Colours:
    """From the theme, so that the graph looks as the editors do."""

    back: Colour
    text: Colour
    sound: Colour  # as audio strips
    lips: Colour
    closed: Colour

    @classmethod
    def of_theme(cls, context: Context) -> Colours:
        """The user's."""
        theme = context.preferences.themes[0]
        space, ui = theme.graph_editor.space, theme.user_interface

        def colour(value: Any, alpha: float) -> Colour:
            return (value[0], value[1], value[2], alpha)

        return cls(
            colour(space.back, BACK),
            colour(space.text_hi, 1.0),
            colour(theme.sequence_editor.audio_strip, FILL),
            colour(ui.icon_object, 1.0),
            colour(ui.axis_x, 1.0),
        )


def draw(switch: str, part: str) -> None:
    """Blender calls it twice for every editor of a kind. switch: which of the view's it is; part: SHAPES, before the
    keys are drawn, or LABELS, after them."""
    context = current_context()
    view = view_of(context.scene)
    if not (view.show and getattr(view, switch)):
        return
    obj, region = head_of(context), context.region
    scale = context.preferences.system.ui_scale
    if obj is None or region.height < LEAST_HEIGHT * view.height * scale or not _is_shown(context, obj):
        return
    axis = _axis_of(context)
    data = graph_data.data_of(context.scene, obj)
    if view.lips and part == SHAPES:
        graph_data.want(data, context.scene, obj, axis.view())
    drawing = _Drawing(context, view, obj, data, axis, scale, Colours.of_theme(context))
    gpu.state.blend_set("ALPHA")
    matrix: Any = gpu.matrix  # the stubs know no context managers in it
    with matrix.push_pop(), matrix.push_pop_projection():
        matrix.load_identity()
        matrix.load_projection_matrix(_pixels_to_clip(region.width, region.height))
        drawing.shapes() if part == SHAPES else drawing.labels()
    gpu.state.blend_set("NONE")


def _pixels_to_clip(width: int, height: int) -> Matrix:
    """Before the editor's own drawing its matrix is that of its axes, in which text has no size."""
    return Matrix(((2 / width, 0, 0, -1), (0, 2 / height, 0, -1), (0, 0, 1, 0), (0, 0, 0, 1)))


def _is_shown(context: Context, obj: bpy.types.Object) -> bool:
    """Whether the head is in the view layer and not hidden, and the editor shows this scene's time."""
    if _is_sequencer(context) and not sequencer_shows(context.workspace, context.scene):
        return False
    owners = (owner for head, _, owner in placed_heads(context.scene) if head == obj)
    return any(owner.visible_get(view_layer=context.view_layer) for owner in owners)


def _is_sequencer(context: Context) -> bool:
    return isinstance(context.space_data, bpy.types.SpaceSequenceEditor)


def _axis_of(context: Context) -> TimeAxis:
    region = context.region
    view2d = region.view2d
    first, last = view2d.region_to_view(0, 0)[0], view2d.region_to_view(region.width, 0)[0]
    return TimeAxis(first, max(last, first + 1e-3), region.width, float(strips.frame_rate(context.scene)))


@dataclass(frozen=True)
class _Drawing:
    """One drawing of the graph."""

    context: Context
    view: TalkSplatGraph
    obj: bpy.types.Object
    data: SpeechData
    axis: TimeAxis
    scale: float
    colours: Colours

    def shapes(self) -> None:
        """From the back to the front: the ground, the sound, the lips."""
        whole, band = self._whole(), self._band()
        _rectangles([(0.0, float(self.axis.width))], whole, self.colours.back)
        if self.view.sound and self.data.strips:
            shape = level_shape(levels_at(self.data.strips, self.axis.edges()), band)
            _draw("UNIFORM_COLOR", "TRI_STRIP", shape, self.colours.sound)
        if self.view.lips:
            self._lips(band, Band(whole.bottom, band.bottom))

    def labels(self) -> None:
        """The words, the phones below them, and how far the lips are apart at the playhead."""
        for bars, band in self._rows():
            self._labels(bars, band)
        if self.view.lips:
            self._caption()

    def _whole(self) -> Band:
        markers = MARKERS if self.context.scene.timeline_markers else 0
        bottom, height = (SCROLL_BAR + markers) * self.scale, self.view.height * self.scale
        if _is_sequencer(self.context):  # its lowest channels hold strips
            bottom = self.context.region.height - TIME_BAR * self.scale - height
        return Band(bottom, bottom + height)

    def _rows(self) -> list[tuple[list[tuple[float, float, str]], Band]]:
        """The rows of labels, from the top."""
        rows, top = [], self._whole().top
        for labels in (self.data.words, self.data.phones) if self.view.words else ():
            if bars := label_bars(self.axis, labels):
                top -= ROW * self.scale
                rows.append((bars, Band(top, top + (ROW - 1) * self.scale)))
        return rows

    def _band(self) -> Band:
        """Where the curves are: between the marks of closures and the labels."""
        whole, rows = self._whole(), self._rows()
        top = rows[-1][1].bottom if rows else whole.top
        return Band(whole.bottom + CLOSED_HEIGHT * self.scale, top - 2 * self.scale)

    def _lips(self, band: Band, marks: Band) -> None:
        head = graph_data.open_head(self.obj)
        number = lips_channel(head) if head else None
        if head is None or head.rig is None or number is None:
            return
        track, view = self.data.track, self.axis.view()
        shown = slice(max(view.start - track.frames.start, 0), max(view.stop - track.frames.start, 0))
        frames, lips = np.array(track.frames[shown], np.float64), track.values[shown]
        widest = head.rig.channels[number].high
        if np.isfinite(lips).any():
            widest = max(widest, float(np.nanmax(lips)))
            line = lips_line(self.axis, band, frames, lips, widest)
            _line(line, self.colours.lips, 1.5 * self.scale, self.context.region)
            closed = closed_bars(self.axis, frames, lips, NEARLY_CLOSED * head.rig.channels[number].high)
            _rectangles(closed, marks, self.colours.closed)

    def _caption(self) -> None:
        """How far the lips are apart at the playhead."""
        frame, track = self.context.scene.frame_current, self.data.track
        lips = track.values[frame - track.frames.start] if frame in track.frames else np.nan
        text = f"Lips Apart {lips:.1f} mm" if np.isfinite(lips) else "Lips Apart"
        _write(text, CAPTION * self.scale, self._band().top - 12 * self.scale, self.colours.lips, self.scale)

    def _labels(self, bars: list[tuple[float, float, str]], band: Band) -> None:
        """Bars with their labels; that at the playhead is filled."""
        now = float(self.axis.x_of(np.array(float(strips.current_frame(self.context.scene)))))
        spans = [(left, right - 1) for left, right, _ in bars]
        _rectangles(spans, band, (*self.colours.sound[:3], BAR))
        _rectangles([(a, b) for a, b in spans if a <= now < b + 1], band, self.colours.lips)
        for left, right, label in bars:
            is_now = left <= now < right
            colour = (*self.colours.back[:3], 1.0) if is_now else self.colours.text
            _write(label, left + 3 * self.scale, band.bottom + 4 * self.scale, colour, self.scale, right - 2)


def _draw(shader: str, kind: str, corners: Any, colour: Colour) -> None:
    program = gpu.shader.from_builtin(shader)
    program.uniform_float("color", colour)
    batch_for_shader(program, cast(Any, kind), {"pos": corners}).draw(program)


def _rectangles(spans: list[tuple[float, float]], band: Band, colour: Colour) -> None:
    if not spans:
        return
    x = np.array(spans, np.float32)[:, [0, 1, 1, 0, 1, 0]].reshape(-1)
    y = np.tile(np.array([band.bottom, band.bottom, band.top, band.bottom, band.top, band.top], np.float32), len(spans))
    _draw("UNIFORM_COLOR", "TRIS", np.stack([x, y], axis=1), colour)


def _line(corners: np.ndarray, colour: Colour, width: float, region: bpy.types.Region) -> None:
    if len(corners) < 2:
        return
    program = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    program.uniform_float("color", colour)
    program.uniform_float("lineWidth", width)
    program.uniform_float("viewportSize", (region.width, region.height))
    points: Any = np.pad(corners, ((0, 0), (0, 1)))  # it takes three coordinates
    batch_for_shader(program, "LINE_STRIP", {"pos": points}).draw(program)


def _write(text: str, x: float, y: float, colour: Colour, scale: float, until: float | None = None) -> None:
    """until: the pixel at which the text is cut off."""
    blf.size(0, 11 * scale)
    blf.color(0, *colour)
    blf.position(0, x, y, 0)
    if until is not None:
        blf.enable(0, blf.CLIPPING)
        blf.clipping(0, int(x), int(y - 6 * scale), int(max(until, x)), int(y + 14 * scale))
    blf.draw(0, text)
    blf.disable(0, blf.CLIPPING)


_handles: list[tuple[Any, object]] = []


def register() -> None:
    """Called by the package's `register`."""
    spaces = (
        (bpy.types.SpaceGraphEditor, "graph_editor"),
        (bpy.types.SpaceDopeSheetEditor, "dope_sheet"),
        (bpy.types.SpaceSequenceEditor, "sequencer"),
    )
    for space, switch in spaces:
        # The Sequencer's own drawing would cover what is drawn before it.
        first = "POST_PIXEL" if switch == "sequencer" else "PRE_VIEW"
        for part, when in ((SHAPES, first), (LABELS, "POST_PIXEL")):
            _handles.append((space, space.draw_handler_add(draw, (switch, part), "WINDOW", when)))


def unregister() -> None:
    """Called by the package's `unregister`."""
    for space, handle in _handles:
        space.draw_handler_remove(handle, "WINDOW")
    _handles.clear()
    graph_data.clear()

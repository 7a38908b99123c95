# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab: what the head is, what it listens to, how it performs, its bake, its plates.

Panels decide nothing: what a grey button lacks is its own `disabled_reason`.
"""

from pathlib import Path

import blf
import bpy

from . import open_files, playback, running
from .operators.attach_strip import TALKSPLAT_OT_attach_strip, sequencer_of
from .operators.bake_shot import TALKSPLAT_OT_bake
from .operators.export_ply_sequence import TALKSPLAT_OT_export_ply_sequence
from .operators.operator_base import BaseOperator
from .operators.render_sequence import TALKSPLAT_OT_render_plates
from .operators.set_up_playback import is_set_up
from .properties import SLIDERS, head_of
from .scene import strip as strips
from .shot_jobs import changed_since_bake

CLOSED = {"DEFAULT_CLOSED"}
ICONS = {"INFO": "CHECKMARK", "WARNING": "INFO", "ERROR": "ERROR"}
MARGIN = 80  # pixels of a sidebar's width that are not text: edges, the box, the icon


def sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A sentence over as many lines as the sidebar's width needs."""
    scale = context.preferences.system.ui_scale
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    room = max(context.region.width - MARGIN * scale, 100)
    column = layout.column(align=True)
    column.scale_y = 0.8
    line = ""
    for word in text.split():
        if line and blf.dimensions(0, f"{line} {word}")[0] > room:
            column.label(text=line, icon=icon)
            line, icon = "", "BLANK1" if icon != "NONE" else icon
        line = f"{line} {word}".strip()
    column.label(text=line, icon=icon)


def button(layout: bpy.types.UILayout, context: bpy.types.Context, verb: type[BaseOperator], **how) -> None:
    """The verb's button; its progress while it works; why it is grey; how it ended."""
    if running.now and running.now.verb == verb.bl_label:
        row = layout.row(align=True)
        row.progress(factor=running.now.share, text=running.now.brief)
        row.operator("talksplat.cancel", text="", icon="X")
        return
    layout.operator(verb.bl_idname, **how)
    if running.now:
        return
    last = running.last
    if reason := verb.disabled_reason(context):
        sentence(layout, context, reason, "INFO")
    elif last and last.verb == verb.bl_label:
        sentence(layout, context, last.sentence, ICONS[last.level])


class _Tab:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "TalkSplat"


class _HeadTab(_Tab):
    """Panels that are there only when a head is meant."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return head_of(context) is not None


class TALKSPLAT_PT_head(_Tab, bpy.types.Panel):
    bl_label = "Head"
    bl_idname = "TALKSPLAT_PT_head"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        body = head_of(context)
        if body is None:
            sentence(layout, context, "Load a head, or select one of the scene's heads.")
        else:
            self._card(layout, context, body)
        layout.operator("talksplat.add_head", icon="IMPORT", text="Load Head" if body is None else "Load Another Head")

    @staticmethod
    def _card(layout: bpy.types.UILayout, context: bpy.types.Context, body: bpy.types.Object) -> None:
        settings = body.talksplat
        path = open_files.absolute(settings.head)
        card = layout.column(align=True)
        card.label(text=body.name, icon="USER")
        head = open_files.head.known(path)
        if head is not None:
            about = head.file.card
            card.label(text=f"{len(head):,} Gaussians, {float(about.model_rate):g} fps", icon="BLANK1")
        card.label(text=f"{Path(path).name}  {settings.head_hash[:8]}", icon="BLANK1")
        if complaint := playback.trouble(body):
            box = layout.box()
            sentence(box, context, complaint, "ERROR")
            if head is None or head.hash != settings.head_hash:
                row = box.row(align=True)
                row.operator("talksplat.relink_head")
                row.operator("talksplat.reload_head")


class TALKSPLAT_PT_about(_HeadTab, bpy.types.Panel):
    bl_label = "About"
    bl_idname = "TALKSPLAT_PT_about"
    bl_parent_id = "TALKSPLAT_PT_head"
    bl_options = CLOSED

    def draw(self, context: bpy.types.Context) -> None:
        head = open_files.head.known(open_files.absolute(head_of(context).talksplat.head))
        if head is None:
            sentence(self.layout, context, "The head is not loaded")
            return
        card = head.file.card
        for what in (f"Listens with {card.audio_encoder}", f"Licence: {card.licence or 'not stated'}", card.provenance):
            if what:
                sentence(self.layout, context, what)


class TALKSPLAT_PT_speech(_HeadTab, bpy.types.Panel):
    bl_label = "Speech"
    bl_idname = "TALKSPLAT_PT_speech"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, head_of(context).talksplat
        sequencer = sequencer_of(context, settings)
        editor = sequencer.sequence_editor
        column = layout.column()
        if editor is not None:
            every = "strips_all" if hasattr(editor, "strips_all") else "sequences_all"
            column.prop_search(settings, "strip", editor, every, text="", icon="SOUND")
        if len(bpy.data.scenes) > 1:
            column.prop(settings, "strip_scene", text="of Scene")
        strip = strips.find_strip(sequencer, settings.strip)
        if strip and playback.attached(settings, strip) and Path(open_files.absolute(settings.performance)).is_file():
            column.label(text="Attached: scrub or play", icon="CHECKMARK")
        else:
            button(column, context, TALKSPLAT_OT_attach_strip, icon="PLAY_SOUND")
        # Grey rather than gone once it is done, so that nothing below moves under the pointer.
        column.operator("talksplat.set_up_playback", icon="CHECKMARK" if is_set_up(context.scene) else "PLAY")


class TALKSPLAT_PT_performance(_HeadTab, bpy.types.Panel):
    bl_label = "Performance"
    bl_idname = "TALKSPLAT_PT_performance"

    def draw(self, context: bpy.types.Context) -> None:
        settings = head_of(context).talksplat
        self.layout.use_property_split = True
        column = self.layout.column()
        column.active = not (settings.bake and settings.use_bake)
        for name in SLIDERS:
            column.prop(settings.controls, name, slider=True)
        if not column.active:
            sentence(self.layout, context, "The bake plays: switch off Play from Bake to see the sliders act", "INFO")


class TALKSPLAT_PT_bake(_HeadTab, bpy.types.Panel):
    bl_label = "Bake"
    bl_idname = "TALKSPLAT_PT_bake"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings, scene = self.layout, head_of(context).talksplat, context.scene
        layout.prop(settings, "bake_out", text="")
        rate = strips.frame_rate(scene)
        layout.label(text=f"Frames {scene.frame_start} to {scene.frame_end}, {float(rate):g} fps")
        button(layout, context, TALKSPLAT_OT_bake, icon="RENDER_ANIMATION")
        if settings.bake:
            row = layout.row(align=True)
            row.prop(settings, "use_bake", toggle=True)
            row.operator("talksplat.remove_bake", text="", icon="X")
            self._baked(layout, context, settings)

    @staticmethod
    def _baked(layout: bpy.types.UILayout, context: bpy.types.Context, settings) -> None:
        path = open_files.absolute(settings.bake)
        bake = open_files.bake.known(path)
        about = f": frames {bake.card.span[0]} to {bake.card.span[-1]}" if bake else ""
        layout.label(text=Path(path).name + about, icon="FILE_CACHE")
        if changed := changed_since_bake(context.scene, head_of(context)):
            sentence(layout, context, f"Changed since: {', '.join(changed)}. Bake again to see it", "ERROR")


class TALKSPLAT_PT_plates(_HeadTab, bpy.types.Panel):
    bl_label = "Plates"
    bl_idname = "TALKSPLAT_PT_plates"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, head_of(context).talksplat
        layout.prop(settings, "plates_out", text="")
        layout.prop(settings, "view", text="")
        if settings.view == "HEAD":
            layout.prop(settings, "size")
        row = layout.row(align=True)
        for name in ("png", "exr", "movie"):
            row.prop(settings, name, toggle=True)
        row = layout.row(align=True)
        row.active = settings.exr
        row.prop(settings, "exr_layout", text="")
        row.prop(settings, "space", text="")
        button(layout, context, TALKSPLAT_OT_render_plates, icon="RENDER_RESULT")
        layout.separator()
        layout.prop(settings, "ply_out", text="")
        button(layout, context, TALKSPLAT_OT_export_ply_sequence, icon="EXPORT")


CLASSES = (
    TALKSPLAT_PT_head,
    TALKSPLAT_PT_about,
    TALKSPLAT_PT_speech,
    TALKSPLAT_PT_performance,
    TALKSPLAT_PT_bake,
    TALKSPLAT_PT_plates,
)
register, unregister = bpy.utils.register_classes_factory(CLASSES)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab: what the head is, what it speaks, how it performs, its bake, its render, its export.

Panels decide nothing: why a button is grey is its own `disabled_reason`.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from . import head_paths, open_files, running
from .blender_types import Context
from .control_sliders import draw_channels, draw_controls
from .corrections.panel import TALKSPLAT_PT_corrections, TALKSPLAT_UL_corrections
from .head_objects import head_of, settings_of
from .head_state import draw_problems, draw_view_transform
from .keyframes.head_keyframes import has_keyframes
from .keyframes.panel import TALKSPLAT_PT_keyframes
from .operators.add_head import TALKSPLAT_OT_add_head
from .operators.add_sample_head import TALKSPLAT_OT_add_sample_head
from .operators.attach_strip import TALKSPLAT_OT_attach_strip, sequencer_of
from .operators.bake_shot import TALKSPLAT_OT_bake
from .operators.choose_sound import TALKSPLAT_OT_choose_sound, TALKSPLAT_OT_sample_voice
from .operators.make_rig import TALKSPLAT_OT_make_rig
from .operators.open_demo_scene import TALKSPLAT_OT_open_demo_scene
from .operators.set_up_playback import is_set_up
from .panel_base import CLOSED, HeadPanel, TabPanel, draw_button, draw_outcome
from .panel_text import draw_sentence
from .preset_panel import TALKSPLAT_PT_performance_presets
from .properties import TalkSplatHead
from .proxy.panel import TALKSPLAT_PT_proxy
from .scene import strip as strips
from .scene.versions import all_strips_property
from .self_contained.panel import TALKSPLAT_PT_self_contained
from .shot.bake_state import BakeState, state_of
from .shot.frame_choice import described
from .shot.panels import TALKSPLAT_PT_export, TALKSPLAT_PT_render
from .speech.adapting_panel import draw_adapting
from .speech.attached_sounds import attach_reason, attached_sounds, cannot_listen_reason, silent_reason
from .speech.words_panel import draw_words
from .takes.panel import TALKSPLAT_PT_takes, TALKSPLAT_UL_takes

BAKE_PLAYS = "The bake plays: switch off Play from Bake to use the sliders"
CURVES_PLAY = "The curves play: set Follow to Speech to use the sliders"
WHAT_A_HEAD_IS = (
    "A head is a person trained from video (a .head file) that speaks any sound. Add one, or select one of the scene's."
)


class TALKSPLAT_PT_head(TabPanel, bpy.types.Panel):
    """The head's name and file, and what is wrong with it."""

    bl_label = "Head"
    bl_idname = "TALKSPLAT_PT_head"

    def draw(self, context: Context) -> None:
        """The head, and the button that loads one."""
        layout = self.layout
        obj = head_of(context)
        if obj is None:
            draw_sentence(layout, context, WHAT_A_HEAD_IS)
            layout.operator("talksplat.open_demo_scene", icon="PLAY")
            draw_outcome(layout, context, TALKSPLAT_OT_open_demo_scene)
            layout.operator("talksplat.add_sample_head", icon="USER")
        else:
            self._draw_card(layout, context, obj)
        layout.operator("talksplat.add_head", icon="IMPORT", text="Add Another Head" if obj else "Add Gaussian Head")
        draw_outcome(layout, context, TALKSPLAT_OT_add_head, TALKSPLAT_OT_add_sample_head)

    @staticmethod
    def _draw_card(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        settings = settings_of(obj)
        path = head_paths.path_of(obj, "head")
        column = layout.column(align=True)
        column.label(text=obj.name, icon="USER")
        head = open_files.head.cached(path)
        if head is not None:
            card = head.file.card
            column.label(text=f"{len(head):,} Gaussians, {float(card.model_rate):g} fps", icon="BLANK1")
        column.label(text=f"{Path(path).name}  {settings.head_hash[:8]}", icon="BLANK1")
        draw_problems(layout, context, obj)
        draw_view_transform(layout, context)


class TALKSPLAT_PT_about(HeadPanel, bpy.types.Panel):
    """Where the head comes from."""

    bl_label = "About"
    bl_idname = "TALKSPLAT_PT_about"
    bl_parent_id = "TALKSPLAT_PT_head"
    bl_options = CLOSED

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """Its audio encoder, its licence, its provenance."""
        head = open_files.head.cached(head_paths.path_of(obj, "head"))
        if head is None:
            draw_sentence(layout, context, "The head is not loaded")
            return
        card = head.file.card
        licence = card.licence or "not stated"
        for line in (f"Audio encoder: {card.audio_encoder}", f"Licence: {licence}", card.provenance):
            if line:
                draw_sentence(layout, context, line)


class TALKSPLAT_PT_speech(HeadPanel, bpy.types.Panel):
    """Which sound strip the head speaks."""

    bl_label = "Speech"
    bl_idname = "TALKSPLAT_PT_speech"

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The strip, and the buttons that attach it and set up playback."""
        settings = settings_of(obj)
        if reason := cannot_listen_reason(obj):
            draw_sentence(layout, context, reason, "INFO")
            return
        sequencer = sequencer_of(context, obj)
        column = layout.column()
        editor = sequencer.sequence_editor
        if editor is None or not strips.sound_strips(sequencer):
            self._draw_first_sound(column, context)
            return
        row = column.row(align=True)
        row.prop_search(settings, "strip", editor, all_strips_property(editor), text="", icon="SOUND")
        row.operator("talksplat.choose_sound", text="", icon="FILEBROWSER")
        draw_outcome(column, context, TALKSPLAT_OT_choose_sound)
        if len(bpy.data.scenes) > 1:
            column.prop(settings, "strip_scene", text="Scene")
        self._draw_choice(layout, settings)
        column = layout.column()
        reason = attach_reason(obj, sequencer)
        if reason:
            if settings.performance:
                draw_sentence(column, context, reason, "INFO")
            draw_button(column, context, TALKSPLAT_OT_attach_strip, "PLAY_SOUND")
        else:
            column.label(text="Attached: scrub or play", icon="CHECKMARK")
            for item in attached_sounds(obj).values():
                if item.sound_note:
                    draw_sentence(column, context, item.sound_note, "INFO")
        # Grey rather than gone once it is done, so that nothing below moves under the pointer.
        column.operator("talksplat.set_up_playback", icon="CHECKMARK" if is_set_up(context.scene) else "PLAY")
        draw_words(layout.column(align=True), context, obj)
        draw_adapting(layout.column(), context, obj)

    @staticmethod
    def _draw_first_sound(layout: bpy.types.UILayout, context: Context) -> None:
        """The ways to a first sound, and why they are grey."""
        layout.operator("talksplat.choose_sound", icon="FILE_SOUND")
        if reason := TALKSPLAT_OT_choose_sound.disabled_reason(context):
            draw_sentence(layout, context, reason, "INFO")
        layout.operator("talksplat.sample_voice", icon="SPEAKER")
        draw_outcome(layout, context, TALKSPLAT_OT_choose_sound, TALKSPLAT_OT_sample_voice)

    @staticmethod
    def _draw_choice(layout: bpy.types.UILayout, settings: TalkSplatHead) -> None:
        """Which strips, and what of their sound."""
        column = layout.column(align=True)
        column.prop(settings, "listen_to", text="")
        if settings.listen_to == "CHANNEL":
            column.prop(settings, "listen_channel")
        column = layout.column(align=True)
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(settings, "sound_track")
        column.prop(settings, "sound_channel")


class TALKSPLAT_PT_performance(HeadPanel, bpy.types.Panel):
    """The sliders."""

    bl_label = "Performance"
    bl_idname = "TALKSPLAT_PT_performance"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a head that something moves."""
        obj = head_of(context)
        return obj is not None and not (silent_reason(obj) and not has_keyframes(obj))

    def draw_header_preset(self, context: Context) -> None:
        """The presets, at the right of the title, and Help."""
        obj = head_of(context)
        if obj is not None and not silent_reason(obj):
            TALKSPLAT_PT_performance_presets.draw_panel_header(self.layout)
        super().draw_header_preset(context)

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """One slider for each of the core's controls."""
        settings = settings_of(obj)
        layout.use_property_split = True
        column = layout.column()
        if silent_reason(obj):
            draw_channels(column, obj)
            return
        plays = CURVES_PLAY if settings.follow == "CURVES" else ""
        plays = BAKE_PLAYS if settings.bake and settings.use_bake else plays
        column.active = not plays
        draw_controls(column, context, obj)
        self._draw_rig(column, context, obj)
        if plays:
            draw_sentence(layout, context, plays, "INFO")

    @staticmethod
    def _draw_rig(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The switch of the rig, or the button that makes one; how making it ended."""
        head = open_files.head.cached(head_paths.path_of(obj, "head"))
        if head is not None and head.rig is not None:
            layout.prop(settings_of(obj), "use_rig")
            draw_outcome(layout, context, TALKSPLAT_OT_make_rig)
        elif head is not None:
            if head.rig_problem:
                draw_sentence(layout, context, head.rig_problem, "ERROR")
            draw_button(layout, context, TALKSPLAT_OT_make_rig, "OUTLINER_OB_ARMATURE")


class TALKSPLAT_PT_bake(HeadPanel, bpy.types.Panel):
    """The bake that plays, and the button that makes one."""

    bl_label = "Bake"
    bl_idname = "TALKSPLAT_PT_bake"

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """Where to bake to, the shot, the button, and the bake that is there."""
        settings, scene = settings_of(obj), context.scene
        layout.prop(settings, "bake_out", text="")
        layout.prop(settings, "bake_frames", text="")
        layout.label(text=f"{described(scene, settings.bake_frames)}, {float(strips.frame_rate(scene)):g} fps")
        state = state_of(scene, obj)
        draw_button(layout, context, TALKSPLAT_OT_bake, "RENDER_ANIMATION")
        if settings.bake:
            row = layout.row(align=True)
            row.prop(settings, "use_bake", toggle=True)
            row.operator("talksplat.remove_bake", text="", icon="X")
            self._draw_bake(layout, context, obj, state)
        # Last, so that the button does not move under the pointer when this is found out.
        if state.plan and not running.now and not TALKSPLAT_OT_bake.disabled_reason(context):
            draw_sentence(layout, context, state.plan)

    @staticmethod
    def _draw_bake(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object, state: BakeState) -> None:
        path = head_paths.path_of(obj, "bake")
        bake = open_files.bake.cached(path)
        frames = f": frames {bake.card.span[0]} to {bake.card.span[-1]}" if bake else ""
        layout.label(text=Path(path).name + frames, icon="FILE_CACHE")
        if bake and bake.missing:
            counts = f"{len(bake.frames)} of {bake.card.frame_count} frames are baked"
            draw_sentence(layout, context, f"{counts}; missing: {bake.missing}", "INFO")
        if state.changes:
            draw_sentence(layout, context, f"Changed since the bake: {', '.join(state.changes)}", "ERROR")
        elif state.is_driven:
            draw_sentence(layout, context, "Drivers or the NLA move the sliders: bake again after they change", "INFO")


CLASSES = (
    TALKSPLAT_PT_head,
    TALKSPLAT_PT_about,
    TALKSPLAT_PT_speech,
    TALKSPLAT_PT_takes,
    TALKSPLAT_PT_performance,
    TALKSPLAT_PT_keyframes,
    TALKSPLAT_PT_corrections,
    TALKSPLAT_PT_proxy,
    TALKSPLAT_PT_bake,
    TALKSPLAT_PT_render,
    TALKSPLAT_PT_export,
    TALKSPLAT_PT_self_contained,
)
LISTS = (TALKSPLAT_UL_corrections, TALKSPLAT_UL_takes)


def register() -> None:
    """Called by the add-on's own `register`."""
    for cls in (*LISTS, *CLASSES):
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for cls in reversed((*LISTS, *CLASSES)):
        bpy.utils.unregister_class(cls)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and what they hold, in numpy alone: heads, bakes, tensors, Gaussians, cameras; safe reading, atomic writing."""

from .atomic_write import atomic_write, check_writable, is_nonempty_file, remove_leftovers
from .bake_file import BakeReader
from .bake_header import BAKE_MAGIC, SHOT_FIELDS, BakeCard, BakeHeader
from .bake_writer import BakeWriter
from .blending import BLENDS, check_blend, linear_to_srgb, over_background, srgb_to_linear
from .camera import Camera
from .file_hash import sha256_of_file
from .file_lock import FileLock, locked_folder
from .file_manifest import FileManifest, content_key
from .frame_list import format_frames, parse_frames, span_of_frames
from .gaussians import SH_C0, SH_COEFFICIENTS, Gaussians
from .head_file import BRANCHES, HEAD_FORMAT, HeadCard, HeadFile, read_head, write_head
from .json_codec import LATER, from_json, from_json_values, require_version, to_json, to_pretty_json
from .label_lines import GRID_UNITS, label_lines
from .open_untrusted import open_regular_file, open_untrusted, translate_read_errors
from .ply import AXES_COMMENT, BLEND_COMMENT, COLOUR_COMMENT, read_ply, read_ply_file, read_ply_header, write_ply
from .quad_mesh import QuadMesh, read_quad_mesh, write_quad_mesh
from .ratio import parse_ratio
from .replace_file import replace_file
from .rig import MAX_CHANNELS, RIG_NUMBERS, Rig, RigCard, RigChannel, RigDrive, RigMoves, RigRegion, rig_of, with_rig
from .rotate import RDF_TO_BLENDER, RUB_TO_BLENDER, matrix_from_quaternion, rotate_gaussians
from .script import SUBTITLE_SUFFIXES, is_plain_script, read_script
from .seekable_file import SeekableFile
from .shot_frames import frame_number, select_frames
from .sound_choice import SoundChoice, hash_of_sounds, hash_of_words
from .stored_path import found_path, stored_path
from .tensors import read_metadata, read_tensors, write_tensors
from .textgrid import write_textgrid
from .timed_label import TimedLabel
from .timed_words import WordTimings, read_words, words_beside
from .transform import transform_gaussians
from .user_error import UserError

__all__ = [
    "AXES_COMMENT",
    "BAKE_MAGIC",
    "BLENDS",
    "BLEND_COMMENT",
    "BRANCHES",
    "COLOUR_COMMENT",
    "GRID_UNITS",
    "HEAD_FORMAT",
    "LATER",
    "MAX_CHANNELS",
    "RDF_TO_BLENDER",
    "RIG_NUMBERS",
    "RUB_TO_BLENDER",
    "SHOT_FIELDS",
    "SH_C0",
    "SH_COEFFICIENTS",
    "SUBTITLE_SUFFIXES",
    "BakeCard",
    "BakeHeader",
    "BakeReader",
    "BakeWriter",
    "Camera",
    "FileLock",
    "FileManifest",
    "Gaussians",
    "HeadCard",
    "HeadFile",
    "QuadMesh",
    "Rig",
    "RigCard",
    "RigChannel",
    "RigDrive",
    "RigMoves",
    "RigRegion",
    "SeekableFile",
    "SoundChoice",
    "TimedLabel",
    "UserError",
    "WordTimings",
    "atomic_write",
    "check_blend",
    "check_writable",
    "content_key",
    "format_frames",
    "found_path",
    "frame_number",
    "from_json",
    "from_json_values",
    "hash_of_sounds",
    "hash_of_words",
    "is_nonempty_file",
    "is_plain_script",
    "label_lines",
    "linear_to_srgb",
    "locked_folder",
    "matrix_from_quaternion",
    "open_regular_file",
    "open_untrusted",
    "over_background",
    "parse_frames",
    "parse_ratio",
    "read_head",
    "read_metadata",
    "read_ply",
    "read_ply_file",
    "read_ply_header",
    "read_quad_mesh",
    "read_script",
    "read_tensors",
    "read_words",
    "remove_leftovers",
    "replace_file",
    "require_version",
    "rig_of",
    "rotate_gaussians",
    "select_frames",
    "sha256_of_file",
    "span_of_frames",
    "srgb_to_linear",
    "stored_path",
    "to_json",
    "to_pretty_json",
    "transform_gaussians",
    "translate_read_errors",
    "with_rig",
    "words_beside",
    "write_head",
    "write_ply",
    "write_quad_mesh",
    "write_tensors",
    "write_textgrid",
]

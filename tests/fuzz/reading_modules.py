# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module of ours that opens or parses something, and the readers of the fuzzer that throw files at it.

A module that is missing here fails a test. A text instead of readers says why nothing from outside comes to it.
"""

SHIPPED = "reads only what is shipped with talksplat"
OURS = "opens only what it writes itself"

READING_MODULES: dict[str, tuple[str, ...] | str] = {
    "core/audio/container.py": ("sound", "er-nerf"),
    "core/audio/decode.py": ("sound",),
    "core/audio/moonshine.py": SHIPPED,
    "core/audio/sound.py": OURS,
    "core/baking/bake.py": "the header of a bake that is replaced: BakeHeader, which `bake to continue` reads",
    "core/cli.py": OURS,
    "core/converting/action_units.py": ("er-nerf",),
    "core/converting/er_nerf_pictures.py": ("er-nerf",),
    "core/converting/er_nerf_text.py": ("er-nerf",),
    "core/converting/resume_marker.py": ("folder to continue",),
    "core/dispatch.py": SHIPPED,
    "core/footage/footage_card.py": ("footage", "our footage to er-nerf"),
    "core/footage/footage_png.py": ("footage", "our footage to er-nerf"),
    "core/footage/read_npz.py": ("footage", "stage cache"),
    "core/formats/atomic_write.py": OURS,
    "core/formats/bake_file.py": ("bake", "hostile bake", "bake to continue"),
    "core/formats/bake_header.py": ("bake", "hostile bake", "bake to continue"),
    "core/formats/file_lock.py": OURS,
    "core/formats/file_manifest.py": ("manifest",),
    "core/formats/head_file.py": ("head", "hostile head"),
    "core/formats/json_codec.py": ("head", "performance", "message", "info"),
    "core/formats/open_untrusted.py": ("head", "ply", "sound", "footage"),
    "core/formats/ply.py": ("ply", "compressed ply"),
    "core/formats/tensors.py": ("tensors", "head", "performance", "checkpoint"),
    "core/head/checkpoint.py": ("checkpoint", "hostile checkpoint"),
    "core/inspecting/describe.py": ("info", "footage card"),
    "core/interchange/movie.py": OURS,
    "core/interchange/video.py": ("video",),
    "core/interchange/video_stream.py": ("video",),
    "core/jobs/outputs.py": ("output",),
    "core/metrics/grid_words.py": ("align",),
    "core/metrics/st_lpips.py": "nothing of the file is decoded before its hash is that of the authors' weights",
    "core/performance/condition.py": ("performance",),
    "core/preparing/identity.py": "an entry of the stage cache, which `stage cache` reads",
    "core/preparing/stage_cache.py": ("stage cache",),
    "core/preparing/write_footage.py": "an entry of the stage cache, which `stage cache` reads",
    "core/raster/numba_runtime.py": SHIPPED,
    "core/tracking/rig.py": SHIPPED,
    "core/tracking/runtime.py": SHIPPED,
    "core/training/run_log.py": ("losses",),
    "core/training/training_report.py": "copies the previews into the page; their bytes are not decoded",
    "core/training/training_settings.py": "parses what it has just written",
    "core/wire.py": ("message",),
    "blender_addon/link/worker_process.py": "reads the first line of the worker that it started, and its log as text",
    "blender_addon/open_files.py": "opens heads, bakes and performances with core's readers; hashes sounds",
    "blender_addon/output_paths.py": "reads the header of a bake: BakeHeader, which `bake` reads",
}

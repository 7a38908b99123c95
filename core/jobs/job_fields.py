# SPDX-License-Identifier: GPL-3.0-or-later
"""What every job is made of: its base, and the metadata of its fields, which say which of them name what the job writes
(outputs.py), and what only the shell needs: POSITIONAL, HIDDEN, OPTIONAL_TEXT, or the registry whose names it takes.
"""

from dataclasses import dataclass

POSITIONAL = {"positional": True}  # written without its name
HIDDEN = {"hidden": True}  # only programs set it
OPTIONAL_TEXT = {"shell_default": ""}  # in a shell it may be left out; in Python its place among the fields is kept


def names_from(registry: str) -> dict[str, str]:
    """Metadata of a field whose value is a name in `registry`, "package.module:DICTIONARY" below core."""
    return {"registry": registry}


FUSION = names_from("deformation.fusion:FUSIONS")
STRATEGY = names_from("training.density:STRATEGIES")
ENCODER = names_from("audio.encoders:ENCODERS")
BLEND = names_from("formats.blending:BLENDS")
PRESET = names_from("training.training_settings:PRESETS")
EXR_LAYOUT = names_from("interchange.exr:EXR_LAYOUTS")
EXR_COMPRESSION = names_from("interchange.exr:EXR_COMPRESSIONS")
COLOUR_SPACE = names_from("interchange.colour:COLOUR_SPACES")
PASSES = names_from("baking.passes:PASSES")
SUPERSAMPLING = names_from("baking.render_sampling:SUPERSAMPLING")
PIXEL_FILTER = names_from("raster.pixel_filter:PIXEL_FILTERS")
MOVIE_FORMAT = names_from("interchange.movie_formats:MOVIE_FORMATS")
ENGINE = names_from("baking.farm.engines:ENGINES")
SHUTTER_POSITION = names_from("jobs.shutter:SHUTTER_POSITIONS")
EXPORTER = names_from("exporting.exporters:EXPORTERS")

DEVICES = ("auto", "cpu", "cuda")  # what a job that can use a GPU takes


@dataclass(frozen=True)
class Job:
    """A request. Subclasses are frozen dataclasses whose fields are JSON values, dataclasses, or tuples of them."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""USD layers: the library, and prims with their attributes. Knows neither shots nor heads; imports the library only
when something is written or read."""

from .library import new_layer, open_stage, usd_errors, usd_modules
from .prims import define_prim, fixed, sampled, write_header

__all__ = ["define_prim", "fixed", "new_layer", "open_stage", "sampled", "usd_errors", "usd_modules", "write_header"]

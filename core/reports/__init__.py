# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as HTML pages that need nothing from elsewhere: parts of a page, plots as SVG, grids of pictures."""

from .html_page import definition_list, figure, side_by_side, table, write_page
from .picture_grid import enlarged, write_picture_grid
from .svg_plots import format_number, histogram, line_plot, scatter_plot

__all__ = [
    "definition_list",
    "enlarged",
    "figure",
    "format_number",
    "histogram",
    "line_plot",
    "scatter_plot",
    "side_by_side",
    "table",
    "write_page",
    "write_picture_grid",
]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-contained HTML reports: the parts of a page, plots as SVG, grids of pictures."""

from .html_page import definition_list, html_figure, html_table, side_by_side, write_page
from .picture_grid import enlarge_crop, write_picture_grid
from .svg_plots import format_number, histogram, line_plot, scatter_plot

__all__ = [
    "definition_list",
    "enlarge_crop",
    "format_number",
    "histogram",
    "html_figure",
    "html_table",
    "line_plot",
    "scatter_plot",
    "side_by_side",
    "write_page",
    "write_picture_grid",
]

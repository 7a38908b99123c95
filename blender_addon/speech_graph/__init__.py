# SPDX-License-Identifier: GPL-3.0-or-later
"""A graph of the speech in the editors with a time axis: the sound's level, how far the lips are apart, the words.

heard       what is heard when: the strips of the sequencer as plain numbers
levels      how loud it is at each pixel
lips        how far the lips are apart at each frame, found out between redraws
changes     when any of it has to be found out again
words       which words are spoken when
layout      where in the editor all of it goes, as numbers
drawing     the draw handlers
view        which editors show it; the tab in the Graph Editor
"""

from types import ModuleType


def _modules() -> list[ModuleType]:
    from . import changes, drawing, view

    return [view, changes, drawing]


def register() -> None:
    """Called by the add-on's own `register`."""
    for module in _modules():
        module.register()


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for module in reversed(_modules()):
        module.unregister()

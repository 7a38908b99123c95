# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error whose message is meant for the user."""


class UserError(ValueError):
    """Bad input, explained in one sentence that names the file (or the setting) and the fix.

    Every reader, encoder and job raises it for what came from outside; the shell prints it and exits with 1, the
    worker sends it as `Failed`, Blender reports it. Bugs raise anything else and keep their traceback.
    """

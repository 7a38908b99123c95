# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that is meant for a person."""


class UserError(ValueError):
    """Bad input, said in one sentence that names the file (or the setting) and the cure.

    Every reader, encoder and job raises it for what came from outside; the shell prints it and
    exits with 1, the worker sends it as `Failed`, Blender reports it. Our own mistakes raise
    anything else and keep their traceback.
    """

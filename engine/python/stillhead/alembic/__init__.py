# SPDX-License-Identifier: Apache-2.0
"""Alembic's Python API with the program `stillhead` behind it.

    from stillhead.alembic import command     # instead of: from alembic import command

Nothing is replaced by the import. Where the calling code cannot be changed:

    import stillhead.alembic
    stillhead.alembic.patch()                 # alembic.command.upgrade is Stillhead's from here on

Manual: docs/from-alembic.md.
"""
from stillhead.alembic import command
from stillhead.alembic.engine import StillheadError

__all__ = ["StillheadError", "command", "patch", "unpatch"]


def patch():
    """Puts Stillhead's functions into alembic.command. Names that were imported from there before stay."""
    _put(command.FUNCTIONS)


def unpatch():
    """Puts Alembic's own functions back."""
    _put(command.ORIGINALS)


def _put(functions):
    for name, function in functions.items():
        setattr(command.alembics, name, function)

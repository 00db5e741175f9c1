# SPDX-License-Identifier: Apache-2.0
"""What is replaced in Alembic and SQLAlchemy for a run, and put back where the process goes on after it."""


class Patches:
    """Of classes and modules."""

    def __init__(self):
        self._kept = []

    def put(self, owner, name, value):
        """`name` must be an attribute of `owner` itself."""
        self._kept.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    def undo(self):
        while self._kept:
            setattr(*self._kept.pop())

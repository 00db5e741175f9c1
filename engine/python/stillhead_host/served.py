# SPDX-License-Identifier: Apache-2.0
"""Engines that a run has served and that live on in the process: after it they use the project's driver."""
import weakref

from sqlalchemy import create_engine, event

EVENTS = ("connect", "first_connect", "checkout", "checkin", "reset", "invalidate", "soft_invalidate",
          "close", "detach", "close_detached")


class ServedEngines:
    """Those whose dialect was Stillhead's from their creation."""

    def __init__(self):
        self._noted = []

    def note(self, engine, arguments):
        """`arguments`: of create_engine()."""
        if not any(reference() is engine for reference, _, _ in self._noted):
            self._noted.append((weakref.ref(engine), arguments, _listeners(engine.pool)))

    def give_back(self):
        """Where a module keeps an engine that it has made when env.py imported it."""
        for reference, arguments, known in self._noted:
            engine = reference()
            if engine is not None:
                try:
                    _give_back(engine, create_engine(engine.url, **arguments), known)
                except ImportError:
                    pass  # the project has no driver: the engine tells that its connection is gone
        self._noted.clear()


def _give_back(engine, real, known):
    """`engine` stays the object that it is, with the listeners that the project has added to it."""
    for name, listeners in _listeners(engine.pool).items():
        for listener in listeners:
            if not any(listener is other for other in known[name]):
                event.listen(real.pool, name, listener)
    dispatch = vars(engine.dialect).get("dispatch")
    if dispatch is not None:
        real.dialect.dispatch._update(dispatch, only_propagate=False)
    old = engine.pool
    # Engines with execution_options() share the dialect, and take the pool from this one.
    members = vars(real.dialect)
    engine.dialect.__class__ = type(real.dialect)
    engine.dialect.__dict__ = members
    engine.pool = real.pool
    old.dispose()


def _listeners(pool):
    """By name of event, those of this pool only."""
    return {name: list(getattr(getattr(pool.dispatch, name), "listeners", ())) for name in EVENTS}

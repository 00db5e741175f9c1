# SPDX-License-Identifier: Apache-2.0
"""One command of Stillhead in a process that goes on after it: a program that calls Alembic's Python API.

Nothing stays replaced, no signal handler is touched, and nothing ends the process.
"""
import contextvars
import json

from stillhead_host import autogenerate, failure, replace, scripts
from stillhead_host.migrate import Migration, version_rows
from stillhead_host.patches import Patches
from stillhead_host.project import Project
from stillhead_host.served import ServedEngines
from stillhead_host.wire import Wire

_inside = contextvars.ContextVar("stillhead_inside", default=False)


class LeftToAlembic(BaseException):
    """The command is to run in a transaction of the caller's own, where only Alembic itself can do it."""


class InsideMigration(Migration):
    """Connections that Stillhead does not serve are used as with `driver: project`.

    `runs_steps`: the command is upgrade or downgrade; else Stillhead does its work on a session of its own.
    """

    def __init__(self, wire, command, project, config, runs_steps):
        super().__init__(wire, command, project, config)
        self._runs_steps = runs_steps
        self._connections = []

    def is_left_open(self):
        """Whether the caller has still to commit what was run."""
        return any(not connection.closed and connection.in_transaction() for connection in self._connections)

    def _run(self, context, arguments):
        if context.connection is None or replace.number_of(context.connection) is not None:
            super()._run(context, arguments)
        elif _is_in_memory(context.connection):  # no other process can reach it
            self._calls += 1
            self._alembics(context, **arguments)
        else:
            self._run_on_callers(context, arguments)

    def _run_on_callers(self, context, arguments):
        if not self._runs_steps and context.connection.in_transaction():
            raise LeftToAlembic
        if _holds_sqlite_file(context.connection):
            raise failure.ScriptFolderError(
                "the connection that env.py gives to context.configure() has a transaction open on the "
                "SQLite file: commit it before, or no other process can take the lock")
        self._connections.append(context.connection)
        super()._run(context, arguments)

    def _before_steps(self):
        pass

    def _number_of(self, context):
        return replace.number_of(context.connection)

    def _rows_for_begin(self, context):
        return version_rows(context) if context.connection.in_transaction() else None


def run(channel, config, call, runs_steps, on_break):
    """Serves the command on the socket `channel`, which is a file descriptor.

    `call()` runs the function of alembic.command with `config`. `on_break` is called with what has broken
    into the wait for an answer: KeyboardInterrupt. Returns what `call()` returned and None, or None and what
    it raised.
    """
    wire = Wire(channel, on_break)
    command = dict(json.loads(wire.read_line()), announce=True)
    project = Project(command)
    patches, served = Patches(), ServedEngines()
    result = error = None
    try:
        migration = None
        if command["command"] == "migrate":
            migration = InsideMigration(wire, command, project, config, runs_steps)
        _install(wire, command, project, config, migration, patches, served)
        result = _call_inside(call)
        told = _finished(migration)
    except BaseException as raised:
        error = raised
        told = {"do": "failed", "error": failure.describe(raised, project)}
    finally:
        patches.undo()
    try:
        wire.request(**told)
    except BaseException as lost:
        error = error or lost
    finally:
        wire.end()
        served.give_back()
    return result, error


def _finished(migration):
    told = {"do": "finished"}
    if migration is not None:
        migration.check_end()
        told["left_open"] = migration.is_left_open()
    return told


def _call_inside(call):
    token = _inside.set(True)
    try:
        return call()
    finally:
        _inside.reset(token)


def _install(wire, command, project, config, migration, patches, served):
    if migration is not None:
        migration.install(patches)
    else:
        autogenerate.hide_own_tables(patches, config)
    scripts.install(wire, command.get("revisions"), project, patches, config)
    if command.get("driver") == "stillhead":
        replace.install(wire, command.get("url"), lambda text: wire.request(do="warn", text=text), patches,
                        is_served=_inside.get, created=served.note)


def _is_in_memory(connection):
    url = connection.engine.url
    return url.get_backend_name() == "sqlite" and not replace.is_shared(url)


def _holds_sqlite_file(connection):
    driver = getattr(connection.connection, "dbapi_connection", None)
    return connection.dialect.name == "sqlite" and bool(getattr(driver, "in_transaction", False))

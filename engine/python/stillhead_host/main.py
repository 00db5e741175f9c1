# SPDX-License-Identifier: Apache-2.0
"""The main program of the child: takes the command, runs it, tells how it ended (docs/script-host.md)."""
import atexit
import gc
import io
import json
import os
import shutil
import signal
import sys
import threading

from stillhead_host import failure
from stillhead_host.project import Project
from stillhead_host.wire import Wire


def run(fd):
    """Serves the one command on the socket `fd`; what it returns is the exit code of the process."""
    let_signals_end_the_process()
    wire = Wire(fd)
    command = json.loads(wire.read_line())
    project = Project(command)
    # What `alembic` itself has there: env.py and modules of the project may look at it.
    sys.argv[:] = [shutil.which("alembic") or "alembic", *command.get("argv", ())]
    try:
        COMMANDS[command["command"]](wire, command, project)
    except BaseException as error:
        return tell(wire, do="failed", error=failure.describe(error, project))
    return tell(wire, do="finished")


def leave(code):
    """Ends the process as sys.exit() does, but for taking its modules apart: that frees memory, and takes long."""
    try:
        threading._shutdown()  # waits for the threads of scripts
        atexit._run_exitfuncs()
        gc.unfreeze()
        flush(*(file for file in gc.get_objects() if isinstance(file, io.IOBase) and not file.closed))
    finally:
        flush()
        os._exit(code)


def flush(*streams):
    for stream in (*streams, sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # a script has closed it, or the reader of the pipe is gone


def let_signals_end_the_process():
    """At once, and without `finally` blocks of scripts: Stillhead has the transaction, and rolls it back."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def tell(wire, **members):
    flush()  # what scripts have printed stands above what Stillhead says of them
    wire.request(**members)
    return 0 if members["do"] == "finished" else 1


def migrate(wire, command, project):
    failure.import_alembic()
    from stillhead_host import commands
    commands.migrate(wire, command, project)


def alembic(wire, command, project):
    failure.import_alembic()
    from stillhead_host import commands
    commands.run_alembic(wire, command, project)


def doctor(wire, command, project):
    from stillhead_host.doctor import told
    wire.request(do="told", **told(command))


COMMANDS = {"migrate": migrate, "alembic": alembic, "doctor": doctor}

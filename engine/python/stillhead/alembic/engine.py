# SPDX-License-Identifier: Apache-2.0
"""One run of the program stillhead, with the calling process as its script host (docs/script-host.md)."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from importlib import import_module

from alembic.util import CommandError

from stillhead.alembic import settings
from stillhead.alembic.told import LOGGER, Told

STEPS = ("upgrade", "downgrade")
PATIENCE = 15  # seconds, for a run that was told to stop

_run_mutex = threading.Lock()
_running_in = None  # id of the thread
_texts = None  # of the modules that are in sys.modules


class StillheadError(CommandError):
    """What Stillhead refuses or could not do: `reason` and `hint` as docs/errors.md has them.

    `report` is the run's (docs/report.md); empty where the program could not be run.
    """

    def __init__(self, message, reason="InvalidUsage", hint="", report=None):
        super().__init__(message)
        self.reason = reason
        self.hint = hint
        self.report = report or {}


def run(config, name, words, call):
    """`stillhead NAME WORDS`; `call()` is the same with Alembic's own function, which runs env.py."""
    with _one_at_a_time():
        from_env_py = _Run(config, name, words).serve(call)
        error = from_env_py.error
        if type(error).__name__ == "LeftToAlembic":
            return call()
        if error is not None and not from_env_py.is_stillheads:
            raise error
        _raise_for(from_env_py.report, error)
        return from_env_py.result


@contextlib.contextmanager
def _one_at_a_time():
    """What Alembic gives to env.py (alembic.context) is one for the process, too."""
    global _running_in
    if _running_in == threading.get_ident():
        raise StillheadError("env.py or a script calls stillhead.alembic while a run of it is under way")
    with _run_mutex:
        _running_in = threading.get_ident()
        try:
            yield
        finally:
            _running_in = None


def _raise_for(report, error):
    reason, message = report.get("reason"), report.get("message", "")
    if reason == "Succeeded" and error is None:
        return
    if reason == "DatabaseAhead":  # Alembic does nothing, and says nothing
        LOGGER.warning(message)
        return
    if reason in (None, "Succeeded"):
        reason, message = "Bug", str(error)
    raise StillheadError(message, reason, report.get("hint", ""), report) from None


def _program():
    found = os.environ.get("STILLHEAD_PROGRAM") or shutil.which("stillhead")
    if not found:
        raise StillheadError("the program stillhead is in no folder of PATH, and STILLHEAD_PROGRAM does not "
                             "name it")
    return found


class _Run:
    """A process of the program, and what became of it."""

    def __init__(self, config, name, words):
        self.report, self.result, self.error, self.is_stillheads = {}, None, None, False
        self._config, self._name = config, name
        self._broken_by = None
        ours, theirs = socket.socketpair()
        program = _program()
        variables = dict(os.environ, STILLHEAD_HOST_FD=str(theirs.fileno()), **settings.variables_of(config))
        argv = [program, name, "--json", "--log-format", "json", *settings.options_of(config), *words]
        try:
            self._process = subprocess.Popen(argv, env=variables, pass_fds=[theirs.fileno()],
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE)
        except OSError as error:
            ours.close()
            raise StillheadError("cannot run {}: {}".format(program, error.strerror)) from error
        finally:
            theirs.close()
        self._channel = ours
        self._told = Told(self._process)

    def serve(self, call):
        try:
            texts = _read_line(self._channel)
            if texts:
                self._told.is_alembics = self._name in STEPS
                self._serve_scripts(json.loads(texts), call)
            self.report = self._told.report()
        except BaseException:
            self._stop()
            raise
        finally:
            self._channel.close()
        return self

    def _serve_scripts(self, texts, call):
        with _modules(texts):
            inside = import_module("stillhead_host.inside")
            wire, failure = (import_module("stillhead_host." + name) for name in ("wire", "failure"))
            self.result, self.error = inside.run(self._channel.detach(), self._config, call,
                                                 self._name in STEPS, self._break)
            self.is_stillheads = isinstance(self.error, (wire.Refused, wire.Interrupted, wire.Lost, wire.WireError,
                                                         failure.ScriptFolderError, failure.Missing))
        if self._broken_by is not None:
            self._stop()
            self.error, self.is_stillheads = self._broken_by, False

    def _break(self, error):
        """KeyboardInterrupt, or what a signal's handler has raised: the statement is cancelled."""
        self._broken_by = self._broken_by or error
        self._process.terminate()

    def _stop(self):
        if self._broken_by is None:  # a second signal would end it without a word
            self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _read_line(channel):
    """Nothing behind the line is taken; empty where Stillhead needs no Python."""
    line = b""
    while not line.endswith(b"\n"):
        seen = channel.recv(65536, socket.MSG_PEEK)
        if not seen:
            return b""
        line += channel.recv(seen.find(b"\n") + 1 or len(seen))
    return line


@contextlib.contextmanager
def _modules(texts):
    """They can be imported inside; another program's, which was used before, are dropped."""
    global _texts
    if _texts != texts:
        for name in [name for name in sys.modules if name.split(".")[0] == "stillhead_host"]:
            del sys.modules[name]
        _texts = texts
    bootstrap = {"__name__": "stillhead_host.bootstrap"}
    exec(texts["stillhead_host.bootstrap"], bootstrap)
    finder = bootstrap["Modules"](texts)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)

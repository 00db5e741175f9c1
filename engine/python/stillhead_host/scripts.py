# SPDX-License-Identifier: Apache-2.0
"""Alembic's script directory with the revisions that Stillhead has read; no file is imported to make it."""
import os
import types

from alembic import op, util
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import Revision, RevisionMap

from stillhead_host.failure import ScriptFolderError


class HostScript(Script):
    """A revision of the command. Its module is imported when it is asked for, as Alembic imports it.

    The module of a script that Stillhead runs itself (`host` is False) has functions that ask for that.
    """

    def __init__(self, wire, entry):
        self._wire = wire
        self._module = None
        self._message = entry.get("message") or ""
        self.host = entry.get("host", True)
        self.path = entry["file"]
        Revision.__init__(self, entry["id"], tuple(entry.get("down") or ()) or None,
                          dependencies=tuple(entry.get("depends") or ()) or None,
                          branch_labels=tuple(entry.get("labels") or ()) or None)

    @property
    def module(self):
        if self._module is None:
            self._module = self._import() if self.host else self._asking_module()
        return self._module

    @property
    def doc(self):
        return self._message

    def _import(self):
        module = util.load_python_file(*os.path.split(self.path))
        found = getattr(module, "revision", self.revision)
        if found != self.revision:
            raise ScriptFolderError("{} says that it is revision {}; when the run began, it was {}".format(
                self.path, found, self.revision))
        return module

    def _asking_module(self):
        module = types.ModuleType(os.path.basename(self.path).replace(".", "_"), self._message)
        module.revision = self.revision
        for direction in ("upgrade", "downgrade"):
            setattr(module, direction, self._asking_function(direction))
        return module

    def _asking_function(self, direction):
        def function(**arguments):
            run_by_stillhead(self._wire, self, direction)

        function.__name__ = direction
        return function


def run_by_stillhead(wire, script, direction):
    """Stillhead runs the script, or gives its statements where it cannot: for `--sql` or another driver."""
    answer = wire.request(do="begin_step", revision=script.revision, direction=direction)
    if answer.get("ran"):
        return
    context = op.get_context()
    for statement in answer["statements"]:
        if context.as_sql:
            context.impl.static_output(statement + context.impl.command_terminator)
        else:
            context.connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def install(wire, entries, project, patches, run_config=None):
    """From here on Alembic finds `entries` in the script folder of the command, and does not look into it.

    `run_config`: the alembic.config.Config of the command, None where there is only one.
    """
    make = ScriptDirectory.from_config.__func__
    load = ScriptDirectory._load_revisions
    own = []

    def from_config(cls, config):
        directory = make(cls, config)
        directory._stillhead_locations = _locations(directory)
        if not own and run_config in (None, config):
            own.append(_key(directory))
            project.folder = os.path.abspath(directory.dir)
        return directory

    def load_revisions(self):
        if entries is None or own[:1] != [_key(self)]:
            return load(self)
        return [HostScript(wire, entry) for entry in entries]

    patches.put(ScriptDirectory, "from_config", classmethod(from_config))
    patches.put(ScriptDirectory, "_load_revisions", load_revisions)


def changed_folders(directory):
    """Absolute paths of the version locations that env.py has put in the place of the configuration's, or []."""
    configured = getattr(directory, "_stillhead_locations", None)
    if configured is None or configured == _locations(directory):
        return []
    return [os.path.abspath(str(place)) for place in directory._version_locations]


def replace(wire, directory, entries, project):
    """Stillhead has read other folders: these are their revisions."""
    project.add(entries)
    directory.revision_map = RevisionMap(lambda: [HostScript(wire, entry) for entry in entries])


def _locations(directory):
    return [str(place) for place in directory.version_locations or ()]


def _key(directory):
    return os.path.abspath(directory.dir), _locations(directory)

# SPDX-License-Identifier: Apache-2.0
"""Runs Alembic's own command line: its options, configuration and env.py are all Alembic's."""
import logging

from alembic.config import CommandLine
from alembic.runtime.migration import MigrationStep
from alembic.util import CommandError

from stillhead_host import replace, scripts
from stillhead_host.patches import Patches


class HostCommandLine(CommandLine):
    """Alembic's, but errors are left to the caller. `started`: the arguments have been understood."""

    started = False

    def run_cmd(self, config, options):
        self.started = True
        function, positional, named = options.cmd
        function(config, *[getattr(options, name, None) for name in positional],
                 **{name: getattr(options, name, None) for name in named})


def migrate(wire, command, project):
    """Runs env.py for the command in argv, with the steps that Stillhead names for it."""
    from stillhead_host.migrate import Migration
    migration = Migration(wire, command, project)
    patches = Patches()
    migration.install(patches)
    _run(wire, command, project, patches)
    migration.check_end()


def run_alembic(wire, command, project):
    """Runs what argv says as Alembic does, with its own steps."""
    from stillhead_host import autogenerate
    patches = Patches()
    autogenerate.hide_own_tables(patches)
    _run(wire, command, project, patches)


def _run(wire, command, project, patches):
    scripts.install(wire, command.get("revisions"), project, patches)
    if command.get("driver") == "stillhead":
        replace.install(wire, command.get("url"), lambda text: wire.request(do="warn", text=text), patches)
    if not command.get("announce"):
        logging.getLogger("alembic.runtime.migration").addFilter(_is_no_announcement)
    line = HostCommandLine(prog="alembic")
    try:
        line.main(command["argv"])
    except SystemExit as error:
        if line.started or error.code:  # --help and --version end with 0
            raise
    except CommandError as error:
        if command.get("announce"):
            logging.getLogger("alembic.util.messaging").error(str(error))
        raise


def _is_no_announcement(record):
    """`Running upgrade a -> b` is for Stillhead to say."""
    return not (record.msg == "Running %s" and record.args and isinstance(record.args[0], MigrationStep))

# SPDX-License-Identifier: Apache-2.0
"""Keeps Stillhead's own tables out of what `revision --autogenerate` and `check` compare."""
from alembic.runtime.environment import EnvironmentContext

# engine/db/history_layout.h
SCHEMA = "stillhead"
TABLES = ("stillhead_history", "stillhead_journal", "stillhead_owner", "stillhead_schema_version")


def hide_own_tables(patches, config=None):
    """From here on they are left out before env.py's own include_name is asked.

    `config`: only where env.py runs for this alembic.config.Config.
    """
    configure = EnvironmentContext.configure

    def configure_without_own_tables(self, *positional, **named):
        configure(self, *positional, **named)
        if config not in (None, self.config):
            return
        options = self._migration_context.opts
        options["include_name"] = _without_own(options.get("include_name"))

    patches.put(EnvironmentContext, "configure", configure_without_own_tables)


def _without_own(include_name):
    def include(name, type_, parents):
        own = (type_ == "schema" and name == SCHEMA) or (type_ == "table" and name in TABLES)
        return not own and (include_name is None or include_name(name, type_, parents))

    return include

# SPDX-License-Identifier: Apache-2.0
"""A run inside Alembic's own: MigrationContext.run_migrations() does the steps that Stillhead names."""
import gc
from urllib.parse import quote

from alembic.runtime.migration import MigrationContext, RevisionStep

from stillhead_host import replace, scripts
from stillhead_host.failure import ScriptFolderError


class HostStep(RevisionStep):
    """A step of the answer to `begin_run`; its script is imported when it is to run."""

    def __init__(self, migration, revision_map, script, direction):
        self.revision_map = revision_map
        self.revision = script
        self.is_upgrade = direction == "upgrade"
        self._migration = migration

    @property
    def name(self):
        return "upgrade" if self.is_upgrade else "downgrade"

    def migration_fn(self, **arguments):
        self._migration.run_script(self.revision, self.name, arguments)


class Migration:
    """The calls of run_migrations() that one command makes, with `config` (None: all that are made)."""

    def __init__(self, wire, command, project, config=None):
        self._wire = wire
        self._project = project
        self._config = config
        self._own_driver = command.get("driver") == "project"
        self._number = None
        self._calls = 0
        self._error = None
        self._alembics = MigrationContext.run_migrations

    def install(self, patches):
        def run_migrations(context, **arguments):
            if self._config not in (None, context.config):
                return self._alembics(context, **arguments)
            try:
                self._run(context, arguments)
            except BaseException as error:
                self._error = error
                raise

        patches.put(MigrationContext, "run_migrations", run_migrations)

    def check_end(self):
        """After env.py. Raises what it caught of the run's errors, and if there was no run."""
        if self._error is not None:
            raise self._error
        if not self._calls:
            raise ScriptFolderError("env.py has ended without a call of context.run_migrations(): nothing "
                                    "was run. It must call it when context.is_offline_mode() is False")

    def run_script(self, script, direction, arguments):
        self._project.revision = script.revision
        if script.host:
            self._wire.request(do="begin_step", revision=script.revision, direction=direction)
        getattr(script.module, direction)(**arguments)

    def _run(self, context, arguments):
        self._calls += 1
        answer = self._wire.request(do="begin_run", **self._told_of(context))
        if "revisions" in answer:
            scripts.replace(self._wire, context.script, answer["revisions"], self._project)
        if not answer["steps"]:
            return
        self._before_steps()
        kept = context._migrations_fn, context.on_version_apply_callbacks
        # Ours comes first: whatever a callback of env.py does, the history is in the transaction of the rows.
        context._migrations_fn = lambda heads, _: self._steps(context, heads, answer)
        context.on_version_apply_callbacks = (self._end_step, *kept[1])
        try:
            self._alembics(context, **arguments)
        finally:
            context._migrations_fn, context.on_version_apply_callbacks = kept
        self._wire.request(do="end_run")

    def _before_steps(self):
        """The process is ours: what the project has imported need not be searched for garbage with each step."""
        gc.freeze()

    def _told_of(self, context):
        url = self._url(context)
        self._number = self._number_of(context)
        rows = self._rows_for_begin(context) if self._number is None else None
        folders = scripts.changed_folders(context.script)
        return {"connection": self._number, **({} if rows is None else {"rows": rows}),
                **({"version_locations": folders} if folders else {}),
                "version_table": context.version_table,
                "version_table_schema": context.version_table_schema,
                "version_table_pk": bool(context.opts.get("version_table_pk", True)),
                "transaction_per_migration": bool(context._transaction_per_migration),
                "transactional_ddl": bool(context.impl.transactional_ddl),
                "tag": context.opts.get("tag"), "url": url}

    def _number_of(self, context):
        if self._own_driver:
            return None
        number = replace.number_of(context.connection)
        if number is None:
            shown = context.connection.engine.url.render_as_string(hide_password=True)
            raise ScriptFolderError("env.py gives context.configure() a connection to {}, which Stillhead "
                                    "does not serve; `driver: project` lets scripts use it".format(shown))
        return number

    def _rows_for_begin(self, context):
        """Where only this connection sees them."""

    def _url(self, context):
        if context.as_sql or context.connection is None:
            raise ScriptFolderError("env.py calls context.configure() without a connection although "
                                    "context.is_offline_mode() is False")
        return _with_password(context.connection.engine.url)

    def _steps(self, context, heads, answer):
        if set(heads) != set(answer["heads"]):
            raise ScriptFolderError("the version table {} has {} for env.py, and {} for Stillhead: do both "
                                    "read the same database and schema?".format(
                                        context.version_table, _listed(heads), _listed(answer["heads"])))
        for step in answer["steps"]:
            script = context.script.get_revision(step["revision"])
            yield HostStep(self, context.script.revision_map, script, step["direction"])
            self._project.revision = None

    def _end_step(self, ctx, step, heads, run_args):
        rows = {"rows": version_rows(ctx)} if self._number is None else {}
        self._wire.request(do="end_step", revision=step.up_revision_id,
                           direction="upgrade" if step.is_upgrade else "downgrade", **rows)


def version_rows(context):
    return sorted(context.get_current_heads())


def _with_password(url):
    """As SQLAlchemy 2 prints it; 1.4 leaves `#`, `?` and `%` in names and passwords as they are."""
    if url.username is None:
        return url.render_as_string(hide_password=False)
    scheme, rest = url._replace(username=None, password=None).render_as_string(hide_password=False).split("://", 1)
    password = "" if url.password is None else ":" + quote(str(url.password), safe="")
    return "{}://{}{}@{}".format(scheme, quote(url.username, safe=""), password, rest)


def _listed(heads):
    return ", ".join(sorted(heads)) or "no rows"

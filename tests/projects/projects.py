# SPDX-License-Identifier: Apache-2.0
"""What each public project needs to be migrated from outside of it, by its command line alone.

Their packages carry env.py and scripts; most call Alembic from Python and hand it a connection or a URL.
Here the URL stands in a generated alembic.ini or in a variable that their env.py reads. Where env.py
cannot be run by `alembic` itself, a short env.py around it does what the project's own program does.
"""
import dataclasses

PSYCOPG2, SQLITE = "postgresql+psycopg2", "sqlite"


@dataclasses.dataclass(frozen=True)
class Project:
    """`ini` and `environment` are filled in: `{url}`, `{flavour}`, `{folder}` (the working folder) and
    `{packages}` (site-packages). Where the project itself names the package, so does `ini`."""
    name: str
    scripts: str  # the versions folder, below site-packages; to count revisions
    ini: str  # alembic.ini, below [alembic]
    drivers: dict[str, str]  # flavour: the scheme of its URL, as the project's users write it
    package: str = ""  # on the lock's first line; `name` unless told
    lock: str = ""  # locks/LOCK.txt; `name` unless told
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    env_py: str = ""  # beside alembic.ini
    prepare: str = ""  # Python, run once before the first revision, with the URL in sys.argv[1]
    version_table: str = "alembic_version"
    # Flavour: the lowest revision that the scripts can reach, and why; else base.
    down_to: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)


# `dagster instance migrate` hands a connection over, and in 2019 its scripts began at tables of 0.6.
DAGSTER_ENV = """\
import os.path
import types

import dagster._core.storage
import sqlalchemy
from alembic import context
from alembic.util import load_python_file
from dagster._core.storage.migration.utils import upgrading_instance

url = sqlalchemy.engine.make_url(context.config.get_main_option("sqlalchemy.url"))
if url.get_backend_name() == "postgresql":
    connected = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT").connect()
else:
    connected = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool).begin()
with connected as connection, upgrading_instance(types.SimpleNamespace(scheduler=None)):
    context.config.attributes["connection"] = connection
    load_python_file(os.path.join(dagster._core.storage.__path__[0], "alembic"), "env.py")
"""

DAGSTER_TABLES = """\
import sys
import sqlalchemy as sa
tables = sa.MetaData()
def table(name, *columns):
    sa.Table(name, tables, sa.Column("id", sa.Integer, primary_key=True, autoincrement=True), *columns)
def text(name, length=None, **options):
    return sa.Column(name, sa.String(length), **options)
def time(name):
    return sa.Column(name, sa.DateTime, server_default=sa.text("CURRENT_TIMESTAMP"))
table("runs", text("run_id", 255, unique=True), text("pipeline_name"), text("status", 63),
      text("run_body"), time("create_timestamp"), time("update_timestamp"))
table("run_tags", sa.Column("run_id", None, sa.ForeignKey("runs.run_id")), text("key"), text("value"))
table("event_logs", text("run_id", 255), sa.Column("event", sa.Text, nullable=False),
      sa.Column("dagster_event_type", sa.Text), sa.Column("timestamp", sa.TIMESTAMP))
table("schedules", text("schedule_id", 255, unique=True), text("repository_name", 255), text("status", 63),
      text("schedule_body"), time("create_timestamp"), time("update_timestamp"))
table("schedule_ticks", text("schedule_id", 255), text("status", 63), text("tick_body"))
tables.create_all(sa.create_engine(sys.argv[1]))
"""

# `prefect server database upgrade` calls Alembic in a worker thread of anyio's, and env.py relies on it.
PREFECT_ENV = """\
import os.path

import anyio
import anyio.to_thread
import prefect.server.database
from alembic.util import load_python_file

folder = os.path.join(prefect.server.database.__path__[0], "_migrations")
anyio.run(anyio.to_thread.run_sync, load_python_file, folder, "env.py")
"""

# `mlflow server` makes the tables of its first release, then upgrades.
MLFLOW_TABLES = """\
import sys
import sqlalchemy
from mlflow.store.tracking.dbmodels.initial_models import Base
Base.metadata.create_all(sqlalchemy.create_engine(sys.argv[1]))
"""

LOGGING = """
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = WARNING
handlers =
"""

PROJECTS = [
    Project(
        name="optuna",
        scripts="optuna/storages/_rdb/alembic/versions",
        ini="script_location = {packages}/optuna/storages/_rdb/alembic\nsqlalchemy.url = {url}\n" + LOGGING,
        drivers={"postgresql": PSYCOPG2, "sqlite": SQLITE},
        down_to=dict.fromkeys(("postgresql", "sqlite"), ("v3.0.0.c", "its downgrade() names an attribute that is"
                                                         " not there")),
    ),
    Project(
        name="mlflow",
        scripts="mlflow/store/db_migrations/versions",
        ini="script_location = {packages}/mlflow/store/db_migrations\nsqlalchemy.url = {url}\n",
        drivers={"postgresql": PSYCOPG2, "sqlite": SQLITE},
        prepare=MLFLOW_TABLES,
        down_to={"postgresql": ("2b4d017a5e9b", "its downgrade() drops a table that later ones refer to"),
                 "sqlite": ("c8d9e0f1a2b3", "its downgrade() copies a generated column")},
    ),
    Project(
        name="dagster",
        scripts="dagster/_core/storage/alembic/versions",
        ini="script_location = %(here)s\nsqlalchemy.url = {url}\n"
            "version_locations = dagster:_core/storage/alembic/versions\n",
        drivers={"postgresql": PSYCOPG2, "sqlite": SQLITE},
        env_py=DAGSTER_ENV,
        prepare=DAGSTER_TABLES,
        down_to={"postgresql": ("375e95bad550", "its downgrade() drops a column before that column's index"),
                 "sqlite": ("9483999bad92", "its downgrade() drops a column that an index needs")},
    ),
    Project(
        name="prefect",
        scripts="prefect/server/database/_migrations/versions/{flavour}",
        ini="script_location = %(here)s\n"
            "version_locations = prefect:server/database/_migrations/versions/{flavour}\n",
        drivers={"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"},
        environment={"PREFECT_SERVER_DATABASE_CONNECTION_URL": "{url}", "PREFECT_HOME": "{folder}/home",
                     "PREFECT_LOGGING_LEVEL": "WARNING", "DO_NOT_TRACK": "1"},
        env_py=PREFECT_ENV,
    ),
    Project(
        name="langflow-base",
        scripts="langflow/alembic/versions",
        ini="script_location = {packages}/langflow/alembic\nsqlalchemy.url = {url}\n" + LOGGING,
        drivers={"postgresql": "postgresql+psycopg", "sqlite": "sqlite+aiosqlite"},
        environment={"LANGFLOW_CONFIG_DIR": "{folder}/home", "LANGFLOW_LOG_LEVEL": "warning",
                     "DO_NOT_TRACK": "true"},
        down_to={"postgresql": ("012fb73ac359", "its downgrade() drops a constraint by a name it never had")},
    ),
]

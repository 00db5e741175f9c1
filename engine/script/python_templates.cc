// SPDX-License-Identifier: Apache-2.0
#include "engine/script/python_templates.h"

#include <initializer_list>
#include <string_view>

#include "engine/script/stock_templates.h"

namespace engine {
namespace {

constexpr std::string_view kEnvBegin = R"(# The values of alembic.ini.
config = context.config

# Loggers as alembic.ini says.
if config.config_file_name is not None:
    fileConfig(config.config_file_name)
)";

constexpr std::string_view kEnvOffline = R"(
# The models that `revision --autogenerate` and `check` compare with the database:
# from myapp.models import Base
# target_metadata = Base.metadata
target_metadata = None


def run_migrations_offline() -> None:
    """With --sql: the statements are printed, and no database is asked."""
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )

    with context.begin_transaction():
        context.run_migrations()

)";

constexpr std::string_view kEnvEnd = R"(

if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
)";

constexpr std::string_view kGenericImports = R"(from logging.config import fileConfig

from sqlalchemy import engine_from_config
from sqlalchemy import pool

from alembic import context

)";

constexpr std::string_view kGenericOnline = R"(
def run_migrations_online() -> None:
    """On a connection to the database that alembic.ini names."""
    connectable = engine_from_config(
        config.get_section(config.config_ini_section, {}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )

    with connectable.connect() as connection:
        context.configure(connection=connection, target_metadata=target_metadata)

        with context.begin_transaction():
            context.run_migrations()
)";

constexpr std::string_view kAsyncImports = R"(import asyncio
from logging.config import fileConfig

from sqlalchemy import pool
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import async_engine_from_config

from alembic import context

)";

constexpr std::string_view kAsyncOnline = R"(
def do_run_migrations(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=target_metadata)

    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations() -> None:
    connectable = async_engine_from_config(
        config.get_section(config.config_ini_section, {}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )

    async with connectable.connect() as connection:
        await connection.run_sync(do_run_migrations)

    await connectable.dispose()


def run_migrations_online() -> None:
    """On a connection of an asynchronous driver."""
    asyncio.run(run_async_migrations())
)";

constexpr std::string_view kMultidbImports = R"(import logging
import re
from logging.config import fileConfig

from sqlalchemy import engine_from_config
from sqlalchemy import pool

from alembic import context

# Commit in two phases, so that all databases have the revisions or none has.
USE_TWOPHASE = False

)";

constexpr std::string_view kMultidbRuns = R"(logger = logging.getLogger("alembic.env")

# The sections of alembic.ini that name a database each.
db_names = re.split(r",\s*", config.get_main_option("databases", ""))

# The models of each database: {"engine1": Base.metadata}.
target_metadata = {}


def run_migrations_offline() -> None:
    """With --sql: the statements for each database go to a file of its name."""
    for name in db_names:
        file_name = f"{name}.sql"
        logger.info("Writing the statements for %s to %s", name, file_name)
        with open(file_name, "w") as buffer:
            context.configure(
                url=config.get_section_option(name, "sqlalchemy.url"),
                output_buffer=buffer,
                target_metadata=target_metadata.get(name),
                literal_binds=True,
                dialect_opts={"paramstyle": "named"},
            )
            with context.begin_transaction():
                context.run_migrations(engine_name=name)


def run_migrations_online() -> None:
    """On all databases: each has a transaction, and all commit at the end."""
    open_ones = {}
    try:
        for name in db_names:
            engine = engine_from_config(
                config.get_section(name, {}),
                prefix="sqlalchemy.",
                poolclass=pool.NullPool,
            )
            connection = engine.connect()
            transaction = connection.begin_twophase() if USE_TWOPHASE else connection.begin()
            open_ones[name] = (connection, transaction)

        for name, (connection, _) in open_ones.items():
            logger.info("Migrating database %s", name)
            context.configure(
                connection=connection,
                upgrade_token=f"{name}_upgrades",
                downgrade_token=f"{name}_downgrades",
                target_metadata=target_metadata.get(name),
            )
            context.run_migrations(engine_name=name)

        if USE_TWOPHASE:
            for _, transaction in open_ones.values():
                transaction.prepare()
        for _, transaction in open_ones.values():
            transaction.commit()
    except BaseException:
        for _, transaction in open_ones.values():
            transaction.rollback()
        raise
    finally:
        for connection, _ in open_ones.values():
            connection.close()
)";

constexpr std::string_view kMultidbScript = R"(<%!
import re
%>"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision: str = ${repr(up_revision)}
down_revision: Union[str, Sequence[str], None] = ${repr(down_revision)}
branch_labels: Union[str, Sequence[str], None] = ${repr(branch_labels)}
depends_on: Union[str, Sequence[str], None] = ${repr(depends_on)}


def upgrade(engine_name: str) -> None:
    """Of the database engine_name."""
    globals()[f"upgrade_{engine_name}"]()


def downgrade(engine_name: str) -> None:
    """Of the database engine_name."""
    globals()[f"downgrade_{engine_name}"]()

## Two functions for each name in `databases` of alembic.ini.
% for db_name in re.split(r",\s*", config.get_main_option("databases")):

def upgrade_${db_name}() -> None:
    ${context.get("%s_upgrades" % db_name, "pass")}


def downgrade_${db_name}() -> None:
    ${context.get("%s_downgrades" % db_name, "pass")}

% endfor
)";

constexpr std::string_view kIniLoggers = R"(
# What env.py hands to logging.config.fileConfig().
[loggers]
keys = root,sqlalchemy,alembic

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARNING
handlers = console
qualname =

[logger_sqlalchemy]
level = WARNING
handlers =
qualname = sqlalchemy.engine

[logger_alembic]
level = INFO
handlers =
qualname = alembic

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
datefmt = %H:%M:%S
)";

constexpr std::string_view kIniBegin =
    R"(# Settings of this project's migrations, read by Alembic and by stillhead.

[alembic]
# The folder of env.py and the scripts. %(here)s is the folder of this file.
script_location = ${script_location}

# Names of new scripts. Tokens: rev, slug, epoch, year, month, day, hour, minute, second; each % doubled.
# file_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s

# Where Python looks for modules first, separated by what path_separator says.
prepend_sys_path = .

# The zone of dates in new scripts, such as UTC or Europe/Paris; local time when left out.
# timezone = UTC

# How many characters of the message go into the name.
# truncate_slug_length = 40

# Whether `revision` runs env.py without --autogenerate, too.
# revision_environment = false

# Several folders of scripts, and whether the folders below them count.
# version_locations = %(here)s/migrations/versions:%(here)s/plugin/versions
# recursive_version_locations = false
path_separator = os

# The encoding of new scripts.
# output_encoding = utf-8
)";

constexpr std::string_view kIniHooks = R"(
# Programs that are run on each new script, for instance a formatter.
[post_write_hooks]
# hooks = black
# black.type = console_scripts
# black.entrypoint = black
# black.options = -l 79 REVISION_SCRIPT_FILENAME
)";

constexpr std::string_view kOneUrl = R"(
# The database, for env.py.
sqlalchemy.url = driver://user:pass@localhost/dbname
)";

constexpr std::string_view kUrlOfEach = R"(
# The databases, for env.py: a section of its own for each.
databases = engine1, engine2

[engine1]
sqlalchemy.url = driver://user:pass@localhost/dbname

[engine2]
sqlalchemy.url = driver://user:pass@localhost/dbname2
)";

constexpr std::string_view kPyprojectIni =
    R"(# What env.py needs of the place where it runs. The other settings are in pyproject.toml.

[alembic]
# The database, for env.py.
sqlalchemy.url = driver://user:pass@localhost/dbname
)";

constexpr std::string_view kPyproject = R"([tool.alembic]
# The folder of env.py and the scripts. %(here)s is the folder of this file.
script_location = "${script_location}"

# Names of new scripts. Tokens: rev, slug, epoch, year, month, day, hour, minute, second; each % doubled.
# file_template = "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s"

# Where Python looks for modules first.
prepend_sys_path = [
    "."
]

# The zone of dates in new scripts; local time when left out.
# timezone = "UTC"

# How many characters of the message go into the name.
# truncate_slug_length = 40

# Whether `revision` runs env.py without --autogenerate, too.
# revision_environment = false

# Several folders of scripts, and whether the folders below them count.
# version_locations = [
#     "%(here)s/migrations/versions",
#     "%(here)s/plugin/versions"
# ]
# recursive_version_locations = false

# The encoding of new scripts.
# output_encoding = "utf-8"

# Programs that are run on each new script, for instance a formatter.
# [[tool.alembic.post_write_hooks]]
# name = "black"
# type = "console_scripts"
# entrypoint = "black"
# options = "-l 79 REVISION_SCRIPT_FILENAME"
)";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

std::vector<PythonTemplate> make_templates() {
  const std::string generic_env =
      joined({kGenericImports, kEnvBegin, kEnvOffline, kGenericOnline, kEnvEnd});
  const std::string async_env =
      joined({kAsyncImports, kEnvBegin, kEnvOffline, kAsyncOnline, kEnvEnd});
  const std::string ini = joined({kIniBegin, kOneUrl, kIniHooks, kIniLoggers});
  const std::string pyproject_ini = joined({kPyprojectIni, kIniLoggers});
  const std::string script(stock_script_template(ScriptFormat::Python));
  return {
      {"generic", "Python scripts for one database.\n", generic_env, script, ini, ""},
      {"async", "Python scripts for one database, with an asynchronous driver.\n", async_env,
       script, ini, ""},
      {"multidb",
       "Python scripts for several databases.\n\n"
       "alembic.ini names them in `databases`, and has a section with `sqlalchemy.url` for each.\n"
       "Every revision is run once a database; a script has two functions for each of them.\n",
       joined({kMultidbImports, kEnvBegin, kMultidbRuns, kEnvEnd}), std::string(kMultidbScript),
       joined({kIniBegin, kUrlOfEach, kIniHooks, kIniLoggers}), ""},
      {"pyproject", "Python scripts for one database, with the settings in pyproject.toml.\n",
       generic_env, script, pyproject_ini, std::string(kPyproject)},
      {"pyproject_async",
       "Python scripts for one database, with an asynchronous driver and pyproject.toml.\n",
       async_env, script, pyproject_ini, std::string(kPyproject)},
  };
}

}  // namespace

const std::vector<PythonTemplate>& python_templates() {
  static const std::vector<PythonTemplate> templates = make_templates();
  return templates;
}

}  // namespace engine

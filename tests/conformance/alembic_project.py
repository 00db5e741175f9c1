# SPDX-License-Identifier: Apache-2.0
"""A project as the recorded ones were: alembic.ini, env.py with the options of the case, and the program by the
name `alembic`, with the recorded Alembic in its environment."""
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "host"))
import environments  # noqa: E402
import ini  # noqa: E402

PACKAGES = ("alembic==1.19.2", "sqlalchemy==2.0.52")  # those of the recording
ENV_PY = """\
import logging.config

from alembic import context
from sqlalchemy import create_engine, pool

OPTIONS = {options!r}
logging.config.fileConfig(context.config.config_file_name)
url = context.config.get_main_option("sqlalchemy.url")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, dialect_opts={{"paramstyle": "named"}}, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
"""
INI = """\
[alembic]
script_location = {folder}/scripts
sqlalchemy.url = {url}
"""


def prepare():
    """Installs the packages, if they are not there."""
    environments.folder_with(PACKAGES)


def write(folder, url, options, program):
    """Returns `program` by the name `alembic`."""
    (folder / "scripts/versions").mkdir(parents=True, exist_ok=True)
    (folder / "scripts/env.py").write_text(ENV_PY.format(options=options))
    (folder / "alembic.ini").write_text(INI.format(folder=folder, url=url.replace("%", "%%")) + ini.LOGGERS)
    link = folder / "bin/alembic"
    link.parent.mkdir()
    link.symlink_to(pathlib.Path(program).resolve())
    return link


def environment(home):
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
            "VIRTUAL_ENV": str(environments.folder_with(PACKAGES))}

# SPDX-License-Identifier: Apache-2.0
"""Interpreters with pinned pairs of Alembic and SQLAlchemy, and those that tests of the driver use."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import venvs  # noqa: E402

PSYCOPG2, PYTEST = "psycopg2-binary==2.9.13", ("pytest==9.2.0", "setuptools==80.9.0", "black==26.5.1")
DRIVERS = (PSYCOPG2, "greenlet==3.5.6", "aiosqlite==0.22.1", "asyncpg==0.32.0")
# Debian 12's pair, one from the middle, the newest.
PAIRS = {
    "1.8": ("alembic==1.8.1", "sqlalchemy==1.4.46", *DRIVERS),
    "1.13": ("alembic==1.13.3", "sqlalchemy==2.0.58", *DRIVERS),
    "1.20": ("alembic==1.20.1", "sqlalchemy==2.1.9", "psycopg[binary]==3.3.9", *DRIVERS),
}
DEBIAN = "debian"  # that pair as Debian packs it
# Of SQLAlchemy, for the driver; to each the Alembic whose own suite is run with it.
ALEMBIC_WITH = {"1.4.46": "1.8.1", "2.0.58": "1.13.3", "2.1.9": "1.20.1"}
PROGRAM = """#!/usr/bin/python3
import sys
from alembic.config import main
sys.exit(main())
"""


def folder_with(requirements):
    """Of an environment that holds just these."""
    return venvs.environment("packages", requirements)


def of_pair(pair):
    """The folder of `bin/python` and `bin/alembic`; None: Debian's packages are not there."""
    return of_debian() if pair == DEBIAN else folder_with(PAIRS[pair])


def for_suites(sqlalchemy):
    """The folder of one with this version of SQLAlchemy, its Alembic, psycopg2, and what their suites import."""
    return folder_with(("sqlalchemy[asyncio]==" + sqlalchemy, "alembic==" + ALEMBIC_WITH[sqlalchemy], PSYCOPG2,
                        "python-dateutil==2.9.0.post0", "typing_extensions==4.16.0", *PYTEST))


def of_debian():
    """/usr/bin/python3 with python3-alembic; its program is in a package that brings documentation's scripts."""
    done = subprocess.run(["/usr/bin/python3", "-c", "import alembic, sqlalchemy, psycopg2"], capture_output=True,
                          check=False)
    if done.returncode != 0:
        return None
    folder = venvs.CACHE / "venvs/debian"
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        if not (folder / "bin" / name).is_symlink():
            (folder / "bin" / name).symlink_to("/usr/bin/python3")
    program = folder / "bin/alembic"
    made = program.with_name(f"alembic.{os.getpid()}")
    made.write_text(PROGRAM)
    made.chmod(0o755)
    made.replace(program)
    return folder

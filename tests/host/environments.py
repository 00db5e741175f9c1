# SPDX-License-Identifier: Apache-2.0
"""Virtual environments with pinned pairs of Alembic and SQLAlchemy, made once and kept by what they hold."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

CACHE = pathlib.Path(os.environ.get("STILLHEAD_CACHE", pathlib.Path.home() / ".cache/stillhead")) / "venvs"
DRIVERS = ("psycopg2-binary==2.9.13", "greenlet==3.5.6", "aiosqlite==0.22.1", "asyncpg==0.32.0")
# Debian 12's pair, one from the middle, the newest.
PAIRS = {
    "1.8": ("alembic==1.8.1", "sqlalchemy==1.4.46", *DRIVERS),
    "1.13": ("alembic==1.13.3", "sqlalchemy==2.0.58", *DRIVERS),
    "1.20": ("alembic==1.20.1", "sqlalchemy==2.1.9", "psycopg[binary]==3.3.9", *DRIVERS),
}


def folder_with(requirements):
    """Of an environment that holds just these (none: an empty one, without pip)."""
    key = hashlib.sha256(" ".join((*requirements, sys.version)).encode()).hexdigest()[:12]
    folder = CACHE / key
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=bool(requirements))
        if requirements:
            subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
                           check=True)
        (folder / "done").touch()
    return folder

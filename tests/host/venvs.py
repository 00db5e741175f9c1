# SPDX-License-Identifier: Apache-2.0
"""Virtual environments for tests of the script host, kept below ${STILLHEAD_CACHE:-~/.cache/stillhead}/venvs."""
import os
import pathlib
import shutil
import subprocess
import sys
import venv

CACHE = pathlib.Path(os.environ.get("STILLHEAD_CACHE", pathlib.Path.home() / ".cache/stillhead")) / "venvs"
PSYCOPG2 = "psycopg2-binary==2.9.13"
SQLALCHEMY = ("1.4.46", "2.0.58", "2.1.9")


def python_with(name, requirements):
    """The interpreter of an environment that holds `requirements`; `name` says so."""
    folder = CACHE / name
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
                       check=True)
        (folder / "done").touch()
    return str(folder / "bin/python")


def python_with_sqlalchemy(version):
    """Also psycopg2, to compare with, and pytest."""
    return python_with("sqlalchemy-%s" % version, ["sqlalchemy[asyncio]==" + version, PSYCOPG2, "pytest",
                                                   "setuptools", "typing_extensions"])


if __name__ == "__main__":
    print(python_with_sqlalchemy(sys.argv[1]))

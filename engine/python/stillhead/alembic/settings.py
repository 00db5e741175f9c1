# SPDX-License-Identifier: Apache-2.0
"""What the program stillhead is told of an alembic.config.Config; all else env.py reads from it itself."""
import configparser
import os

from alembic.script import ScriptDirectory
from alembic.util import CommandError

PLACEHOLDER = "driver://user:pass@localhost/dbname"  # of Alembic's templates


def options_of(config):
    """Files of settings, as options."""
    files = []
    file = config.config_file_name
    if file and os.path.isfile(file):
        files.append(str(file))
        beside = os.path.join(os.path.dirname(str(file)), "stillhead.yaml")
        if os.path.isfile(beside) and not os.path.exists("stillhead.yaml"):
            files.append(beside)
    return [word for name in files for word in ("-c", name)]


def variables_of(config):
    """The Config may have been changed since it was read. Raises CommandError where Alembic does."""
    directory = ScriptDirectory.from_config(config)
    variables = {"STILLHEAD_SCRIPT_LOCATION": os.path.abspath(directory.dir)}
    if directory.version_locations:
        variables["STILLHEAD_VERSION_LOCATIONS"] = ":".join(map(str, directory._version_locations))
        recursive = getattr(directory, "recursive_version_locations", False)
        variables["STILLHEAD_RECURSIVE_VERSION_LOCATIONS"] = "true" if recursive else "false"
    url = _url(config)
    if url:  # counts only where env.py has no say
        variables["STILLHEAD_DATABASE_URL"] = url
    return variables


def _url(config):
    try:
        url = config.get_main_option("sqlalchemy.url")
    except (configparser.Error, CommandError):
        return None
    return None if url == PLACEHOLDER else url

# SPDX-License-Identifier: Apache-2.0
"""What is told of an exception: the members of the error of `failed` (docs/script-host.md)."""
import importlib
import os
import sys
import traceback

from stillhead_host.wire import Interrupted, Refused

OWN_FILES = "stillhead_host/"
DRIVERS = ("stillhead_host", "psycopg2", "psycopg", "asyncpg", "pg8000", "sqlite3")
# Python repeats the value, which can be a URL with its password.
PERCENT = "a value of alembic.ini has a single '%': write '%%' (`stillhead config` names the line)"
CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
MEANWHILE = "\nDuring handling of the above exception, another exception occurred:\n\n"


class ScriptFolderError(Exception):
    """env.py does not do what a run needs of it."""


class Missing(Exception):
    """A package without which no script can be run cannot be imported; `module` is its name."""

    def __init__(self, message, module):
        super().__init__(message)
        self.module = module


def import_alembic():
    """Imports what everything else here needs. Raises Missing."""
    for package, part in (("sqlalchemy", "sqlalchemy.engine"), ("alembic", "alembic.config")):
        try:
            importlib.import_module(part)
        except ImportError as error:
            raise Missing(_missing_text(package, error), (error.name or package).split(".")[0]) from error


def _missing_text(package, error):
    found = sys.modules.get(package)
    places = [] if found is None else list(getattr(found, "__path__", ()))
    where = "; what is found by this name is {}".format(places[0]) if places else ""
    return "{} cannot be imported by {}: {}{}".format(package, sys.executable, error, where)


def describe(error, project):
    """The members that `failed` has for `error`."""
    told = {"type": _type_name(error), "kind": _kind(error), "message": _message(error),
            "traceback": _traceback(error)}
    place = _place(error, project)
    if place is not None:
        told["file"], told["line"] = place
    if project.revision is not None:
        told["revision"] = project.revision
    if isinstance(error, SystemExit):
        told["code"] = _exit_code(error)
    if isinstance(error, Missing):
        told["module"] = error.module
    told.update(_of_statement(error))
    return told


def _type_name(error):
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__


def _kind(error):
    chain = list(_chain(error))
    if any(isinstance(link, Interrupted) for link in chain):
        return "interrupted"
    if any(isinstance(link, Refused) for link in chain):
        return "refused"
    if isinstance(error, Missing):
        return "missing"
    if isinstance(error, ScriptFolderError):
        return "environment"
    if isinstance(error, SystemExit):
        return "exit"
    commands = sys.modules.get("alembic.util.exc")
    return "command" if commands and isinstance(error, commands.CommandError) else "exception"


def _chain(error):
    """`error` and what it stands for, outermost first."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _message(error):
    """In one line. SQLAlchemy puts the statement and a link below what the database said."""
    if _is_of_percent(error):
        return PERCENT
    text = str(getattr(error, "orig", None) or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return " ".join(lines) if _kind(error) == "command" else lines[0]


def _exit_code(error):
    """What the process would have ended with: sys.exit("text") prints the text and ends with 1."""
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _of_statement(error):
    for link in _chain(error):
        statement = getattr(link, "statement", None)
        if isinstance(statement, str):
            cause = getattr(link, "orig", None)
            sqlstate = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
            return {"statement": statement, **({"sqlstate": sqlstate} if isinstance(sqlstate, str) else {})}
    return {}


def _place(error, project):
    """File and line of the innermost frame in the script folder, else in the project; None without any."""
    frames = [frame for link in _chain(error) for frame in _frames(link)]
    for belongs in (project.is_script, project.is_own):
        for file, line in frames:
            if belongs(file):
                return file, line
    return None


def _frames(error):
    """Innermost first; a SyntaxError is in the line that it names."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        yield error.filename, error.lineno
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if not frame.f_code.co_filename.startswith(OWN_FILES):
            yield frame.f_code.co_filename, line


def _traceback(error):
    """As Python prints it, but for frames of Alembic and SQLAlchemy, and for what databases say of rows."""
    if getattr(error, "exceptions", None):
        return "".join(traceback.format_exception_only(type(error), error))
    text = _traceback_of(error)
    if error.__cause__ is not None:
        return _traceback(error.__cause__) + CAUSED + text
    if error.__context__ is not None and not error.__suppress_context__:
        return _traceback(error.__context__) + MEANWHILE + text
    return text


def _traceback_of(error):
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_of_packages(frame.filename)]
    head = "Traceback (most recent call last):\n" + "".join(traceback.format_list(frames)) if frames else ""
    if _is_of_percent(error):
        return "{}{}: {}\n".format(head, _type_name(error), PERCENT)
    lines = traceback.format_exception_only(type(error), error)
    if _is_of_database(error):  # statement, parameters and DETAIL are in the report
        return head + lines[0].splitlines()[0] + "\n"
    return head + "".join(lines)


def _is_of_percent(error):
    return type(error).__name__ == "InterpolationSyntaxError"


def _is_of_database(error):
    return hasattr(error, "orig") or type(error).__module__.split(".")[0] in DRIVERS


def _is_of_packages(file):
    if file.startswith((OWN_FILES, "<")):
        return True
    roots = (os.path.dirname(sys.modules[name].__file__) + os.sep for name in ("alembic", "sqlalchemy")
             if getattr(sys.modules.get(name), "__file__", None))
    return file.startswith(tuple(roots))

# SPDX-License-Identifier: Apache-2.0
"""The functions of alembic.command. Those that look at models or change a database are run by `stillhead`.

upgrade, downgrade, stamp, ensure_version, check and revision(autogenerate=True) are; with sql=True, and all
others (current, history, heads, merge ...), are Alembic's own.
"""
import functools
import inspect

from alembic import command as alembics
from alembic import util

from stillhead.alembic import engine


def _target(arguments):
    return [arguments["revision"]]


def _stamp_words(arguments):
    return [*(["--purge"] if arguments.get("purge") else []), *util.to_list(arguments["revision"])]


# What stands behind the command's name; None: Alembic's own does it.
WORDS = {
    "upgrade": _target,
    "downgrade": _target,
    "stamp": _stamp_words,
    "ensure_version": lambda arguments: [],
    "check": lambda arguments: [],
    "revision": lambda arguments: ["--autogenerate"] if arguments["autogenerate"] else None,
}
ORIGINALS = {name: getattr(alembics, name) for name in WORDS if hasattr(alembics, name)}


def __getattr__(name):
    return getattr(alembics, name)


def _run_by_stillhead(name):
    original = ORIGINALS[name]
    signature = inspect.signature(original)

    @functools.wraps(original)
    def function(*positional, **named):
        given = signature.bind(*positional, **named)
        given.apply_defaults()
        words = None if given.arguments.get("sql") else WORDS[name](given.arguments)
        call = functools.partial(original, *positional, **named)
        if words is None:
            return call()
        return engine.run(given.arguments["config"], name.replace("_", "-"), words, call)

    function.__signature__ = signature  # Alembic's command line asks for the arguments
    return function


FUNCTIONS = {name: _run_by_stillhead(name) for name in ORIGINALS}
globals().update(FUNCTIONS)

# SPDX-License-Identifier: Apache-2.0
"""The functions of alembic.command. Those that look at models or change a database are run by `stillhead`.

upgrade, downgrade, stamp, ensure_version, check and revision(autogenerate=True) are; with sql=True, and all
others (current, history, heads, merge ...), are Alembic's own.
"""
import functools

from alembic import command as alembics
from alembic import util

from stillhead.alembic import engine

NAMES = ("upgrade", "downgrade", "stamp", "ensure_version", "check", "revision")
ORIGINALS = {name: getattr(alembics, name) for name in NAMES if hasattr(alembics, name)}  # 1.8 has no check()


def __getattr__(name):
    return getattr(alembics, name)


# The arguments are Alembic's: its command line reads them off these functions once they are in its module.
def upgrade(config, revision, sql=False, tag=None):
    call = functools.partial(ORIGINALS["upgrade"], config, revision, sql=sql, tag=tag)
    return call() if sql else engine.run(config, "upgrade", [revision], call)


def downgrade(config, revision, sql=False, tag=None):
    call = functools.partial(ORIGINALS["downgrade"], config, revision, sql=sql, tag=tag)
    return call() if sql else engine.run(config, "downgrade", [revision], call)


def stamp(config, revision, sql=False, tag=None, purge=False):
    call = functools.partial(ORIGINALS["stamp"], config, revision, sql=sql, tag=tag, purge=purge)
    words = [*(["--purge"] if purge else []), *util.to_list(revision)]
    return call() if sql else engine.run(config, "stamp", words, call)


def ensure_version(config, sql=False):
    call = functools.partial(ORIGINALS["ensure_version"], config, sql=sql)
    return call() if sql else engine.run(config, "ensure-version", [], call)


def check(config):
    return engine.run(config, "check", [], functools.partial(ORIGINALS["check"], config))


def revision(config, message=None, autogenerate=False, sql=False, head="head", splice=False,
             branch_label=None, version_path=None, rev_id=None, depends_on=None,
             process_revision_directives=None):
    call = functools.partial(ORIGINALS["revision"], config, message, autogenerate, sql, head, splice,
                             branch_label, version_path, rev_id, depends_on, process_revision_directives)
    return engine.run(config, "revision", ["--autogenerate"], call) if autogenerate and not sql else call()


FUNCTIONS = {name: functools.update_wrapper(globals()[name], original)
             for name, original in ORIGINALS.items()}

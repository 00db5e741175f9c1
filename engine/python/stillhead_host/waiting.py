# SPDX-License-Identifier: Apache-2.0
"""What lets a dialect that blocks serve SQLAlchemy's asyncio engines."""
from sqlalchemy import exc, util

_switch = getattr(util, "await_", None) or util.await_only


class _Nothing:  # pylint: disable=too-few-public-methods
    """SQLAlchemy wants to see that a statement has waited for something."""

    def __await__(self):
        return iter(())


def wait():
    """Outside of SQLAlchemy's asyncio part nothing happens."""
    try:
        _switch(_Nothing())
    except exc.MissingGreenlet:
        pass


class Waiting:
    """Mixed into a dialect, before its class."""

    is_async = True
    supports_statement_cache = True

    def do_execute(self, cursor, statement, parameters, context=None):
        wait()
        super().do_execute(cursor, statement, parameters, context)

    def do_execute_no_params(self, cursor, statement, context=None, **options):
        wait()
        super().do_execute_no_params(cursor, statement, context, **options)

    def do_executemany(self, cursor, statement, parameters, context=None):
        wait()
        super().do_executemany(cursor, statement, parameters, context)

    def get_driver_connection(self, connection):
        return connection

# SPDX-License-Identifier: Apache-2.0
"""What a connection to PostgreSQL tells of itself."""
import weakref

from stillhead_host import pg_url


class Info:
    """`connection.info` of psycopg2 and psycopg, as far as the client knows it."""

    def __init__(self, connection):
        self._connection = weakref.proxy(connection)
        self.encoding = "UTF8"
        self.dsn_parameters = {name: value for name, value in pg_url.parts_of(connection.url).items()
                               if name != "password"}
        for name in ("host", "port", "user", "dbname", "options"):
            setattr(self, name, self.dsn_parameters.get(name))
        self.server_version = connection.server_version

    @property
    def status(self):
        return 1 if self._connection.closed else 0

    @property
    def transaction_status(self):
        return self._connection.get_transaction_status()

    @property
    def backend_pid(self):
        return self._connection.get_backend_pid()

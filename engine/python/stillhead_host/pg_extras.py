# SPDX-License-Identifier: Apache-2.0
"""What SQLAlchemy's dialect for psycopg2 asks of `psycopg2.extensions` and `psycopg2.extras`."""
from stillhead_host import pg_format
from stillhead_host.pg_range import DateRange, DateTimeRange, DateTimeTZRange, NumericRange  # noqa: F401

ISOLATION_LEVEL_AUTOCOMMIT = 0
ISOLATION_LEVEL_READ_COMMITTED = 1
ISOLATION_LEVEL_REPEATABLE_READ = 2
ISOLATION_LEVEL_SERIALIZABLE = 3
ISOLATION_LEVEL_READ_UNCOMMITTED = 4
STATUS_READY = 1
STATUS_BEGIN = 2
TRANSACTION_STATUS_UNKNOWN = 4


def register_uuid(_oids, connection):
    connection.register_uuid()


def register_default_json(connection, loads):
    connection.register_json(loads)


register_default_jsonb = register_default_json


def execute_batch(cursor, sql, sequence_of_parameters, page_size=100):  # pylint: disable=unused-argument
    cursor.executemany(sql, sequence_of_parameters)


def execute_values(cursor, sql, sequence_of_parameters, template=None, page_size=100, fetch=False):
    """`INSERT ... VALUES %s` for many rows at once; `template` makes the text of one row."""
    before, after = sql.split("%s", 1)
    before, after = before.replace("%%", "%"), after.replace("%%", "%")
    rows, fetched = list(sequence_of_parameters), []
    for start in range(0, len(rows), page_size):
        values = ",".join(pg_format.merge(template or "(%s)" % ",".join(["%s"] * len(row)), row)
                          for row in rows[start:start + page_size])
        cursor.execute(before + values + after)
        if fetch:
            fetched.extend(cursor.fetchall())
    return fetched if fetch else None

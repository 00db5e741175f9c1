# SPDX-License-Identifier: Apache-2.0
"""Errors and the members of connections and cursors: psycopg2 and our driver, side by side."""
from psycopg2 import _psycopg
from stillhead_host import errors

SETUP = ("CREATE TABLE parent (id int PRIMARY KEY, n numeric(3,1) NOT NULL CHECK (n > 0), u text UNIQUE);"
         "CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED); INSERT INTO parent VALUES (1, 1, 'x')")
FAILING = [
    "INSERT INTO parent VALUES (1, 1, 'y')", "INSERT INTO parent VALUES (2, 1, 'x')", "INSERT INTO parent VALUES (2, NULL)",
    "INSERT INTO parent VALUES (2, -1)", "INSERT INTO parent VALUES (2, 1000)", "INSERT INTO child VALUES (7); SET CONSTRAINTS ALL IMMEDIATE",
    "SELECT * FROM nowhere", "SELECT nothing FROM parent", "SELEC 1", "SELECT 1/0", "SELECT 'x'::int", "SELECT nofunc(1)", "CREATE TABLE parent ()",
    "SELECT\n  1,\n\tnothing2,\n3 FROM parent", "SELECT '" + "a" * 70 + "' || nothing3 FROM parent", "SELECT nothing4 || '" + "a" * 90 + "'",
    "SELECT 'ünïcödé', nothing5", "SELECT (SELECT id FROM parent UNION SELECT 2)", "DROP TABLE parent", "COMMIT PREPARED 'x'", "SELECT 'x'::date",
    "DO $$BEGIN RAISE EXCEPTION 'own' USING HINT = 'a hint', DETAIL = 'a detail', ERRCODE = 'ZX123'; END$$",
    "DO $$BEGIN RAISE EXCEPTION 'own'; END$$", "SET statement_timeout = 20; SELECT pg_sleep(5)", "SELECT 1; SELECT 1/0",
    "SELECT * FROM parent FOR UPDATE; ALTER TABLE parent ADD COLUMN id int", "VACUUM", "SELECT 1 WHERE 1"]
MEMBERS = ("severity", "sqlstate", "message_primary", "message_detail", "message_hint", "statement_position", "schema_name", "table_name",
           "column_name", "datatype_name", "constraint_name")


def error_of(connection, sql):
    cursor = connection.cursor()
    cursor.execute(SETUP)
    try:
        cursor.execute(sql)
    except Exception as error:  # pylint: disable=broad-except  (compared)
        bases = [kind.__name__ for kind in type(error).__mro__ if kind is not object]
        # What a function of the server was doing does not pass through the protocol.
        texts = [text.split("\nCONTEXT:")[0].rstrip("\n") for text in (str(error), error.pgerror)]
        return {"bases": bases, "code": error.pgcode, "texts": texts, "cursor": error.cursor is cursor,
                **{name: getattr(error.diag, name) for name in MEMBERS}}
    raise AssertionError("nothing was raised")


def failing_case(sql):
    def case(place):
        (_, theirs), (_, ours) = place.both(lambda connection: error_of(connection, sql))
        assert theirs == ours, "psycopg2 %r\nours     %r" % (theirs, ours)
    return case


def states(_place):
    """Every condition that PostgreSQL names."""
    for code, theirs in _psycopg.sqlstate_errors.items():
        ours = errors.lookup(code)
        assert ours.__name__ == theirs.__name__, code
        assert [kind.__name__ for kind in ours.__mro__] == [kind.__name__ for kind in theirs.__mro__], code
    for code, name in (("ZX123", "DatabaseError"), ("42ZZZ", "ProgrammingError"), ("22ZZZ", "DataError"),
                       ("0ZZZZ", "DatabaseError"), ("P9999", "InternalError"), ("5ZZZZ", "OperationalError")):
        assert errors.lookup(code).__name__ == name, code


def told(connection, *statements):
    """What a cursor tells after each statement."""
    cursor = connection.cursor()
    found = []
    for sql in statements:
        cursor.execute(sql)
        found.append((cursor.rowcount, cursor.statusmessage, cursor.description and [column.name for column in cursor.description],
                      cursor.description and cursor.fetchall(), connection.status, connection.get_transaction_status()))
    return found


def counts(connection):
    return told(connection, "CREATE TEMP TABLE c (i int)", "INSERT INTO c VALUES (1), (2)", "SELECT * FROM c", "UPDATE c SET i = i RETURNING i",
                "DELETE FROM c WHERE i = 9", "SELECT 1 AS a; SELECT 2 AS b", "CREATE TEMP TABLE d AS SELECT 1", "SELECT FROM c", "SHOW datestyle",
                "INSERT INTO c SELECT generate_series(1, 1500) RETURNING i", "SET LOCAL work_mem = '1MB'", "TABLE c LIMIT 0", "SAVEPOINT s",
                "ROLLBACK TO s", "COMMIT", "SELECT 1")


def many(connection):
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE m (i int, t text)")
    cursor.executemany("INSERT INTO m VALUES (%s, %s)", [(i, "it's %d" % i) for i in range(2500)])
    found = [cursor.rowcount]
    cursor.executemany("INSERT INTO m VALUES (%(i)s, %(t)s)", ({"i": i, "t": None} for i in range(3)))
    cursor.execute("SELECT count(*), count(t) FROM m")
    return found + [cursor.fetchone()]


def changing(connection):
    """Modes of a session, and what is refused in a transaction."""
    connection.rollback()
    found = [connection.autocommit]
    connection.autocommit = True
    found += told(connection, "SELECT 1", "SHOW transaction_isolation")
    connection.autocommit = False
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
    found += told(connection, "SHOW transaction_isolation", "SHOW transaction_read_only", "SHOW transaction_deferrable")
    for act in (lambda: setattr(connection, "autocommit", True), lambda: connection.set_session(readonly=False)):
        try:
            act()
        except Exception as error:  # pylint: disable=broad-except
            found.append((type(error).__name__, str(error)))
    found.append((connection.isolation_level, connection.readonly, connection.deferrable))
    connection.rollback()
    connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT", deferrable="DEFAULT")
    connection.set_isolation_level(2)
    found += told(connection, "SHOW transaction_isolation")
    connection.set_isolation_level(0)
    found += [connection.autocommit] + told(connection, "SELECT 1")
    connection.set_isolation_level(1)
    found += [connection.autocommit] + told(connection, "SHOW transaction_isolation")
    connection.rollback()
    connection.isolation_level = None
    return found


def kept_after_close(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT 1 AS a UNION SELECT 2")
    cursor.close()
    return [cursor.rowcount, cursor.description[0].name, cursor.statusmessage]


def misuse(connection):
    found = []
    cursor = connection.cursor()
    for act in (cursor.fetchone, lambda: (cursor.execute("SET LOCAL work_mem = '1MB'"), cursor.fetchall()), lambda: cursor.execute("SELECT 1/0"),
                lambda: cursor.execute("SELECT 1"), lambda: (cursor.close(), cursor.execute("SELECT 1")), cursor.fetchone, cursor.close):
        try:
            found.append((act(), cursor.closed))
        except Exception as error:  # pylint: disable=broad-except
            found.append((type(error).__name__, str(error)))
    return found


def failed_state(connection):
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT 1/0")
    except Exception:  # pylint: disable=broad-except
        pass
    return [connection.status, connection.get_transaction_status(), connection.info.transaction_status]


def blocks(connection):
    with connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS kept (i int)")
    found = [cursor.closed, connection.closed]
    try:
        with connection:
            connection.cursor().execute("INSERT INTO kept VALUES (1)")
            raise KeyError
    except KeyError:
        pass
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM kept")
    return found + [cursor.fetchone()]


def closing(place):
    import psycopg2 as theirs  # pylint: disable=import-outside-toplevel,redefined-outer-name
    from stillhead_host import postgresql as ours  # pylint: disable=import-outside-toplevel
    found = []
    for driver in (theirs, ours):
        connection = driver.connect(**place.where)
        cursor = connection.cursor()
        connection.close()
        connection.close()
        told_by = [bool(connection.closed)]
        for act in (connection.cursor, connection.commit, connection.rollback, lambda: cursor.execute("SELECT 1")):  # pylint: disable=cell-var-from-loop
            try:
                act()
            except driver.Error as error:
                told_by.append((type(error).__name__, str(error)))
        found.append(told_by)
    assert found[0] == found[1], found


def refused(place):
    """What needs the project's own driver says so."""
    cursor = place.ours.cursor()
    for name in ("copy_expert", "copy_from", "copy_to"):
        try:
            getattr(cursor, name)("COPY x FROM STDIN", None)
        except errors.NotSupportedError as error:
            assert str(error) == name + "() is not there on the connection that Stillhead gives to scripts: set " \
                "`driver: project` for this project, so that scripts get the objects of its own driver", error
        else:
            raise AssertionError(name)


def lost(place):
    import stillhead_host.postgresql as ours  # pylint: disable=import-outside-toplevel
    connection = ours.connect(**place.where)
    pid = connection.get_backend_pid()
    cursor = place.ours.cursor()
    cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    place.ours.rollback()
    try:
        connection.cursor().execute("SELECT 1")
    except ours.OperationalError as error:
        assert "terminating connection" in str(error), error
    assert connection.closed == 2


def compared(act):
    def case(place):
        (how, theirs), (our_way, ours) = place.both(act)
        assert (how, repr(theirs)) == (our_way, repr(ours)), "psycopg2 %s %r\nours     %s %r" % (how, theirs, our_way, ours)
    return case


def cases():
    for sql in FAILING:
        yield "error of " + sql, failing_case(sql)
    yield "classes of all conditions", states
    for act in (counts, many, changing, kept_after_close, misuse, failed_state, blocks):
        yield act.__name__, compared(act)
    yield "closed", closing
    yield "refused", refused
    yield "lost", lost

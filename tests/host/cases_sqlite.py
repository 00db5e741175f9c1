# SPDX-License-Identifier: Apache-2.0
"""SQLite: Python's sqlite3 and our driver, side by side."""
import datetime as dt
import enum
import sqlite3
import warnings

from stillhead_host import errors, sqlite

SETUP = ("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v, u TEXT UNIQUE, n TEXT NOT NULL DEFAULT '' CHECK (n <> 'bad'))",
         "CREATE TABLE IF NOT EXISTS c (id REFERENCES t (id))")


class Level(enum.IntEnum):
    HIGH = 3


VALUES = [None, True, 0, -1, 2 ** 63 - 1, -2 ** 63, 2 ** 63, 1.5, 1.0, -0.0, 1e300, float("inf"), float("-inf"), float("nan"), "", "it's",
          "ünï \U0001f600", "a\0b", b"", b"\x00\xff", bytearray(b"x"), memoryview(b"y"), dt.date(2020, 1, 2),
          dt.datetime(2020, 1, 2, 3, 4, 5, 6), Level.HIGH, object(), [1], {"a": 1}]
STATEMENTS = [
    ("SELECT 1 AS a, 'x' AS b", ()), ("SELECT ?", (1,)), ("SELECT ?", ()), ("SELECT 1", (1,)), ("SELECT ?2, ?1", (1, 2)), ("SELECT :a, :b, :a", {"a": 1, "b": 2}),
    ("SELECT :a", {}), ("SELECT @a, $b", {"a": 1, "b": 2}), ("SELECT ':no', \"?\", [?] FROM (SELECT 1 AS \"?\")", ()), ("SELECT 1 -- ? :a", ()),
    ("SELECT ? /* ? */", (1,)), ("INSERT INTO t (v) VALUES (?)", (1,)), ("INSERT INTO t (v) VALUES (1), (2) RETURNING id", ()), ("UPDATE t SET v = 9", ()),
    ("DELETE FROM t WHERE 0", ()), ("CREATE TABLE x (a)", ()), ("SELECT * FROM nowhere", ()), ("SELEC", ()), ("INSERT INTO t (id) VALUES (1), (1)", ()),
    ("INSERT INTO t (u) VALUES ('a'), ('a')", ()), ("INSERT INTO t (n) VALUES (NULL)", ()), ("INSERT INTO t (n) VALUES ('bad')", ()),
    ("INSERT INTO t (id) VALUES ('x')", ()), ("PRAGMA user_version", ()), ("PRAGMA foreign_keys = ON", ()), ("SELECT * FROM t WHERE 0", ()),
    ("SELECT x'00ff', 1.0, 1, NULL, 'a'", ()), ("SELECT 1e999", ()), ("SELECT json('{\"a\": 1}'), date('2020-01-01')", ()), ("REPLACE INTO t (id) VALUES (5)", ()),
    ("WITH q AS (SELECT 1) SELECT * FROM q", ()), ("ALTER TABLE t ADD COLUMN z", ()), ("SAVEPOINT s", ()), ("EXPLAIN SELECT 1", ())]


def told(connection, sql, parameters):
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return (cursor.description, cursor.fetchall(), cursor.rowcount, cursor.lastrowid)


def outcome(act):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ("gave", repr(act()))
    except Exception as error:  # pylint: disable=broad-except  (compared)
        return ("raised", type(error).__name__, str(error))


def both(place, act):
    found = []
    for name, driver in (("theirs", sqlite3), ("ours", sqlite)):
        path = place.folder / (name + ".db")
        path.unlink(missing_ok=True)
        connection = driver.connect(path)
        for sql in SETUP:
            connection.execute(sql)
        connection.commit()
        found.append(outcome(lambda: act(connection)))  # pylint: disable=cell-var-from-loop
        connection.close()
    theirs, ours = found
    assert theirs == ours, "sqlite3 %s\nours    %s" % (theirs, ours)


def value_case(value):
    return lambda place: both(place, lambda connection: told(connection, "SELECT ?, typeof(?)", (value, value)))


def statement_case(sql, parameters):
    return lambda place: both(place, lambda connection: told(connection, sql, parameters))


def many(connection):
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t (v) VALUES (?)", [(i,) for i in range(2500)])
    found = [cursor.rowcount, connection.in_transaction, connection.total_changes]
    cursor.executemany("INSERT INTO t (v) VALUES (:v)", ({"v": i} for i in range(2)))
    connection.commit()
    cursor.execute("SELECT v FROM t ORDER BY id")
    return found + [cursor.fetchone(), cursor.fetchmany(2), len(cursor.fetchall()), cursor.fetchone(), connection.in_transaction]


def script(connection):
    connection.execute("INSERT INTO t (v) VALUES (1)")
    connection.executescript("CREATE TABLE s1 (a); CREATE TRIGGER r AFTER INSERT ON s1 BEGIN INSERT INTO t (v) VALUES (';'); SELECT 1; END;\n"
                             "INSERT INTO s1 VALUES ('a;b'); -- the end")
    return connection.execute("SELECT v FROM t").fetchall(), connection.in_transaction


def without_transactions(connection):
    connection.isolation_level = None
    connection.execute("INSERT INTO t (v) VALUES (1)")
    found = [connection.in_transaction]
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t (v) VALUES (2)")
    found.append(connection.in_transaction)
    connection.rollback()
    return found + [connection.execute("SELECT v FROM t").fetchall()]


def blocks(connection):
    try:
        with connection:
            connection.execute("INSERT INTO t (v) VALUES (1)")
            raise KeyError
    except KeyError:
        pass
    with connection:
        connection.execute("INSERT INTO t (v) VALUES (2)")
    return connection.execute("SELECT v FROM t").fetchall(), [outcome(lambda: (connection.close(), connection.execute("SELECT 1")))]


def foreign_keys(connection):
    """Outside of a transaction the pragma works."""
    connection.execute("PRAGMA foreign_keys = ON")
    return outcome(lambda: (connection.execute("INSERT INTO c VALUES (77)"), connection.commit()))


def refused(place):
    connection = sqlite.connect(place.folder / "refused.db")
    try:
        connection.create_function("f", 0, lambda: 1)
    except errors.NotSupportedError as error:
        assert str(error).startswith("create_function() is not there on the connection that Stillhead gives to scripts"), error
    else:
        raise AssertionError("create_function()")


def cases():
    for value in VALUES:
        yield "value %r" % (value,), value_case(value)
    for sql, parameters in STATEMENTS:
        yield "statement %s %r" % (sql, parameters), statement_case(sql, parameters)
    for act in (many, script, without_transactions, blocks, foreign_keys):
        yield act.__name__, lambda place, act=act: both(place, act)
    yield "refused", refused

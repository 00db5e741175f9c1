# SPDX-License-Identifier: Apache-2.0
"""Parameters and values: psycopg2 and our driver, side by side."""
import datetime as dt
import decimal
import enum
import ipaddress
import random
import uuid

import psycopg2.extras

D = decimal.Decimal


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = -3


class Plain(enum.Enum):
    ONE = 1


class Words(str):
    pass


class Numbers(list):
    pass


ZONE = dt.timezone(dt.timedelta(hours=-5, minutes=-30))
PARAMETERS = [
    None, True, False, 0, 1, -1, 2 ** 80, -(2 ** 63), 0.0, -0.0, 1.5, -1.5, 1e300, 1e-7, float("nan"), float("inf"),
    float("-inf"), D("1.10"), D("-2"), D("NaN"), D("1E+5"), D("-0"), "", "it's", "100%", "%s", "ünï", "\U0001f600", "\n\t",
    "a'b''c", b"", b"\x00\xff'", bytearray(b"ab"), memoryview(b"cd"), dt.date(2020, 2, 29), dt.date(1, 1, 1),
    dt.time(23, 59, 59, 999999), dt.time(1, 2, tzinfo=ZONE), dt.datetime(2020, 1, 2, 3, 4, 5, 6),
    dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc), dt.datetime(2020, 1, 2, tzinfo=ZONE),
    dt.timedelta(days=-3, seconds=5, microseconds=7), dt.timedelta(0), dt.timedelta(microseconds=-1),
    uuid.UUID("12345678-1234-5678-1234-567812345678"), [], [1, 2], [None], [None, None], [1, None], [-1], ["a'b", None, '"'],
    [[1, 2], [3, 4]], [[], []], [[None]], [[None], [1]], [True], [D("1.5")], [dt.date(2020, 1, 1)], [b"x"], (1, 2), ("a",),
    (-1, None), (), ([1], [2]), Colour.RED, Level.HIGH, Words("w'"), Numbers([1]), [Colour.RED], psycopg2.extras.Json({"a": "'"}),
    psycopg2.extras.NumericRange(1, 5), psycopg2.extras.DateRange(dt.date(2020, 1, 1), None),
    psycopg2.extras.NumericRange(empty=True), psycopg2.extensions.AsIs("1 + 1")]
FAILING = [{"a": 1}, {1, 2}, object(), Plain.ONE, 1j, "a\0b", [object()]]
BACKSLASHES = ["\\", "a\\'b", "\\x41", ["\\", None], ("\\",), "\\\\"]

EXPRESSIONS = """
NULL|1|2::int2|3::int8|-4|'5'::oid|1.5::float4|1.1::float8|'nan'::float8|'-inf'::float8|1e-10::float8|1.10::numeric
'NaN'::numeric|1e40::numeric|0.00::numeric(5,2)|12::numeric(10)|true|false|'x'::text|'x'::char(4)|'x'::varchar(9)|'x'::"char"
'x'::name|''::text|'\\x00ff'::bytea|''::bytea|'2020-01-31'::date|'infinity'::date|'-infinity'::date|'12:00'::time
'23:59:59.999999'::time|'12:00:00.5+02'::timetz|'01:02:03-05:30'::timetz|'24:00'::time|'2020-01-31 1:2:3.45'::timestamp
'infinity'::timestamp|'-infinity'::timestamp|'infinity'::timestamptz|'-infinity'::timestamptz|'2020-01-31 1:2:3+00'::timestamptz
'0001-01-01'::date|'9999-12-31'::date|'44-03-15 BC'::date|'44-03-15 10:00 BC'::timestamp|'10000-01-01'::date|'12020-01-01 1:00'::timestamp
'1 day'::interval|'1 year 2 mons -3 days 04:05:06.789'::interval|'-1 year'::interval|'-00:00:01.5'::interval|'0'::interval
'-1 day +23:00'::interval|'1000000:00:00'::interval|'3 mons'::interval|'{"a":[1,2.5,null]}'::json|'{"a":1}'::jsonb|'null'::json|'"x"'::jsonb
'12345678-1234-5678-1234-567812345678'::uuid|ARRAY['12345678-1234-5678-1234-567812345678'::uuid,NULL]
'{}'::int[]|ARRAY[1,NULL,3]|ARRAY[[1,2],[3,4]]|'[0:1]={7,8}'::int[]|ARRAY[1::int2]|ARRAY[1::int8]|ARRAY[1.5::float8,'nan']
ARRAY[1.5::numeric]|ARRAY['a','b"c','d\\e','f,g','{h}','NULL',NULL,'',' i ']|ARRAY['x'::varchar]|ARRAY['x'::char(3)]|ARRAY['x'::name]|ARRAY['x'::"char"]
ARRAY[true,false,NULL]|ARRAY['2020-01-01'::date]|ARRAY['12:00'::time]|ARRAY['12:00+01'::timetz]|ARRAY['2020-01-01 1:2:3'::timestamp]
ARRAY['2020-01-01 1:2:3+00'::timestamptz]|ARRAY['1 day 02:00'::interval]|ARRAY['{"a":"\\"x"}'::json,NULL]|ARRAY['{"a":1}'::jsonb]|ARRAY['\\x41'::bytea,NULL]
ARRAY['1.2.3.4'::inet]|ARRAY['1.2.3.0/24'::cidr]|ARRAY['08:00:2b:01:02:03'::macaddr]|ARRAY['pg_class'::regclass::oid]
'[1,5)'::int4range|'(,5]'::int8range|'empty'::int4range|'(,)'::numrange|'[1.5,2.5]'::numrange|'[2020-01-01,2020-02-01)'::daterange
'["2020-01-01 1:2:3",)'::tsrange|'["2020-01-01 1:2:3+00","2020-01-02 00:00+00"]'::tstzrange|ARRAY['[1,5)'::int4range,'empty']|ARRAY['[2020-01-01,)'::daterange]
'1.2.3.4/8'::inet|'1.2.3.0/24'::cidr|'::1'::inet|'08:00:2b:01:02:03'::macaddr|'08:00:2b:01:02:03:04:05'::macaddr8|'12.34'::money|B'101'|B'1'::varbit(4)
'<a/>'::xml|'(1,2)'::point|'((0,0),(1,1))'::box|'a & b'::tsquery|'a b'::tsvector|'{[1,2),[5,6)}'::int4multirange|ROW(1,'a')|'1 2'::int2vector|'pg_class'::regclass
'a=>1, "b\\"c"=>NULL, d=>"e, f=>g"'::hstore|''::hstore|ARRAY['a=>1'::hstore,NULL]|'0/16B3748'::pg_lsn|'10:20:'::pg_snapshot|1::xid|'$.a'::jsonpath
"""
DEFINITIONS = ("CREATE TYPE mood AS ENUM ('sad', 'it''s')", "CREATE DOMAIN posint AS int CHECK (VALUE > 0)",
               "CREATE TYPE pair AS (a int, b text)", "CREATE TABLE a ()")
OF_USERS = ("'sad'::mood", "ARRAY['sad','it''s']::mood[]", "5::posint", "ARRAY[5::posint]", "(1,'x')::pair", "ARRAY[(1,'x')::pair]",
            "ARRAY['a'::regclass::oid::int > 0]")


def same(theirs, ours):
    """Also of the same type, and so for members."""
    if isinstance(theirs, psycopg2.extras.Range):
        return all(getattr(theirs, name) == getattr(ours, name) for name in
                   ("lower", "upper", "isempty", "lower_inc", "upper_inc", "lower_inf", "upper_inf"))
    if type(theirs) is not type(ours):
        return False
    if isinstance(theirs, memoryview):
        return bytes(theirs) == bytes(ours)
    if isinstance(theirs, list):
        return len(theirs) == len(ours) and all(map(same, theirs, ours))
    if isinstance(theirs, (dt.datetime, dt.time)):
        return theirs == ours and theirs.utcoffset() == ours.utcoffset()
    if isinstance(theirs, (float, D)) and theirs != theirs:
        return ours != ours
    return theirs == ours and (not isinstance(theirs, D) or str(theirs) == str(ours))


def agree(found, compare=same):
    (how, theirs), (our_way, ours) = found
    assert how == our_way, "psycopg2 %s %r, ours %s %r" % (how, theirs, our_way, ours)
    if how == "raised":
        assert type(theirs).__name__ == type(ours).__name__, "psycopg2 %r, ours %r" % (theirs, ours)
    else:
        assert compare(theirs, ours), "psycopg2 %r, ours %r" % (theirs, ours)


def value_of(sql, parameters=None):
    def act(connection):
        cursor = connection.cursor()
        cursor.execute(sql, parameters)
        return list(cursor.fetchone())
    return act


def literal_case(value):
    def case(place):
        agree(place.both(lambda connection: connection.cursor().mogrify("%s", (value,))))
    return case


def selected_case(sql, parameters=None):
    def case(place):
        agree(place.both(value_of(sql, parameters)))
    return case


def described_case(sql):
    def case(place):
        def act(connection):
            cursor = connection.cursor()
            for text in DEFINITIONS:
                cursor.execute(text)
            cursor.execute("SELECT " + sql)
            column = cursor.description[0]
            return [column.name, min(column.type_code, 16384), column.precision, column.scale, list(cursor.fetchall()[0])]
        agree(place.both(act))
    return case


def at_random(place):
    """Lists of strings with signs that somebody may take for his own."""
    source = random.Random(6)
    signs = ["'", '"', "\\", ",", "{", "}", " ", "a", "é", "NULL", "%", "\n", "::", "$$", "--", "E"]
    for _ in range(300):
        texts = ["".join(source.choices(signs, k=source.randrange(6))) for _ in range(4)]
        number = source.uniform(-1, 1) * 10 ** source.randrange(-20, 20)
        agree(place.both(value_of("SELECT %s, %s, %s", (texts, texts[0], number))))


FORMATS = [
    ("SELECT '%%'", None), ("SELECT '%%'", ()), ("SELECT '%%'", {}), ("SELECT '%'", None), ("SELECT %s", (1,)), ("SELECT %s, %s", (1,)),
    ("SELECT %s", (1, 2)), ("SELECT 1", (1,)), ("SELECT %(a)s, %(a)s, '%%'", {"a": "x"}), ("SELECT %(b)s", {"a": 1}), ("SELECT %d", (1,)),
    ("SELECT %(a)d", {"a": 1}), ("SELECT %(a)s, %s", {"a": 1}), ("SELECT %s, %(a)s", (1,)), ("SELECT 1", {"a": 1}), ("SELECT '%%', %s", [1]),
    ("", None), ("  ", None), ("SELECT 5 -%s", (-3,)), ("SELECT %s", "x"), ("SELECT %s", 5), (b"SELECT 1", None), ("SELECT '100%'", ()), ("-- x", None)]


def hundred_thousand(place):
    def act(connection):
        cursor = connection.cursor()
        cursor.execute("SELECT i, repeat('x', 50) FROM generate_series(1, 20000) i")
        first = [cursor.fetchone(), cursor.fetchmany(3), next(iter(cursor))]
        other = connection.cursor()
        other.execute("SELECT 7")
        rest = cursor.fetchall()
        return [first, other.fetchone()[0], len(rest), rest[-1][0], cursor.fetchone(), cursor.fetchmany(2), cursor.rowcount,
                cursor.rownumber]
    agree(place.both(act))


def extras_agree(place):
    import sqlalchemy.dialects.postgresql as pg  # pylint: disable=import-outside-toplevel
    cursor = place.ours.cursor()
    for value, text in ((ipaddress.ip_address("1.2.3.4"), "1.2.3.4"), (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8")):
        cursor.execute("SELECT %s", (value,))
        assert cursor.fetchone() == (text,)
    if hasattr(pg, "Range"):
        cursor.execute("SELECT %s::int4range, %s, %s::int4multirange",
                       (pg.Range(1, 5), pg.Range(dt.date(2020, 1, 1), None, bounds="[)"), "{}"))
        first, second, third = cursor.fetchone()
        assert (first.lower, first.upper, second.lower, third) == (1, 5, dt.date(2020, 1, 1), "{}")
    place.ours.rollback()


def better(place):
    cursor = place.ours.cursor()
    cursor.execute("SELECT '[-1:0][2:2]={{1},{2}}'::int[], ARRAY['-infinity'::date]")
    assert cursor.fetchone() == ([[1], [2]], [dt.date.min])
    place.ours.rollback()


def composed(place):
    from psycopg2 import sql  # pylint: disable=import-outside-toplevel
    text = sql.SQL("SELECT {}, {} FROM {}").format(sql.Literal("it's"), sql.Identifier('q"x'), sql.Identifier("s", "t"))
    assert text.as_string(place.theirs).encode() == place.ours.cursor().mogrify(text)


def cases():
    for value in PARAMETERS + FAILING:
        yield "literal %r" % (value,), literal_case(value)
        if value not in ((), ([1], [2])):
            yield "round trip %r" % (value,), selected_case("SELECT %s", (value,))
    for value in BACKSLASHES:
        yield "backslash %r" % (value,), selected_case("SELECT %s" if isinstance(value, str) else "SELECT ARRAY[%s]"
                                                       if isinstance(value, list) else "SELECT 'x' IN %s", (value,))
    for line in EXPRESSIONS.strip().splitlines() + ["|".join(OF_USERS)]:
        for sql in line.split("|"):
            yield "value " + sql, described_case(sql)
    for sql, parameters in FORMATS:
        yield "format %r %r" % (sql, parameters), selected_case(sql, parameters)
    yield "strings at random", at_random
    yield "a large result", hundred_thousand
    yield "arrays that psycopg2 refuses", better
    yield "ranges of SQLAlchemy and addresses", extras_agree
    yield "objects of psycopg2.sql", composed

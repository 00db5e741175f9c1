# SPDX-License-Identifier: Apache-2.0
"""Engines of SQLAlchemy: which are replaced, and what their options become."""
import asyncio
import datetime as dt
import os
import ssl

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import create_async_engine
from stillhead_host import pg_url, replace

NEW = sa.__version__ >= "2"


def number_of(engine):
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        return replace.number_of(connection)


def drivers(place):
    for driver in ("", "+psycopg2", "+psycopg", "+pg8000", "+psycopg2cffi"):
        engine = sa.create_engine("postgresql" + driver + ":" + place.url, client_encoding="utf8", json_serializer=repr,
                                  poolclass=sa.pool.NullPool)
        assert number_of(engine) is not None, driver
        assert driver == "" or engine.driver == driver[1:]
    assert number_of(sa.engine_from_config({"sqlalchemy.url": "sqlite:///%s/e.db" % place.folder})) is not None
    assert number_of(sa.create_engine("sqlite://")) is None, "a database in memory is left alone"


def options(place):
    engine = sa.create_engine("postgresql:" + place.url, executemany_mode="values_plus_batch", use_native_hstore=False,
                              connect_args={"application_name": "na me", "options": "-c work_mem=1MB", "connect_timeout": 3})
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW application_name")).scalar() == "na me"
        assert connection.execute(sa.text("SHOW work_mem")).scalar() == "1MB"
    for wrong in ({"nonsense": 1}, {"cursor_factory": object}):
        try:
            sa.create_engine("postgresql:" + place.url, connect_args=wrong).connect()
        except TypeError as error:
            assert str(error) == "connect() got an unexpected keyword argument '%s': the connection is made by Stillhead, which " \
                "knows the parameters of libpq" % list(wrong)[0], error
        else:
            raise AssertionError(wrong)


def urls(_place):
    """Members of drivers, and the URL that goes to Stillhead."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    table = (
        ({"host": "h", "port": 5432, "user": "u", "password": "p@/:%", "dbname": "d b"}, "postgresql://u:p%40%2F%3A%25@h:5432/d%20b"),
        ({"host": "/tmp/x", "database": "d"}, "postgresql:///d?host=%2Ftmp%2Fx"), ({"host": "::1", "dbname": "d"}, "postgresql://[::1]/d"),
        ({"host": "a,b", "port": "1,2", "dbname": "d"}, "postgresql:///d?host=a%2Cb&port=1%2C2"), ({"dbname": "d"}, "postgresql:///d"),
        ({"host": "h", "ssl": "require"}, "postgresql://h/?sslmode=require"), ({"host": "h", "ssl": context}, "postgresql://h/?sslmode=require"),
        ({"host": "h", "ssl": False, "prepared_statement_cache_size": 0}, "postgresql://h/?sslmode=disable"), ({"host": "h", "ssl": None}, "postgresql://h/"),
        ({"host": "h", "server_settings": {"application_name": "x", "search_path": "a, b"}, "timeout": 2.5},
         "postgresql://h/?connect_timeout=3&application_name=x&options=-c%20search_path%3Da%2C%5C%20b"))
    for members, url in table:
        assert pg_url.url_of(members) == url, (pg_url.url_of(members), url)
        if "ssl" not in members and "server_settings" not in members:
            wanted = {{"database": "dbname"}.get(name, name): str(value) for name, value in members.items()}
            assert pg_url.parts_of(url) == wanted, pg_url.parts_of(url)


def asyncio_engines(place):
    async def use(url, **keywords):
        engine = create_async_engine(url, **keywords)
        async with engine.begin() as connection:
            assert replace.number_of(connection) is not None
            assert await connection.run_sync(replace.number_of) == replace.number_of(connection)
            table = sa.Table("of_asyncio", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.String(20)))
            await connection.run_sync(table.metadata.drop_all)
            await connection.run_sync(table.metadata.create_all)
            await connection.execute(table.insert(), [{"v": "100%"}, {"v": "b"}])
            assert (await connection.execute(table.select())).fetchall() == [(1, "100%"), (2, "b")]
            many = await connection.stream(sa.text("WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 2500) SELECT i FROM g"))
            assert len([row async for row in many]) == 2500
        await engine.dispose()
    asyncio.run(use("postgresql+asyncpg:" + place.url, connect_args={"server_settings": {"jit": "off"}, "statement_cache_size": 0}))
    asyncio.run(use("sqlite+aiosqlite:///%s/a.db" % place.folder))
    if NEW:
        asyncio.run(use("postgresql+psycopg:" + place.url))


def creators(place):
    del place.warnings[:]
    sa.create_engine("sqlite:///%s/e.db" % place.folder, creator=lambda: None)
    assert len(place.warnings) == 1 and "is created with creator=: what it makes is not Stillhead's connection" in place.warnings[0]


def places(_place):
    """What is the same database, and what is another one."""
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"):
        os.environ.pop(name, None)

    def same(one, other):
        return replace._place(sa.engine.make_url(one)) == replace._place(sa.engine.make_url(other))  # pylint: disable=protected-access
    assert same("postgresql://u:p@localhost/d", "postgresql+asyncpg://u@127.0.0.1:5432/d?ssl=require")
    assert same("postgresql://u@/d?host=/tmp/s&port=7", "postgresql+psycopg2://u@:7/d?host=/tmp/s")
    for other in ("postgresql://u@localhost/e", "postgresql://v@localhost/d", "postgresql://u@localhost:1/d", "postgresql://u@h/d", "sqlite:///d"):
        assert not same("postgresql://u@localhost/d", other), other
    assert same("sqlite:////tmp/x/../a.db", "sqlite+aiosqlite:////tmp/a.db") and same("sqlite:////tmp/a.db", "sqlite:///file:/tmp/a.db?mode=ro&uri=true")


def types(place):
    """What the compliance suite does not ask: types of PostgreSQL only, there and back."""
    engine = sa.create_engine("postgresql:" + place.url)
    pairs = [(pg.HSTORE, {"a": "1", "b": None, 'q"': "it's"}), (pg.ARRAY(pg.HSTORE), [{"a": "b"}]), (pg.INET, "1.2.3.4"), (pg.CIDR, "10.0.0.0/8"),
             (pg.MACADDR, "08:00:2b:01:02:03"), (pg.INTERVAL, dt.timedelta(days=-2, seconds=3)), (pg.BYTEA, b"\0\xff"), (pg.BIT(3), "101"),
             (pg.ARRAY(sa.Numeric(6, 2)), [1, None]), (pg.ARRAY(sa.Integer, dimensions=2), [[1, 2], [3, 4]]), (pg.JSONB, {"a": [1, None, "\\"]}),
             (pg.ARRAY(pg.JSONB), [{"a": 1}, [2]]), (pg.TSVECTOR, "'a' 'b'"), (pg.ENUM("x", "y", name="e_xy"), "x"), (pg.OID, 7), (pg.REGCLASS, "pg_class"),
             (pg.ARRAY(pg.ENUM("x", "y", name="e_xz")), ["x", "y"]), (pg.TIMESTAMP(timezone=True), dt.datetime(2020, 1, 2, tzinfo=dt.timezone.utc))]
    if NEW:
        day = dt.date(2020, 1, 2)
        pairs += [(pg.INT4RANGE, pg.Range(1, 5)), (pg.DATERANGE, pg.Range(day, None)), (pg.NUMRANGE, pg.Range(empty=True)),
                  (pg.TSTZRANGE, pg.Range(None, dt.datetime(2020, 1, 2, tzinfo=dt.timezone.utc))), (pg.ARRAY(pg.INT4RANGE), [pg.Range(1, 5)]),
                  (pg.INT4MULTIRANGE, [pg.Range(1, 5), pg.Range(7, 9)]), (pg.DATEMULTIRANGE, [pg.Range(day, None)]), (pg.TSMULTIRANGE, [])]
    columns = [sa.Column("c%d" % at, kind) for at, (kind, _) in enumerate(pairs)]
    table = sa.Table("of_types", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *columns)
    table.drop(engine, checkfirst=True)
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), {"c%d" % at: value for at, (_, value) in enumerate(pairs)})
        connection.execute(table.insert(), [{"c%d" % at: None for at in range(len(pairs))}] * 2)
        first, second, third = connection.execute(table.select().order_by(table.c.id)).fetchall()
        for at, (kind, value) in enumerate(pairs):
            assert first[at + 1] == value, (kind, first[at + 1], value)
        assert set(second[1:]) == set(third[1:]) == {None}
        assert connection.execute(sa.text("SELECT c0 FROM of_types WHERE id = 1")).scalar() == pairs[0][1]
        assert connection.execute(sa.select(*[table.c.c0["a"]]) if NEW else sa.select([table.c.c0["a"]])).fetchall()[0][0] == "1"
        connection.rollback() if NEW else None  # pylint: disable=expression-not-assigned


def isolation(place):
    engine = sa.create_engine("postgresql:" + place.url, isolation_level="SERIALIZABLE")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW transaction_isolation")).scalar() == "serializable"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS of_isolation (i int)"))
        connection.execute(sa.text("VACUUM of_isolation"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW transaction_isolation")).scalar() == "serializable"
        assert sa.inspect(connection).has_table("of_isolation")


def two_phase(place):
    with sa.create_engine("postgresql:" + place.url).connect() as connection:
        try:
            connection.begin_twophase()
        except sa.exc.NotSupportedError as error:
            assert "a two-phase transaction cannot run inside the transaction of Stillhead" in str(error)
        except Exception as error:  # pylint: disable=broad-except
            assert "a two-phase transaction cannot run inside the transaction of Stillhead" in str(error), repr(error)
        else:
            raise AssertionError("two-phase")


def bounded(place):
    """A hundred thousand rows need no more memory than a part of them."""
    import tracemalloc  # pylint: disable=import-outside-toplevel
    cursor = place.ours.cursor()
    tracemalloc.start()
    cursor.execute("SELECT i, repeat('x', 100) FROM generate_series(1, 100000) i")
    count = sum(1 for _ in cursor)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    place.ours.rollback()
    assert count == 100000 and peak < 8 * 2 ** 20, (count, peak)


def cases():
    for case in (drivers, options, urls, asyncio_engines, creators, places, types, isolation, two_phase, bounded):
        yield case.__name__, case

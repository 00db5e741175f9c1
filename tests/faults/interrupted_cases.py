# SPDX-License-Identifier: Apache-2.0
"""Statements that PostgreSQL does in several phases, broken in the middle by way of a transaction that makes
them wait. What the next run leaves must be what an undisturbed run leaves."""
import functools
import itertools
from dataclasses import dataclass

from server import Session
from stage import Bench, Run, Stage, case, require, until

SNAPSHOT = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1")  # of the whole database
READER = ("BEGIN", "SELECT count(*) FROM t")  # of the table only: no snapshot is kept
WORKER = ("BEGIN", "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE")  # as another such statement has it
MASON = ("BEGIN", "SELECT pg_advisory_xact_lock(42)")  # see `slow`

PHASE = ("SELECT coalesce(bool_or(phase = '{}'), false) FROM pg_stat_progress_create_index "
         "WHERE relid = '{}'::regclass")
WAITERS = "FROM pg_stat_activity WHERE query LIKE '%{}%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
WAITS = f"SELECT count(*) = 1 {WAITERS}"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
PENDING = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"
NOTHING = "SELECT 0"

TABLE = """CREATE TABLE t (id integer PRIMARY KEY, n integer);
INSERT INTO t SELECT i, i FROM generate_series(1, 1000) AS i;"""
WITH_INDEX = TABLE + "\nCREATE INDEX t_n ON t (n);"
# Only an exclusive owner of the advisory lock 42 makes it wait: a validation that takes long.
WITH_CHECK = TABLE + """
CREATE FUNCTION slow(integer) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN true; END $$;
ALTER TABLE t ADD CONSTRAINT t_slow CHECK (slow(n)) NOT VALID;"""
PARTITIONED = """CREATE TABLE t (id integer NOT NULL, n integer) PARTITION BY RANGE (id);
CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (500);
CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (500) TO (2000);
INSERT INTO t SELECT i, i FROM generate_series(1, 1000) AS i;"""


@dataclass(frozen=True)
class Kind:
    """A statement, who makes it wait, how one sees that it does, and what of it is left half done."""
    name: str
    before: str
    statement: str
    reader: tuple[str, ...]
    waits: str
    half_done: str = NOTHING


KINDS = (
    Kind("CREATE INDEX CONCURRENTLY before its last phase", TABLE, "CREATE INDEX CONCURRENTLY t_n ON t (n)",
         SNAPSHOT, PHASE.format("waiting for old snapshots", "t"), INVALID),
    Kind("CREATE UNIQUE INDEX CONCURRENTLY before its first phase", TABLE,
         "CREATE UNIQUE INDEX CONCURRENTLY t_n ON t (n)", ("BEGIN", "UPDATE t SET n = n WHERE id = 1"),
         PHASE.format("waiting for writers before build", "t"), INVALID),
    Kind("REINDEX INDEX CONCURRENTLY before the new index takes over", WITH_INDEX, "REINDEX INDEX CONCURRENTLY t_n",
         SNAPSHOT, PHASE.format("waiting for old snapshots", "t"), INVALID),
    Kind("REINDEX INDEX CONCURRENTLY before the old index goes", WITH_INDEX, "REINDEX INDEX CONCURRENTLY t_n",
         READER, PHASE.format("waiting for readers before marking dead", "t"), INVALID),
    Kind("REINDEX TABLE CONCURRENTLY before the old indexes go", WITH_INDEX, "REINDEX TABLE CONCURRENTLY t",
         READER, PHASE.format("waiting for readers before marking dead", "t"), INVALID),
    Kind("DROP INDEX CONCURRENTLY", WITH_INDEX, "DROP INDEX CONCURRENTLY t_n", READER,
         WAITS.format("DROP INDEX CONCURRENTLY"), INVALID),
    Kind("DROP INDEX CONCURRENTLY before it has begun", WITH_INDEX, "DROP INDEX CONCURRENTLY t_n", WORKER,
         WAITS.format("DROP INDEX CONCURRENTLY")),
    Kind("VALIDATE CONSTRAINT", WITH_CHECK, "ALTER TABLE t VALIDATE CONSTRAINT t_slow", MASON,
         WAITS.format("ALTER TABLE t VALIDATE")),
    Kind("DETACH PARTITION CONCURRENTLY", PARTITIONED, "ALTER TABLE t DETACH PARTITION t_high CONCURRENTLY", READER,
         WAITS.format("ALTER TABLE t DETACH"), PENDING),
    Kind("DETACH PARTITION CONCURRENTLY before it has begun", PARTITIONED,
         "ALTER TABLE t DETACH PARTITION t_high CONCURRENTLY", WORKER, WAITS.format("ALTER TABLE t DETACH")),
)


def prepared(bench: Bench, kind: Kind) -> Stage:
    """A database at revision a; b is the statement, between two others."""
    stage = bench.stage()
    stage.sql("CREATE TABLE ran (what text)")
    stage.script("a", f"-- stillhead:upgrade\n{kind.before}")
    stage.run("upgrade", "heads").require_code(0)
    stage.script("b", "-- stillhead:upgrade\nINSERT INTO ran VALUES ('before');\n-- stillhead:autocommit\n"
                      f"{kind.statement};\n-- stillhead:end\nINSERT INTO ran VALUES ('behind');")
    return stage


def state(stage: Stage) -> str:
    schema = stage.server.schema(stage.database, "--exclude-schema=stillhead")
    return schema + "\n" + stage.sql(
        "SELECT * FROM t ORDER BY id", "SELECT what FROM ran ORDER BY 1", "SELECT version_num FROM alembic_version",
        "SELECT indexrelid::regclass, indisvalid, indisready FROM pg_index i JOIN pg_class c ON c.oid = indexrelid "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY 1::text", "SELECT inhrelid::regclass, "
        "inhdetachpending FROM pg_inherits ORDER BY 1::text", "SELECT conname, convalidated FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 1", "SELECT revision, direction, result FROM "
        "stillhead.stillhead_history ORDER BY 1, 2", "SELECT * FROM stillhead.stillhead_journal")


@functools.cache
def undisturbed(bench: Bench, kind: Kind) -> str:
    stage = prepared(bench, kind)
    stage.run("upgrade", "heads").require_code(0)
    return state(stage)


def break_off(stage: Stage, kind: Kind, way: str, url: str = "") -> str:
    """Breaks the statement while it waits; its server process, which a killed run leaves for a while."""
    started = stage.start("upgrade", "heads", url=url)
    stage.await_answer(kind.waits, f"`{kind.statement}` waits")
    # Not the session that holds the lock.
    backend = stage.sql(f"SELECT pid {WAITERS}".format(kind.statement))
    if way == "killed":
        started.kill()
    else:
        stage.sql(f"SELECT pg_terminate_backend({backend}, 5000)")
        started.end().require_refusal(5, "DatabaseUnreachable", "lost")
    return backend


def run_again(stage: Stage, reader: Session, leaves: str, earlier: str) -> Run:
    """The reader leaves before the next run, or while that waits for it."""
    if leaves == "before":
        reader.ask("COMMIT")
        return stage.run("upgrade", "heads", "--lock-wait", "30s")
    started = stage.start("upgrade", "heads", "--lock-wait", "30s")
    waits = ("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'stillhead' "
             f"AND datname = current_database() AND wait_event_type = 'Lock' AND pid <> {earlier}")
    until(lambda: stage.sql(waits) == "t" or started.process.poll() is not None, "the next run waits")
    reader.ask("COMMIT")
    return started.end()


def interrupt(bench: Bench, kind: Kind, way: str, leaves: str) -> str:
    wanted, stage = undisturbed(bench, kind), prepared(bench, kind)
    with Session(stage.server, stage.database, name="reader") as reader:
        reader.ask(*kind.reader)
        earlier = break_off(stage, kind, way)
        half_done = int(stage.sql(kind.half_done))
        require(half_done > 0 or kind.half_done == NOTHING, "nothing was half done")
        run = run_again(stage, reader, leaves, earlier)
    require_completed(stage, wanted, run)
    return "" if kind.half_done == NOTHING else f"half done: {half_done}"


def cancel(bench: Bench, kind: Kind) -> None:
    """The server answers with an error. What the run takes back may have to wait for the reader, too."""
    wanted, stage = undisturbed(bench, kind), prepared(bench, kind)
    with Session(stage.server, stage.database, name="reader") as reader:
        reader.ask(*kind.reader)
        started = stage.start("upgrade", "heads")
        stage.await_answer(kind.waits, f"`{kind.statement}` waits")
        stage.sql(f"SELECT pg_cancel_backend(pid) {WAITERS}".format(kind.statement))
        reader.ask("COMMIT")
        started.end().require_refusal(1, "MigrationFailed", "57014")
    require_completed(stage, wanted, stage.run("upgrade", "heads"))


def require_completed(stage: Stage, wanted: str, run: Run) -> None:
    require(run.code == 0, f"the next run ends with {run.code}: {run.said}")
    found = state(stage)
    lost = [f"- {line}" for line in wanted.splitlines() if line not in found.splitlines()]
    more = [f"+ {line}" for line in found.splitlines() if line not in wanted.splitlines()]
    require(found == wanted, f"another state: {lost + more or found}; {run.said}")


WAYS = {"killed": "the run is killed", "terminated": "its backend is terminated"}
LEAVES = {"before": "the transaction ends, and the next run completes it",
          "during": "the next run waits, too, and completes it when the transaction ends"}


def add_cases() -> None:
    for kind, way, leaves in itertools.product(KINDS, WAYS, LEAVES):
        def broken(bench: Bench, kind: Kind = kind, way: str = way, leaves: str = leaves) -> str:
            return interrupt(bench, kind, way, leaves)
        broken.__name__ = f"{way}_{leaves}"
        case(f"{kind.name}, kept waiting by a transaction: {WAYS[way]}; {LEAVES[leaves]}")(broken)
    for kind in KINDS:
        def cancelled(bench: Bench, kind: Kind = kind) -> None:
            cancel(bench, kind)
        case(f"{kind.name}, kept waiting by a transaction: it is cancelled, and the next run completes it")(cancelled)


add_cases()


def of_kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def begin_elsewhere(stage: Stage, statement: str, waits: str) -> tuple[Session, Session]:
    """Somebody else's statement, as superuser, which a reader of `u` keeps waiting; both sessions."""
    reader, other = (Session(stage.server, stage.database, name=name) for name in ("reader of u", "other"))
    reader.ask("BEGIN", "SELECT count(*) FROM u")
    other.process.stdin.write(statement + ";\n")
    other.process.stdin.flush()
    stage.await_answer(waits, f"`{statement}` waits")
    return reader, other


@case("an interrupted DETACH of somebody else's partition is not taken for the run's own")
def foreign_detach(bench: Bench) -> None:
    kind = of_kind("DETACH PARTITION CONCURRENTLY before it has begun")
    stage = prepared(bench, kind)
    stage.sql("CREATE TABLE u (id integer NOT NULL) PARTITION BY RANGE (id)",
              "CREATE TABLE u_low PARTITION OF u FOR VALUES FROM (0) TO (500)")
    reader, other = begin_elsewhere(stage, "ALTER TABLE u DETACH PARTITION u_low CONCURRENTLY",
                                    WAITS.format("ALTER TABLE u DETACH"))
    other.close()
    stage.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'other'")
    reader.close()
    with Session(stage.server, stage.database, name="worker") as worker:
        worker.ask(*kind.reader)
        break_off(stage, kind, "terminated")
    stage.run("upgrade", "heads", "--lock-wait", "30s").require_code(0)
    left = stage.sql("SELECT inhrelid::regclass, inhdetachpending FROM pg_inherits ORDER BY 1::text")
    require(left == "t_low|f\nu_low|t", left)


def leave_reindex_alone(bench: Bench, user: str) -> None:
    """Of another table, by a superuser, whose old index is about to go."""
    kind = of_kind("REINDEX INDEX CONCURRENTLY before the old index goes")
    stage = prepared(bench, kind)
    stage.sql("CREATE TABLE u (n integer)", "CREATE INDEX u_n ON u (n)")
    if user != "postgres":
        give_all_to(stage, user)
    reader, other = begin_elsewhere(stage, "REINDEX INDEX CONCURRENTLY u_n",
                                    PHASE.format("waiting for readers before marking dead", "u"))
    url = stage.server.url(stage.database, user)
    try:
        with Session(stage.server, stage.database, name="reader") as own:
            own.ask(*kind.reader)
            break_off(stage, kind, "terminated", url)
        stage.start("upgrade", "heads", "--lock-wait", "10s", url=url).end(patience=15).require_code(0)
        reader.ask("COMMIT")
        other.ask("SELECT 1")
        require(stage.sql(INVALID) == "0", "an invalid index is left")
    finally:
        reader.close()
        other.close()


def give_all_to(stage: Stage, role: str) -> None:
    stage.server.sql("postgres", f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} LOGIN")
    stage.sql(*(f"ALTER SCHEMA {name} OWNER TO {role}" for name in ("public", "stillhead")),
              "DO $$ DECLARE name text; BEGIN FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM "
              "pg_tables WHERE schemaname IN ('public', 'stillhead') LOOP EXECUTE 'ALTER TABLE ' || name || "
              f"' OWNER TO {role}'; END LOOP; END $$")


@case("a REINDEX that somebody else has at work on another table is left alone")
def foreign_reindex(bench: Bench) -> None:
    leave_reindex_alone(bench, "postgres")


@case("a REINDEX that somebody else has at work is left alone by a role that may not see that it is")
def foreign_reindex_not_visible(bench: Bench) -> None:
    leave_reindex_alone(bench, "app")

# SPDX-License-Identifier: Apache-2.0
"""stillhead behind a real PgBouncer."""
import contextlib
import pathlib
import subprocess
from collections.abc import Iterator

from pooler import PgBouncer
from stage import Bench, Failure, Stage, case, require

POOL = 6  # connections to the server
NO_LOCKS = "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'"
REFUSAL = "is behind a pooler that gives each transaction another server process: no lock would hold there"
WRITERS = (["upgrade", "heads"], ["apply", "heads"], ["downgrade", "base"], ["stamp", "b"], ["stamp", "base"],
           ["exec", "--", "true"], ["upgrade", "heads", "--transaction", "single"])


def prepared(bench: Bench) -> Stage:
    """A database at revision a, with b to come."""
    stage = bench.stage()
    stage.script("a", "-- stillhead:upgrade\nCREATE TABLE t (id integer PRIMARY KEY);\n"
                      "-- stillhead:downgrade\nDROP TABLE t;")
    stage.run("upgrade", "heads").require_code(0)
    stage.script("b", "-- stillhead:upgrade\nALTER TABLE t ADD COLUMN n integer;\nINSERT INTO t VALUES (1, 1);\n"
                      "-- stillhead:downgrade\nDELETE FROM t;\nALTER TABLE t DROP COLUMN n;")
    return stage


def contents(stage: Stage) -> str:
    """Schema and rows, our own tables included."""
    return stage.schema() + stage.sql("SELECT * FROM t", "SELECT version_num FROM alembic_version",
                                      "SELECT * FROM stillhead.stillhead_history",
                                      "SELECT * FROM stillhead.stillhead_journal",
                                      "SELECT * FROM stillhead.stillhead_owner")


@contextlib.contextmanager
def traffic(pooler: PgBouncer, stage: Stage) -> Iterator[None]:
    """Other clients whose transactions change the server connection all the time."""
    script = pathlib.Path(stage.folder) / "traffic.sql"
    script.write_text("\\sleep 1 ms\nBEGIN;\nSELECT 1;\nSELECT 2;\nCOMMIT;\n")
    process = subprocess.Popen([pooler.bin / "pgbench", "-n", "-c", str(2 * POOL), "-T", "600", "-f", script],
                               env=pooler.environment(stage.database), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        require(process.poll() is None, "the traffic through the pooler has ended by itself")
    finally:
        process.kill()
        process.wait()


def free_locks(stage: Stage) -> None:
    """Ends the pooler's connections to the server, with what they hold."""
    stage.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")


def refuse(stage: Stage, pooler: PgBouncer, commands) -> None:
    before = contents(stage)
    for command in commands:
        run = stage.run("--lock-wait", "5s", *command, url=pooler.url(stage.database))
        require(contents(stage) == before, f"{' '.join(command)}: something was written: {run.said}")
        run.require_refusal(2, "InvalidUsage", REFUSAL)
        free_locks(stage)  # a case of its own looks at these


@case("transaction pooling: each command that would write is refused, and nothing is written")
def transaction_pooling(bench: Bench) -> str:
    stage = prepared(bench)
    with PgBouncer(bench.server, "transaction", POOL) as pooler:
        servers = pooler.open_servers(stage.database, POOL)
        require(len(servers) == POOL, f"the pool has {len(servers)} connections")
        refuse(stage, pooler, WRITERS)
    return f"{len(WRITERS)} commands, {POOL} connections in the pool"


@case("transaction pooling: refused again and again while other clients use the pool")
def transaction_pooling_under_load(bench: Bench) -> str:
    rounds, stage = 15, prepared(bench)
    for settings in ({}, {"server_round_robin": 1}):
        with PgBouncer(bench.server, "transaction", POOL, **settings) as pooler, traffic(pooler, stage):
            refuse(stage, pooler, [["upgrade", "heads"]] * rounds)
    return f"{2 * rounds} runs, half of them with server_round_robin"


@case("transaction pooling: refused with a single connection in the pool")
def transaction_pooling_of_one(bench: Bench) -> None:
    stage = prepared(bench)
    with PgBouncer(bench.server, "transaction", 1) as pooler:
        refuse(stage, pooler, WRITERS)


def leave_no_lock(bench: Bench, mode: str) -> None:
    stage = prepared(bench)
    with PgBouncer(bench.server, mode, POOL) as pooler:
        refused = stage.run("upgrade", "heads", url=pooler.url(stage.database))
        require(refused.code != 0, "it was not refused")
        left = stage.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        direct = stage.run("upgrade", "heads", "--lock-wait", "3s")
        require(left == "0" and direct.code == 0,
                f"{left} advisory locks are left; the direct run ends with {direct.code}: {direct.said}")


@case("transaction pooling: a refused run leaves no lock in the pool, and a direct one goes on at once")
def transaction_pooling_leaves_no_lock(bench: Bench) -> None:
    leave_no_lock(bench, "transaction")


@case("statement pooling: a refused run leaves no lock in the pool, and a direct one goes on at once")
def statement_pooling_leaves_no_lock(bench: Bench) -> None:
    leave_no_lock(bench, "statement")


@case("transaction pooling: a refused run leaves the settings of the pool's connections alone")
def transaction_pooling_leaves_no_settings(bench: Bench) -> None:
    stage = prepared(bench)
    ask = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name NOT IN ('client_encoding', " \
          "'DateStyle', 'TimeZone', 'standard_conforming_strings', 'application_name') ORDER BY 1"  # PgBouncer's
    with PgBouncer(bench.server, "transaction", 1) as pooler:
        before = pooler.sql(stage.database, ask)
        stage.run("upgrade", "heads", url=pooler.url(stage.database)).require_code(2)
        after = pooler.sql(stage.database, ask)
        require(before == after, f"the next client finds {after.split()}, and it was {before.split()}")


@case("statement pooling: each command that would write is refused, and nothing is written")
def statement_pooling(bench: Bench) -> None:
    stage = prepared(bench)
    with PgBouncer(bench.server, "statement", POOL) as pooler:
        refuse(stage, pooler, WRITERS)


@case("session pooling: upgrade, downgrade, stamp and exec work")
def session_pooling(bench: Bench) -> None:
    stage = prepared(bench)
    with PgBouncer(bench.server, "session", POOL) as pooler:
        pooler.open_servers(stage.database, POOL)
        for command in (["upgrade", "heads"], ["downgrade", "a"], ["upgrade", "heads", "--transaction", "single"],
                        ["stamp", "a"], ["stamp", "b"], ["exec", "--", "true"]):
            stage.run(*command, url=pooler.url(stage.database)).require_code(0)
        require(stage.sql("SELECT version_num FROM alembic_version") == "b", "the database is not at b")
        require(stage.sql(NO_LOCKS) == "t", "advisory locks are left")


@case("session pooling with a single connection: the run ends within its --run-timeout, and nothing is written")
def session_pooling_of_one(bench: Bench) -> str:
    stage = prepared(bench)
    before = contents(stage)
    with PgBouncer(bench.server, "session", 1) as pooler:
        started = stage.start("upgrade", "heads", "--run-timeout", "3s", "--connect-timeout", "2s",
                              url=pooler.url(stage.database))
        run = started.end(patience=30)
        require(run.code == 5 and len(run.errors()) == 1, f"exit code {run.code}: {run.said}")
        require(contents(stage) == before, "something was written")
    return run.errors()[0].removeprefix("stillhead: ")


READERS = (["current"], ["current", "--check-heads"], ["branches"], ["history", "-i"], ["history", "--applied"],
           ["heads"], ["plan", "heads"], ["repair"], ["wait", "--revision", "a", "--timeout", "0"],
           ["wait", "--timeout", "0"])


@case("transaction pooling: commands that only read say what they say without a pooler")
def transaction_pooling_readers(bench: Bench) -> str:
    rounds, stage = 3, prepared(bench)
    wanted = [stage.run(*command) for command in READERS]
    if {run.code for run in wanted} != {0, 7}:
        raise Failure("without a pooler: " + ", ".join(f"{run.code}: {run.said}" for run in wanted))
    with PgBouncer(bench.server, "transaction", POOL) as pooler, traffic(pooler, stage):
        for _ in range(rounds):
            for command, one in zip(READERS, wanted):
                run = stage.run(*command, url=pooler.url(stage.database))
                require((run.code, run.output) == (one.code, one.output),
                        f"{' '.join(command)}: {run.code} {run.output} {run.said}")
    return f"{len(READERS)} commands, {rounds} times each"


@case("transaction pooling: an upgrade with nothing to do succeeds")
def transaction_pooling_nothing_to_do(bench: Bench) -> None:
    stage = prepared(bench)
    stage.run("upgrade", "heads").require_code(0)
    before = contents(stage)
    for size in (POOL, 1):
        with PgBouncer(bench.server, "transaction", size) as pooler:
            run = stage.run("upgrade", "heads", url=pooler.url(stage.database)).require_code(0)
            require("already at b" in run.said and contents(stage) == before, run.said)


@case("transaction pooling: `wait` goes on as soon as somebody else has upgraded")
def transaction_pooling_wait(bench: Bench) -> None:
    stage = prepared(bench)
    with PgBouncer(bench.server, "transaction", POOL) as pooler, traffic(pooler, stage):
        waiting = stage.start("wait", "--timeout", "60s", "--interval", "100ms", url=pooler.url(stage.database))
        stage.run("upgrade", "heads").require_code(0)
        waiting.end().require_code(0)

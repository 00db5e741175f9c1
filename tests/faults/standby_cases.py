# SPDX-License-Identifier: Apache-2.0
"""stillhead on a hot standby."""
import contextlib
from collections.abc import Iterator

from server import Standby
from stage import Bench, Stage, case, require, until

REFUSAL = "is a standby: nothing can be written there"
WRITERS = (["upgrade", "heads"], ["apply", "heads"], ["downgrade", "base"], ["stamp", "b"], ["exec", "--", "true"])


def prepared(bench: Bench) -> Stage:
    """A database at revision a, with b to come."""
    stage = bench.stage()
    stage.script("a", "-- stillhead:upgrade\nCREATE TABLE t (id integer);\n-- stillhead:downgrade\nDROP TABLE t;")
    stage.run("upgrade", "heads").require_code(0)
    stage.script("b", "-- stillhead:upgrade\nALTER TABLE t ADD COLUMN n integer;")
    return stage


@contextlib.contextmanager
def standby_of(stage: Stage) -> Iterator[Standby]:
    standby = Standby(stage.server, "standby")
    try:
        await_replay(stage, standby)
        yield standby
    finally:
        standby.stop()


def await_replay(stage: Stage, standby: Standby) -> None:
    position = stage.sql("SELECT pg_current_wal_lsn()")
    question = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
    until(lambda: standby.sql("postgres", question) == "t\n", "the replay")


def both(stage: Stage, standby: Standby, end: str = "") -> str:
    """The standby first."""
    return (f"postgresql://postgres@/{stage.database}?host={standby.host},{stage.server.host}"
            f"&port={standby.port},{stage.server.port}{end}")


@case("standby: each command that would write is refused with one error, and nothing is written")
def standby_refuses(bench: Bench) -> str:
    stage = prepared(bench)
    before = stage.schema()
    with standby_of(stage) as standby:
        for command in WRITERS:
            stage.run(*command, url=standby.url(stage.database)).require_refusal(5, "DatabaseUnreachable", REFUSAL)
        require(stage.schema() == before, "something was written")
    return f"{len(WRITERS)} commands"


@case("standby: a first upgrade of an empty database is refused, too")
def standby_refuses_first(bench: Bench) -> None:
    stage = bench.stage()
    stage.script("a", "-- stillhead:upgrade\nCREATE TABLE t (id integer);")
    with standby_of(stage) as standby:
        stage.run("upgrade", "heads", url=standby.url(stage.database)).require_refusal(
            5, "DatabaseUnreachable", REFUSAL)


@case("standby: commands that only read say what they say on the primary")
def standby_reads(bench: Bench) -> None:
    stage = prepared(bench)
    with standby_of(stage) as standby:
        for command in (["current"], ["current", "--check-heads"], ["history", "--applied"], ["history", "-i"],
                        ["plan", "heads"], ["repair"], ["wait", "--revision", "a", "--timeout", "0"]):
            wanted, found = (stage.run(*command, url=url) for url in ("", standby.url(stage.database)))
            require((found.code, found.output) == (wanted.code, wanted.output),
                    f"{' '.join(command)}: {found.code} {found.output} {found.said}, "
                    f"and on the primary {wanted.code} {wanted.output} {wanted.said}")


@case("standby: an upgrade with nothing to do succeeds")
def standby_nothing_to_do(bench: Bench) -> None:
    stage = prepared(bench)
    stage.run("upgrade", "heads").require_code(0)
    with standby_of(stage) as standby:
        run = stage.run("upgrade", "heads", url=standby.url(stage.database)).require_code(0)
        require("already at b" in run.said, run.said)


@case("standby: `wait` with SELECT rights only sees a revision when it is replayed, and not before")
def standby_wait(bench: Bench) -> str:
    stage = prepared(bench)
    stage.server.sql("postgres", "DROP ROLE IF EXISTS gate", "CREATE ROLE gate LOGIN")
    stage.sql("GRANT USAGE ON SCHEMA stillhead TO gate", "GRANT SELECT ON stillhead.stillhead_history TO gate")
    with standby_of(stage) as standby:
        url = standby.url(stage.database, "gate")
        standby.sql("postgres", "SELECT pg_wal_replay_pause()")
        stage.run("upgrade", "heads").require_code(0)
        waiting = stage.start("wait", "--revision", "b", "--timeout", "60s", "--interval", "100ms", url=url)
        stage.run("wait", "--revision", "b", "--timeout", "1500ms", url=url).require_refusal(
            7, "NotUpToDate", "waited 1500ms for b:")
        require(waiting.process.poll() is None, "`wait` did not wait for the replay")
        standby.sql("postgres", "SELECT pg_wal_replay_resume()")
        run = waiting.end(patience=20).require_code(0)
    return run.said.splitlines()[-1]


@case("standby: among several hosts target_session_attrs=read-write finds the primary; without it the first counts")
def standby_and_primary(bench: Bench) -> None:
    stage = prepared(bench)
    with standby_of(stage) as standby:
        stage.run("upgrade", "heads", url=both(stage, standby)).require_refusal(5, "DatabaseUnreachable", REFUSAL)
        stage.run("upgrade", "heads", url=both(stage, standby, "&target_session_attrs=read-write")).require_code(0)
        require(stage.run("current").output.strip() == "b (head)", stage.run("current").output)


@case("standby: once it is promoted it is upgraded, also by the command that was refused before")
def standby_promoted(bench: Bench) -> None:
    stage = prepared(bench)
    with standby_of(stage) as standby:
        url = standby.url(stage.database)
        stage.run("upgrade", "heads", url=url).require_refusal(5, "DatabaseUnreachable", REFUSAL)
        standby.promote()
        stage.run("upgrade", "heads", url=url).require_code(0)
        require(stage.run("current", url=url).output.strip() == "b (head)", "the promoted server is not at b")
        require(stage.run("current").output.strip() == "a", "the old primary was changed")

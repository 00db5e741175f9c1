# SPDX-License-Identifier: Apache-2.0
"""What a run says about who is in its way, with and without the right to see other roles' sessions."""
import re

from server import PASSWORD, Session
from stage import Bench, Run, Stage, case, require

SHORT = ("--lock-timeout", "300ms", "--lock-retries", "1")


def prepared(bench: Bench, sees: bool) -> Stage:
    """Role app owns all, role scram uses it: TCP is for the latter only."""
    stage = bench.stage()
    stage.server.sql("postgres", "DROP ROLE IF EXISTS app", "CREATE ROLE app LOGIN",
                     "REVOKE pg_read_all_stats FROM scram")
    if sees:
        stage.server.sql("postgres", "GRANT pg_read_all_stats TO app")
    stage.sql(f"ALTER DATABASE {stage.database} OWNER TO app", "ALTER SCHEMA public OWNER TO app")
    stage.script("a", "-- stillhead:upgrade\nCREATE TABLE t (id integer);\nGRANT SELECT ON t TO scram;")
    stage.run("upgrade", "heads", url=app_url(stage)).require_code(0)
    stage.script("b", "-- stillhead:upgrade\nALTER TABLE t ADD COLUMN n integer;")
    return stage


def app_url(stage: Stage) -> str:
    return stage.server.url(stage.database, "app")


def tcp_url(stage: Stage) -> str:
    return (f"postgresql://scram:{PASSWORD.replace('#', '%23')}@127.0.0.1:{stage.server.port}/{stage.database}"
            "?application_name=nightly")


def blocked(stage: Stage) -> tuple[Run, str]:
    """The upgrade of app behind a reader of scram, and the reader's process."""
    with Session(stage.server, stage.database, "scram", name="report", by_tcp=True) as reader:
        pid = reader.ask("BEGIN", "SELECT pg_backend_pid() FROM (SELECT count(*) FROM t) AS x")
        run = stage.run("upgrade", "heads", *SHORT, url=app_url(stage))
    return run, pid


@case("a statement behind a session of another role, without pg_read_all_stats: the session is told, as not visible")
def blocker_not_visible(bench: Bench) -> str:
    run, pid = blocked(prepared(bench, sees=False))
    run.require_refusal(5, "LockTimeout", f'in the way: pid {pid}, application_name "report", a session of '
                                          "another role")
    require("127.0.0.1" not in run.said and "transaction is" not in run.said,
            f"it says what it cannot know: {run.said}")
    require(f"pid {pid}" in run.said.split("stillhead: ")[0], f"the retry does not name it: {run.said}")
    return run.errors()[0].removeprefix("stillhead: ")


@case("a statement behind a session of another role, with pg_read_all_stats: pid, application, client and age are told")
def blocker_visible(bench: Bench) -> str:
    run, pid = blocked(prepared(bench, sees=True))
    run.require_refusal(5, "LockTimeout", f'in the way: pid {pid}, application_name "report", client 127.0.0.1, '
                                          "idle in transaction, its transaction is ")
    require(re.search(r"its transaction is [0-9]+ s old", run.said) is not None, f"no age: {run.said}")
    require(f"pid {pid}" in run.said.split("stillhead: ")[0], f"the retry does not name it: {run.said}")
    return run.errors()[0].removeprefix("stillhead: ")


def lock_refused(stage: Stage, wait: float = 1.5) -> tuple[Run, str]:
    """The upgrade of app waits for a run of scram that holds the lock; the process that holds it."""
    stage.sql("GRANT USAGE ON SCHEMA stillhead TO scram", "GRANT ALL ON ALL TABLES IN SCHEMA stillhead TO scram",
              "GRANT ALL ON alembic_version TO scram", "GRANT CREATE ON SCHEMA public TO scram")
    stage.script("c", "-- stillhead:upgrade\nSELECT pg_sleep(600);")
    (stage.folder / "migrations" / "b.sql").write_text("-- revision: b\n-- down_revision: a\nSELECT 1;\n")
    holder = stage.start("upgrade", "heads", url=tcp_url(stage))
    try:
        stage.await_answer("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "the holder")
        run = stage.run("upgrade", "heads", "--lock-wait", f"{wait * 1000:.0f}ms", url=app_url(stage))
        pid = stage.sql("SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
                        "WHERE locktype = 'advisory' AND a.wait_event IS DISTINCT FROM 'PgSleep'")
    finally:
        holder.kill()
        stage.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    return run, pid


@case("a run of another role holds the lock, without pg_read_all_stats: its process is told, as not visible")
def holder_not_visible(bench: Bench) -> str:
    run, pid = lock_refused(prepared(bench, sees=False))
    run.require_refusal(5, "LockUnavailable", f'is held by pid {pid}, application_name "nightly", a session of '
                                              "another role")
    require("127.0.0.1" not in run.said and "since" not in run.said, f"it says what it cannot know: {run.said}")
    return run.errors()[0].removeprefix("stillhead: ")


@case("a run of another role holds the lock, with pg_read_all_stats: pid, application, client and age are told")
def holder_visible(bench: Bench) -> str:
    run, pid = lock_refused(prepared(bench, sees=True))
    run.require_refusal(5, "LockUnavailable", f'is held by pid {pid}, application_name "nightly')
    require(re.search(r"client 127\.0\.0\.1, since .* UTC \(for [0-9]+ s\)", run.errors()[0]) is not None,
            f"no client or no age: {run.said}")
    return run.errors()[0].removeprefix("stillhead: ")


@case("a run that waits for the lock tells the same holder once, and how long that has been at work")
def holder_told_once(bench: Bench) -> None:
    run, _ = lock_refused(prepared(bench, sees=True), wait=4)
    told = run.said.count("Waiting for another run")
    age = re.search(r"\(for ([0-9]+) s\)", run.errors()[0])
    require(told == 1 and age is not None and int(age[1]) >= 3, f"told {told} times: {run.said}")

# SPDX-License-Identifier: Apache-2.0
"""Many runs of stillhead at once, and runs that are killed while they hold the lock."""
import concurrent.futures
import random
import re
import time

from stage import Bench, Failure, Stage, case, require

RUNNERS = 20
ROUNDS = 5
KILLS = 10
MOST_SECONDS = 2.0  # from the holder's end to the first row of its successor
POLLING_SLOWLY = 4.0  # seconds; then the pauses between two looks have grown to a second

HISTORY = {
    "a": "CREATE TABLE t (id serial PRIMARY KEY, n integer);\n"
         "INSERT INTO t (n) SELECT i FROM generate_series(1, 20000) AS i;\n"
         "SELECT pg_sleep(1);\n"  # so that all have come
         "INSERT INTO ran VALUES ('a');",
    "b": "INSERT INTO ran VALUES ('b before');\n-- stillhead:autocommit\nINSERT INTO ran VALUES ('b alone');\n"
         "CREATE INDEX CONCURRENTLY t_n ON t (n);\n-- stillhead:end\nINSERT INTO ran VALUES ('b behind');",
    "c": "ALTER TABLE t ADD COLUMN note text NOT NULL DEFAULT '';\nINSERT INTO ran VALUES ('c');",
}
RAN = ["a", "b alone", "b before", "b behind", "c"]


def race(bench: Bench) -> int:
    """How many waited for another."""
    stage = bench.stage()
    stage.sql("CREATE TABLE ran (what text)")
    for name, body in HISTORY.items():
        stage.script(name, f"-- stillhead:upgrade\n{body}")
    logged = stage.server.log.stat().st_size
    runs = [started.end() for started in [stage.start("upgrade", "heads") for _ in range(RUNNERS)]]
    if bad := [f"{run.code}: {run.said}" for run in runs if run.code != 0]:
        raise Failure(f"{len(bad)} of {RUNNERS} runs failed: {bad[0]}")
    applied = [run for run in runs if run.report["steps"]]
    require(len(applied) == 1, f"{len(applied)} runs applied something")
    require(len(applied[0].report["steps"]) == len(HISTORY), "not all was applied")
    require(stage.sql("SELECT what FROM ran ORDER BY 1").split("\n") == RAN, stage.sql("TABLE ran"))
    require(stage.sql("SELECT count(*) FILTER (WHERE indisvalid), count(*) FROM pg_index "
                      "WHERE indrelid = 't'::regclass") == "2|2", "an index is missing or invalid")
    with stage.server.log.open("rb") as file:
        file.seek(logged)
        log = file.read().decode()
    require("deadlock" not in log, "the server's log tells of a deadlock")
    built = len(re.findall(r"statement: CREATE INDEX CONCURRENTLY t_n", log))
    require(built == 1, f"the server's log has CREATE INDEX CONCURRENTLY {built} times")
    return sum("Waiting for another run" in run.said for run in runs)


@case(f"{RUNNERS} runs at once over an index that is built concurrently: one applies, all exit 0, no deadlock")
def twenty_runners(bench: Bench) -> str:
    waited = [race(bench) for _ in range(ROUNDS)]
    require(min(waited) > RUNNERS // 2, f"too few had to wait: {waited}")
    return f"{ROUNDS} rounds; of {RUNNERS} runs {min(waited)} to {max(waited)} waited for another"


def history_of_one(stage: Stage, hook: str) -> None:
    """The first run of it does not end while `pace` has a row, or `begun` is there with a hook."""
    stage.sql("CREATE TABLE began (at timestamptz)", "CREATE TABLE pace AS SELECT 1 AS held")
    stage.script("a", "-- stillhead:upgrade\nINSERT INTO began VALUES (clock_timestamp());\n"
                      "SELECT pg_sleep(CASE WHEN EXISTS (SELECT 1 FROM pace) THEN 600 ELSE 0 END);\n"
                      "CREATE TABLE t (id integer);")
    if hook:
        stage.sql("TRUNCATE pace")
        (stage.folder / "stillhead.yaml").write_text(f"hooks:\n  before_revision: {hook}\n")


def measure(stage: Stage, kind: str) -> float:
    """Seconds from the SIGKILL of the holder to the first row of the run that waits."""
    holder = stage.start("upgrade", "heads")
    try:
        if kind == "statement":
            stage.await_answer("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                               "AND datname = current_database()", "the holder's statement")
        else:
            stage.await_answer("SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND database = "
                               "(SELECT oid FROM pg_database WHERE datname = current_database())", "the lock")
        successor = stage.start("upgrade", "heads")
        time.sleep(POLLING_SLOWLY + 2 * random.random())
        require(successor.process.poll() is None, "the second run did not wait")
        if kind == "statement":
            stage.sql("DELETE FROM pace")
        killed = time.time()
        holder.kill()
        successor.end().require_code(0)
        return float(stage.sql("SELECT extract(epoch FROM at) FROM began")) - killed
    finally:
        (stage.folder / "held").unlink(missing_ok=True)


def kill_holders(bench: Bench, kind: str, hook: str = "") -> str:
    stages = [bench.stage(f"m{number}") for number in range(KILLS)]  # all at once, each in its database
    for stage in stages:
        history_of_one(stage, hook)
    with concurrent.futures.ThreadPoolExecutor(KILLS) as pool:
        seconds = list(pool.map(lambda stage: measure(stage, kind), stages))
    for stage in stages:
        bench.server.sql("postgres", f"DROP DATABASE {stage.database} WITH (FORCE)")
    told = f"{KILLS} rounds, longest {max(seconds):.2f} s, shortest {min(seconds):.2f} s"
    require(max(seconds) <= MOST_SECONDS, f"the successor needs more than {MOST_SECONDS} s: {told}; all: "
            + ", ".join(f"{value:.2f}" for value in sorted(seconds)))
    return told


@case("the holder of the lock is killed between two statements: the next run begins within 2 s")
def killed_between_statements(bench: Bench) -> str:
    # The first run makes `held`, and its hook lasts as long as that is there.
    return kill_holders(bench, "hook", "\"test -e taken || { touch taken held; "
                                       "while test -e held; do sleep 0.1; done; }\"")


@case("the holder of the lock is killed while its statement runs: the next run begins within 2 s")
def killed_within_statement(bench: Bench) -> str:
    return kill_holders(bench, "statement")

# SPDX-License-Identifier: Apache-2.0
"""Row B9: how long an application stands still while a column is added to its table under a long reader."""
import dataclasses
import os
import pathlib
import subprocess
import time

import histories
from bench import Bench, Contender, verdict

LOCK_TIMEOUT = 3.0  # seconds, the default of --lock-timeout
GRACE = 0.05
CLIENTS = 8
RATE = 200  # transactions a second, of all clients
CAUGHT_UP = 1.5 * RATE
ROWS = 10_000
COLUMN = "ALTER TABLE bench_hot ADD COLUMN note text"
SCRIPT = f"""\\set id random(1, {ROWS})
BEGIN;
SELECT n FROM bench_hot WHERE id = :id;
UPDATE bench_hot SET n = n + 1 WHERE id = :id;
COMMIT;
"""
HAS_COLUMN = ("SELECT count(*) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
              "WHERE relname = 'bench_hot' AND attname = 'note' AND NOT attisdropped")
HEAD = ("row", "what", "program", "transactions meanwhile", "median ms", "p99.9 ms", "longest ms",
        "change took s", "after the reader s", "bound")


@dataclasses.dataclass
class Outcome:
    latencies: list[float]  # seconds, sorted: of the transactions while the change was under way
    took: float  # seconds
    after_reader: float

    def quantile(self, part: float) -> float:
        return self.latencies[min(int(len(self.latencies) * part), len(self.latencies) - 1)]


class Application:
    """pgbench, whose transactions begin by the clock: one that has to wait delays none behind it, but is
    timed from when it was due."""

    def __init__(self, bench: Bench, database: str, folder: pathlib.Path, most_seconds: float):
        self.server, self.database, self.folder = bench.server, database, folder
        script = folder / "script"
        script.write_text(SCRIPT)
        self.process = subprocess.Popen(
            [bench.server.program("pgbench"), "-n", "-f", str(script), "-c", str(CLIENTS), "-R", str(RATE),
             "-T", str(int(most_seconds)), "-l", "--log-prefix", str(folder / "log")],
            env={**os.environ, **bench.server.environment(database), "PGAPPNAME": "application"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def done(self) -> int:
        return int(self.server.sql(self.database, "SELECT sum(n) FROM bench_hot"))

    def catch_up(self) -> None:
        """Returns when those that had to wait had their turn: no more are done than fall due."""
        before = -CAUGHT_UP
        while (now := self.done()) - before >= CAUGHT_UP:
            before = now
            time.sleep(1)

    def stop(self) -> list[tuple[float, float]]:
        """Begin (when it was due) and duration of each transaction. pgbench ends, and writes what it still
        holds, when all its sessions have ended."""
        self.server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                    "WHERE application_name = 'application'")
        self.process.wait()
        result = []
        for log in self.folder.glob("log.*"):
            for line in log.read_text().splitlines():
                fields = line.split()
                if not fields[2].isdigit():
                    continue
                duration = int(fields[2]) / 1e6
                result.append((int(fields[4]) + int(fields[5]) / 1e6 - duration, duration))
        counted = self.done()
        if not len(result) <= counted <= len(result) + CLIENTS:  # some had no time to say so
            raise SystemExit(f"B9: {counted} transactions in the table, {len(result)} in the log")
        return result


def begin_reading(bench: Bench, database: str, seconds: float) -> subprocess.Popen:
    reader = subprocess.Popen(
        bench.psql(["-c", "BEGIN", "-c", "SELECT count(*) FROM bench_hot",
                    "-c", f"SELECT pg_sleep({seconds})", "-c", "\\echo -n seen:", "-c", HAS_COLUMN,
                    "-c", "COMMIT", "-At"], database).command,
        env={**os.environ, **bench.server.environment(database), "PGAPPNAME": "reader"},
        stdout=subprocess.PIPE, text=True)
    while bench.server.sql(database, "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "
                           "application_name = 'reader' AND relation = 'bench_hot'::regclass").strip() == "0":
        time.sleep(0.05)
    return reader


def change_under_load(bench: Bench, contender: Contender, database: str, reading: float) -> Outcome:
    folder = bench.folder / f"{database}-application"
    folder.mkdir()
    bench.server.fresh(database)
    bench.server.sql(database, "CREATE TABLE bench_hot (id integer PRIMARY KEY, n integer NOT NULL)",
                     f"INSERT INTO bench_hot SELECT i, 0 FROM generate_series(1, {ROWS}) AS i",
                     "VACUUM ANALYZE bench_hot")
    application = Application(bench, database, folder, most_seconds=reading + 120)
    processes = [application.process]
    try:
        time.sleep(2)
        reader = begin_reading(bench, database, reading)
        processes.append(reader)
        begin = time.time()
        change = subprocess.Popen(contender.command, cwd=contender.folder, text=True,
                                  env={**os.environ, **contender.environment},
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        processes.append(change)
        seen, _ = reader.communicate()
        reader_left = time.time()
        if "seen:0" not in seen:
            raise SystemExit(f"B9: the reader saw the column before it left: {seen}")
        _, errors = change.communicate(timeout=100)
        end = time.time()
        if change.returncode != 0 or bench.server.sql(database, HAS_COLUMN).strip() != "1":
            raise SystemExit(f"B9: {contender.name} ended with {change.returncode}, and the column is "
                             f"not there or not known:\n{errors[-2000:]}")
        application.catch_up()
        transactions = application.stop()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    meanwhile = sorted(took for at, took in transactions if at + took > begin and at < end)
    return Outcome(meanwhile, end - begin, end - reader_left)


def hot_table(bench: Bench, row: str, reading: float) -> None:
    ours, theirs = bench.folder / "column", bench.folder / "column-alembic"
    histories.write_sql(ours, [[COLUMN]])
    histories.write_alembic(theirs, [[COLUMN]])
    table = bench.new_table(*HEAD)
    for contender, most in ((bench.stillhead(ours, "hot_ours"), LOCK_TIMEOUT + GRACE),
                            (bench.alembic_upgrade(theirs, "hot_theirs"), None)):
        outcome = change_under_load(bench, contender, contender.environment["PGDATABASE"], reading)
        bound = verdict(f"p99.9 ≤ {most * 1000:.0f} ms", outcome.quantile(0.999) <= most) if most else ""
        table.add(row, f"a column added below a reader of {reading:.0f} s", contender.name,
                  f"{len(outcome.latencies)}",
                  *(f"{seconds * 1000:.1f}" for seconds in (outcome.quantile(0.5), outcome.quantile(0.999),
                                                            outcome.latencies[-1])),
                  f"{outcome.took:.1f}", f"{outcome.after_reader:.1f}", bound)

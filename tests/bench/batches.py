# SPDX-License-Identifier: Apache-2.0
"""Row B10: a large UPDATE in batches beside the same as one statement, and what a slow standby makes of it."""
import bisect
import dataclasses
import os
import pathlib
import subprocess
import time

import histories
from bench import Bench, Table, verdict
from measure import Contender, in_turns, once
from server import Server, Standby

ROWS = 1_000_000
SLOW_ROWS = 300_000
SIZE = 10_000  # of the first batch
RATE = 4 * 2**20  # bytes a second, of the line to the standby
MAX_LAG = 2.0  # seconds
MAKING = 1.0  # seconds: half of one for a batch, half of one between two looks at the standby
UPDATE = "UPDATE bench_big SET email = lower(email), n = n + 1 WHERE email <> lower(email)"
EVERY = 0.1  # seconds
POSITIONS = """SELECT extract(epoch FROM clock_timestamp()), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),
pg_wal_lsn_diff(replay_lsn, '0/0'), coalesce(extract(epoch FROM replay_lag), 0) FROM pg_stat_replication"""
HEAD = ("row", "what", "program", "took s", "in MiB of WAL", "largest part MiB", "largest lag s",
        "by replay_lag s", "largest backlog MiB", "bound")


def in_batches(max_lag: float | None = None) -> list[str]:
    option = f" max_lag={max_lag:.0f}s" if max_lag else ""
    return [f"-- stillhead:batch key=id size={SIZE}{option}\n{UPDATE}"]


def make_template(server: Server, rows: int) -> None:
    server.fresh("big")
    server.sql("big", "CREATE TABLE bench_big (id bigint PRIMARY KEY, email text NOT NULL, "
                      "n integer NOT NULL)",
               f"INSERT INTO bench_big SELECT i, 'User' || i || '@Example.org', 0 FROM "
               f"generate_series(1, {rows}) AS i", "VACUUM ANALYZE bench_big")


def check_rows(row: str, answer: str, rows: int) -> None:
    """Each row was changed, and once."""
    if answer.strip() != f"{rows}|{rows}":
        raise SystemExit(f"{row}: rows and rows that were changed once: {answer}")


CHANGED = "SELECT count(*), count(*) FILTER (WHERE n = 1 AND email = lower(email)) FROM bench_big"


def unthrottled(bench: Bench, row: str, most: float) -> None:
    make_template(bench.server, ROWS)
    scripts = bench.folder / "batches"
    histories.write_sql(scripts, [in_batches()])
    ours = bench.stillhead(scripts, "big_ours", prepare=lambda: bench.server.fresh("big_ours", "big"))
    single = bench.psql(["-c", UPDATE], "big_single",
                        prepare=lambda: bench.server.fresh("big_single", "big"))
    in_turns([ours, single], bench.rounds)
    for database in ("big_ours", "big_single"):
        check_rows(row, bench.server.sql(database, CHANGED), ROWS)
    ratio = ours.wall() / single.wall()
    bench.report(row, f"UPDATE of {ROWS:,} rows, in batches and at once", [ours, single],
                 verdict(f"≤ {most} × the single UPDATE", ratio <= most))
    for database in ("big", "big_ours", "big_single"):
        bench.server.sql("postgres", f"DROP DATABASE {database}")


@dataclasses.dataclass
class Lag:
    seconds: float = 0  # the oldest of what is not replayed was written so long ago
    reported: float = 0  # pg_stat_replication.replay_lag
    backlog: float = 0  # bytes


class Sampler:
    """Asks all the time how far the standby is."""

    def __init__(self, server: Server, file: pathlib.Path):
        self.file = file
        with file.open("w") as output:
            self.process = subprocess.Popen(
                [server.psql, "-X", "-q", "-At"], stdin=subprocess.PIPE, stdout=output, text=True,
                env={**os.environ, **server.environment("postgres")})
        self.process.stdin.write(f"{POSITIONS}\n\\watch {EVERY}\n")
        self.process.stdin.close()

    def stop(self) -> Lag:
        self.process.kill()
        self.process.wait()
        times, written, most = [], [], Lag()
        for line in self.file.read_text().splitlines():
            fields = line.split("|")
            if len(fields) != 4 or not all(fields):
                continue
            now, current, replayed, reported = map(float, fields)
            times.append(now)
            written.append(current)
            oldest = bisect.bisect_right(written, replayed)
            most.seconds = max(most.seconds, now - times[oldest] if oldest < len(times) else 0)
            most.reported = max(most.reported, reported)
            most.backlog = max(most.backlog, current - replayed)
        if len(times) < 10:
            raise SystemExit(f"B10: only {len(times)} looks at the standby")
        return most


def largest_part(server: Server, database: str) -> float:
    """Bytes of WAL: what a trigger of the table has noted."""
    positions = [float(text) for text in
                 server.sql(database, "SELECT at FROM part ORDER BY at").split()]
    return max(after - before for before, after in zip(positions, positions[1:]))


def note_parts(server: Server, database: str) -> None:
    """The position in the WAL behind each UPDATE; the first is where it begins."""
    position = "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
    server.sql(database, "CREATE TABLE part (at numeric)", f"INSERT INTO part SELECT {position}",
               "CREATE FUNCTION note_part() RETURNS trigger LANGUAGE plpgsql AS "
               f"'BEGIN INSERT INTO part SELECT {position.replace(chr(39), chr(39) * 2)}; RETURN NULL; END'",
               "CREATE TRIGGER note_part AFTER UPDATE ON bench_big EXECUTE FUNCTION note_part()")


Seen = tuple[Lag, float, float, float]  # seconds of the run, bytes of WAL, and those of the largest part


def lag_of(server: Server, standby: Standby, contender: Contender, row: str) -> Seen:
    database = contender.environment["PGDATABASE"]
    server.fresh(database, "big")
    note_parts(server, database)
    standby.catch_up()
    before = float(server.sql("postgres", "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))
    sampler = Sampler(server, standby.folder / f"{database}.lag")
    time.sleep(1)
    try:
        run = once(contender)
        after = float(server.sql("postgres", "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))
        standby.catch_up()
    finally:
        lag = sampler.stop()
    for answer in (server.sql(database, CHANGED), standby.sql(database, CHANGED)):
        check_rows(row, answer, SLOW_ROWS)
    return lag, run.wall, after - before, largest_part(server, database)


def add_lag(table: Table, row: str, name: str, bounded: bool, seen: Seen) -> None:
    lag, took, wal, part = seen
    most = MAX_LAG + MAKING + part / RATE
    bound = verdict(f"lag ≤ {most:.1f} s", lag.seconds <= most) if bounded else ""
    table.add(row, f"UPDATE of {SLOW_ROWS:,} rows, standby at {RATE / 2**20:.0f} MiB/s"
                   + (f", max_lag={MAX_LAG:.0f}s" if bounded else ""), name, f"{took:.1f}",
              f"{wal / 2**20:.0f}", f"{part / 2**20:.1f}", f"{lag.seconds:.1f}", f"{lag.reported:.1f}",
              f"{lag.backlog / 2**20:.1f}", bound)


def slow_standby(bench: Bench, row: str) -> None:
    """A primary of its own, which keeps what the standby lacks, however far it is behind."""
    folder = bench.folder / "slow"
    folder.mkdir()
    scripts = bench.folder / "slow-batches"
    histories.write_sql(scripts, [in_batches(MAX_LAG)])
    server = Server(folder / "primary", "wal_keep_size = '4GB'")
    try:
        make_template(server, SLOW_ROWS)
        standby = Standby(server, folder / "standby", RATE)
        try:
            standby.start()
            there = Bench(server, bench.folder, bench.alembic, 1)
            table = bench.new_table(*HEAD)
            add_lag(table, row, "stillhead", True,
                    lag_of(server, standby, there.stillhead(scripts, "big_ours"), row))
            add_lag(table, row, "psql", False,
                    lag_of(server, standby, there.psql(["-c", UPDATE], "big_single"), row))
        finally:
            standby.stop()
    finally:
        server.stop()

# SPDX-License-Identifier: Apache-2.0
"""Rows B1 to B5, B7 and H: whole processes beside each other."""
import os
import pathlib
import statistics
import subprocess

import histories
from bench import STILLHEAD, Bench, verdict
from delay import Delay
from measure import Contender, drop_page_cache, in_turns, once
from server import ROOT

GRAPH_BENCH = ROOT / "build/release/tests/conformance/graph_bench"
ROUND_TRIP = 0.005  # seconds, of the network of B5
ROUND_TRIPS = 500  # how many are timed


def no_op(bench: Bench, row: str, count: int, most: float | None = None) -> None:
    """An upgrade that finds nothing to do, warm and cold."""
    scripts, project = bench.history("light", count)
    ours, theirs = bench.stillhead(scripts, "noop"), bench.alembic_upgrade(project, "noop")
    asked = bench.psql(["-c", "SELECT version_num FROM alembic_version"], "noop")
    bench.server.fresh("noop")
    once(ours)
    in_turns([ours, asked, theirs], bench.rounds)
    bound = verdict(f"≤ {most * 1000:.0f} ms", ours.wall() <= most) if most else ""
    bench.report(row, f"no-op, {count} revisions, warm", [ours, asked, theirs], bound)
    if drop_page_cache():
        ours, theirs = bench.stillhead(scripts, "noop"), bench.alembic_upgrade(project, "noop")
        for contender in (ours, theirs):
            contender.prepare = lambda: (drop_page_cache(),
                                         bench.server.sql("noop", "SELECT 1"))[0] and None
        in_turns([ours, theirs], 3, warm_up=0)
        bench.report(row, f"no-op, {count} revisions, cold", [ours, theirs])


def list_history(bench: Bench, row: str, count: int) -> None:
    """All scripts listed; no database."""
    scripts, project = bench.history("light", count)
    ours = Contender("stillhead", [str(STILLHEAD), "--script-location", str(scripts), "history"],
                     {}, bench.folder)
    theirs = Contender("alembic", [str(bench.alembic), "history"],
                       bench.server.environment("postgres"), project)
    in_turns([ours, theirs], bench.rounds)
    bench.report(row, f"history of {count} revisions", [ours, theirs])


def graph(bench: Bench, row: str) -> None:
    """100,000 revisions with 5 % merges, in memory: the program measures itself."""
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "graph_bench"], cwd=ROOT,
                   check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([GRAPH_BENCH], check=True, text=True, capture_output=True)
    for line in done.stdout.splitlines()[1:]:  # behind the title
        name, median, best = line.rsplit(None, 2)
        bench.runs.add(row, name, "graph_bench", median, best, "", "", "", "")


def appliers(bench: Bench, kind: str, count: int, proxy: Delay | None = None) -> list[Contender]:
    """A whole history into an empty database: stillhead, psql, Alembic."""
    scripts, project = bench.history(kind, count)
    server = bench.server
    file = bench.folder / f"{kind}{count}.psql"
    histories.write_psql(file, histories.synthetic(kind, count))
    server.fresh("layout")
    once(bench.stillhead(bench.history("light", 1)[0], "layout"))
    history_layout = subprocess.run(
        ["pg_dump", "--schema-only", "--no-owner", "--schema=stillhead"],
        env={**os.environ, **server.environment("layout")}, check=True,
        capture_output=True, text=True).stdout
    layout = bench.folder / "layout.sql"
    layout.write_text(history_layout + "RESET search_path;\n")
    return [
        bench.stillhead(scripts, "ours", proxy, prepare=lambda: server.fresh("ours")),
        bench.psql(["-f", str(layout), "-f", str(file)], "plain", proxy,
                   prepare=lambda: server.fresh("plain")),
        bench.alembic_upgrade(project, "theirs", proxy, prepare=lambda: server.fresh("theirs"))]


def check_applied(bench: Bench, row: str, kind: str, count: int) -> None:
    """All three databases are at the head, and their tables are the same."""
    expected = histories.revision_id(count - 1)
    seen = set()
    for database in ("ours", "plain", "theirs"):
        reached = bench.server.sql(database, "SELECT version_num FROM alembic_version").split()
        if reached != [expected]:
            raise SystemExit(f"{row}: database {database} is at {reached}")
        dump = subprocess.run(["pg_dump", "--schema-only", "--table=bench_*"], text=True, check=True,
                              env={**os.environ, **bench.server.environment(database)},
                              capture_output=True).stdout
        # \restrict and \unrestrict bear a random word.
        seen.add("\n".join(line for line in dump.splitlines() if not line.startswith("\\")))
    if len(seen) != 1:
        raise SystemExit(f"{row}: the databases differ")


def apply(bench: Bench, row: str, kind: str, count: int, what: str, most: float) -> None:
    contenders = appliers(bench, kind, count)
    in_turns(contenders, bench.rounds)
    check_applied(bench, row, kind, count)
    ratio = contenders[0].wall() / contenders[1].wall()
    bench.report(row, what, contenders, verdict(f"≤ {most} × psql", ratio <= most))


def round_trip(bench: Bench, proxy: Delay | None) -> float:
    """Seconds from a statement to its answer, the server's own time included; the median."""
    commands = "\\timing on\n" + "SELECT 1;\n" * ROUND_TRIPS
    text = subprocess.run([bench.server.psql, "-X", "-At"], input=commands, check=True, text=True,
                          env={**os.environ, **bench.server.environment("postgres", proxy)},
                          capture_output=True).stdout
    return statistics.median(float(line.split()[1]) / 1000 for line in text.splitlines()
                             if line.startswith("Time:"))


def far_away(bench: Bench, row: str, kind: str, count: int, most: float) -> None:
    """As `apply`, over a network with a long way."""
    with Delay(bench.server.socket()) as proxy:
        own = round_trip(bench, proxy) - round_trip(bench, None)  # what the proxy takes by itself
    with Delay(bench.server.socket(), max(ROUND_TRIP - own, 0) / 2) as proxy:
        floor = bench.folder / "floor.psql"
        floor.write_text("SELECT 1;\n" * count)
        contenders = appliers(bench, kind, count, proxy)
        asked = bench.psql(["-o", "/dev/null", "-f", str(floor)], "postgres", proxy)
        asked.name = f"psql, {count:,} × SELECT 1"
        in_turns([*contenders, asked], min(bench.rounds, 3), warm_up=0)
        check_applied(bench, row, kind, count)
        seen = asked.wall() / count * 1000
        bench.report(row, f"{count:,} light revisions, round trip {ROUND_TRIP * 1000:.0f} ms "
                          f"(as it was: {seen:.1f} ms)", [*contenders, asked],
                     verdict(f"≤ {most:.0f} s", contenders[0].wall() <= most))

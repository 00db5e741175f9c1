# SPDX-License-Identifier: Apache-2.0
"""Rows P1 to P5: projects whose revisions are Python, beside Alembic on psycopg2."""
import json
import os
import pathlib
import re
import statistics
import subprocess

import histories
from bench import STILLHEAD, Bench, verdict
from measure import Contender, in_turns, once
from server import ROOT

ROUND_TRIPS = 10_000
ROWS = 1_000_000
# Both write what they have seen to $RESULT.
ROUND_TRIP = """
    import json, os, time
    cursor = op.get_bind().connection.cursor()
    times = []
    for _ in range({count}):
        begin = time.perf_counter()
        cursor.execute("SELECT 1")
        cursor.fetchall()
        times.append(time.perf_counter() - begin)
    with open(os.environ["RESULT"], "w") as file:
        json.dump(sorted(times)[len(times) // 2], file)
"""
READ = """
    import json, os, resource
    op.get_bind().exec_driver_sql("SELECT 1").fetchall()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0
    for number, text in op.get_bind().exec_driver_sql("SELECT n, repeat('x', 100) FROM generate_series(1, {count}) n"):
        total += number
    assert total == {count} * ({count} + 1) // 2, total
    with open(os.environ["RESULT"], "w") as file:
        json.dump((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, file)
"""


def ours(bench: Bench, project: pathlib.Path, database: str, name: str = "stillhead", **options) -> Contender:
    environment = {**bench.server.environment(database), "VIRTUAL_ENV": str(bench.alembic.parent.parent)}
    return Contender(name, [str(STILLHEAD), "upgrade", "heads"], environment, project, **options)


def no_op(bench: Bench, row: str, count: int, least: float) -> None:
    """Nothing is to be done: with stillhead.yaml no Python starts, without it env.py says where the database is."""
    _, project = bench.history("light", count)
    database = "python_noop"
    bench.server.fresh(database)
    named = bench.folder / f"{project.name}-yaml"
    named.mkdir(exist_ok=True)
    for file in ("alembic.ini", "migrations"):
        if not (named / file).exists():
            (named / file).symlink_to(project / file)
    url = bench.server.environment(database)["DATABASE_URL"]
    (named / "stillhead.yaml").write_text(f"database_url: {url}\nversion_table: alembic_version\n")
    with_yaml = ours(bench, named, database, "stillhead, stillhead.yaml")
    with_yaml.environment["DATABASE_URL"] = ""  # it would win over the file, and env.py may mean another one
    contenders = [with_yaml, bench.alembic_upgrade(project, database), ours(bench, project, database, "stillhead, env.py")]
    once(contenders[1])
    in_turns(contenders, bench.rounds)
    faster = contenders[1].wall() / contenders[0].wall()
    bench.report(row, f"no-op, {count} Python revisions", contenders,
                 verdict(f"≥ {least:.0f} × faster than alembic", faster >= least))


def projects(bench: Bench, row: str, names: str, most: float) -> None:
    """Public projects' whole histories, each into an empty database; tests/projects/run compares what they make."""
    ratios: dict[str, list[float]] = {}
    for _ in range(bench.rounds):
        done = subprocess.run([ROOT / "tests/projects/run", "--only", names, "--on", "postgresql"], check=True,
                              text=True, capture_output=True)
        for line in done.stdout.rpartition("\nproject ")[2].splitlines():
            found = re.match(r"(\S+) .* upgrade head +(\d+) +(\d+) +([\d.]+) +yes$", line)
            if found:
                ratios.setdefault(found[1], []).append(float(found[4]))
    table = bench.new_table("row", "what", "stillhead / alembic", "all rounds", "bound")
    for name in names.split(","):
        ratio = statistics.median(ratios[name])
        table.add(row, f"all revisions of {name}, wall clock", f"{ratio:.2f}",
                  " ".join(f"{value:.2f}" for value in ratios[name]), verdict(f"≤ {most}", ratio <= most))


def apply(bench: Bench, row: str, kind: str, count: int) -> None:
    _, project = bench.history(kind, count)
    contenders = [ours(bench, project, "python_ours", prepare=lambda: bench.server.fresh("python_ours")),
                  bench.alembic_upgrade(project, "theirs", prepare=lambda: bench.server.fresh("theirs"))]
    in_turns(contenders, bench.rounds)
    rows = {database: bench.server.sql(database, "SELECT version_num FROM alembic_version")
            for database in ("python_ours", "theirs")}
    if len(set(rows.values())) != 1:
        raise SystemExit(f"{row}: the databases are at {rows}")
    bench.report(row, f"{count} Python revisions ({kind}), a transaction each", contenders)


def in_script(bench: Bench, name: str, body: str) -> dict[str, float]:
    """What a revision with this body has seen, by both programs: medians of the rounds."""
    project = bench.folder / name
    histories.write_alembic(project, [["SELECT 1"]])
    script = next((project / "migrations/versions").glob("*.py"))
    script.write_text(script.read_text().replace("    op.execute('SELECT 1')\n", body))
    result = bench.folder / f"{name}.json"
    os.environ["RESULT"] = str(result)
    seen: dict[str, list[float]] = {"stillhead": [], "alembic": []}
    for _ in range(bench.rounds):
        for contender in (ours(bench, project, name), bench.alembic_upgrade(project, name)):
            bench.server.fresh(name)
            once(contender)
            seen[contender.name].append(json.loads(result.read_text()))
    return {program: sorted(values)[len(values) // 2] for program, values in seen.items()}


def round_trip(bench: Bench, row: str, most: float) -> None:
    seen = in_script(bench, "round_trip", ROUND_TRIP.format(count=ROUND_TRIPS))
    more = (seen["stillhead"] - seen["alembic"]) * 1e6
    table = bench.new_table("row", "what", "stillhead µs", "psycopg2 µs", "more µs", "bound")
    table.add(row, "`SELECT 1` by a cursor, executed and fetched", f"{seen['stillhead'] * 1e6:.0f}",
              f"{seen['alembic'] * 1e6:.0f}", f"{more:.0f}", verdict(f"≤ {most:.0f} µs more", more <= most))


def large_result(bench: Bench, row: str, most: float) -> None:
    seen = in_script(bench, "large_result", READ.format(count=ROWS))
    table = bench.new_table("row", "what", "stillhead MiB", "psycopg2 MiB", "bound")
    table.add(row, f"growth of Python while a script reads {ROWS:,} rows of 100 bytes", f"{seen['stillhead']:.0f}",
              f"{seen['alembic']:.0f}", verdict(f"≤ {most:.0f} MiB", seen["stillhead"] <= most))

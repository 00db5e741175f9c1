# SPDX-License-Identifier: Apache-2.0
"""The history that sqlite_matrix runs, and what must be in a database afterwards."""
import collections
import pathlib
import re
import shutil
import sqlite3

# Each script says in the table `ran` what it has run. r3 makes the page cache so small that r4 writes to the
# file before it commits.
SCRIPTS = {
    "r1": """-- stillhead:upgrade
CREATE TABLE ran (what text);
CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL);
CREATE TABLE noted (id integer, n integer);
CREATE TRIGGER t_noted AFTER DELETE ON t BEGIN
  INSERT INTO noted VALUES (old.id, old.n);
END;
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 30) INSERT INTO t SELECT i, 0 FROM c;
INSERT INTO ran VALUES ('r1');
-- stillhead:downgrade
INSERT INTO ran VALUES ('r1 down');
""",
    "r2": """-- stillhead:upgrade
INSERT INTO ran VALUES ('r2 before');
-- stillhead:autocommit
INSERT INTO ran VALUES ('r2 alone');
CREATE INDEX t_n ON t (n);
VACUUM;
-- stillhead:end
INSERT INTO ran VALUES ('r2 behind');
-- stillhead:downgrade
UPDATE t SET n = n + 7;
-- stillhead:autocommit
DROP INDEX t_n;
VACUUM;
-- stillhead:end
INSERT INTO ran VALUES ('r2 down');
""",
    "r3": """-- transactional: false
-- stillhead:upgrade
ALTER TABLE t ADD COLUMN note text NOT NULL DEFAULT '';
UPDATE t SET n = n * 10 + 1, note = 'n' || n;
PRAGMA cache_size = 5;
INSERT INTO ran VALUES ('r3');
-- stillhead:downgrade
UPDATE t SET n = (n - 1) / 10;
ALTER TABLE t DROP COLUMN note;
INSERT INTO ran VALUES ('r3 down');
""",
    "r4": """-- stillhead:upgrade
CREATE TABLE large (id integer PRIMARY KEY, body text NOT NULL);
INSERT INTO large SELECT id, printf('%.3000c', 'x') FROM t WHERE id <= 6;
UPDATE large SET body = body || id;
DELETE FROM t WHERE id > 25;
INSERT INTO ran VALUES ('r4');
-- stillhead:downgrade
INSERT INTO t (id, n, note) SELECT id, n, 'back' FROM noted;
DROP TABLE large;
INSERT INTO ran VALUES ('r4 down');
""",
    "r5": """-- stillhead:upgrade
CREATE TABLE t_new (id integer PRIMARY KEY, n integer NOT NULL CHECK (n >= 0), note text NOT NULL DEFAULT '');
INSERT INTO t_new SELECT id, n, note FROM t;
DROP TABLE t;
ALTER TABLE t_new RENAME TO t;
CREATE UNIQUE INDEX "T id" ON t (id, n);
INSERT INTO ran VALUES ('r5');
-- stillhead:downgrade
DROP INDEX "T id";
CREATE INDEX t_n ON t (n);
INSERT INTO ran VALUES ('r5 down');
""",
    "r6": """-- stillhead:upgrade
-- stillhead:pre "SELECT count(*) > 0 FROM t"
INSERT INTO ran VALUES ('r6');
-- stillhead:batch key=id size=12
UPDATE t SET n = n + 100;
-- stillhead:end
-- stillhead:post "SELECT min(n) > 100 FROM t"
-- stillhead:downgrade
-- stillhead:batch key=id size=12
UPDATE t SET n = n - 100;
-- stillhead:end
INSERT INTO ran VALUES ('r6 down');
""",
}

# name: arguments, and the database to begin with
SCENARIOS = {"upgrade": (["upgrade", "heads"], "none"),
             "single": (["upgrade", "heads", "--transaction", "single"], "none"),
             "downgrade": (["downgrade", "base"], "upper"),
             "wal": (["upgrade", "heads"], "wal")}
# Of the history's columns those that are the same in every run.
HISTORY = "version_table, revision, direction, result, checksum, meaning, file"


def write_scripts(folder: pathlib.Path) -> None:
    folder.mkdir()
    below = ""
    for name, body in SCRIPTS.items():
        (folder / f"{name}.sql").write_text(f"-- revision: {name}\n-- down_revision: {below}\n{body}")
        below = name


def rows_that_ran(downgraded: bool) -> list[str]:
    """What the scripts insert into `ran`, each once."""
    text = "".join(body if downgraded else body.partition("-- stillhead:downgrade")[0] for body in SCRIPTS.values())
    return sorted(re.findall(r"INSERT INTO ran VALUES \('(.*?)'\)", text))


def copied(database: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """As the next reader will find it; the original stays as the run has left it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for suffix in ("", "-journal", "-wal"):
        file = pathlib.Path(f"{database}{suffix}")
        if file.exists():
            shutil.copy(file, folder / file.name)
    return folder / database.name


def read(database: pathlib.Path, question: str) -> list[tuple]:
    connection = sqlite3.connect(database, timeout=0)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def state(database: pathlib.Path) -> list[str]:
    """All that a disturbed run must have in common with an undisturbed one."""
    lines = [f"schema: {row}" for row in read(database, "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2")]
    for (table,) in read(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"):
        columns = HISTORY if table == "stillhead_history" else "*"
        lines += sorted(f"{table}: {row}" for row in read(database, f'SELECT {columns} FROM "{table}"'))
    for pragma in ("user_version", "journal_mode", "integrity_check"):
        lines += [f"{pragma}: {row[0]}" for row in read(database, f"PRAGMA {pragma}")]
    return lines


def version_row(database: pathlib.Path) -> str:
    """Empty: base."""
    if not read(database, "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"):
        return ""
    rows = read(database, "SELECT version_num FROM alembic_version")
    return "+".join(row[0] for row in rows)


def difference(wanted: list[str], found: list[str]) -> str:
    lost, more = collections.Counter(wanted), collections.Counter(found)
    lines = [f"  - {line:.200}" for line in (lost - more).elements()]
    lines += [f"  + {line:.200}" for line in (more - lost).elements()]
    return "\n".join(["another state:", *lines]) if lines else ""

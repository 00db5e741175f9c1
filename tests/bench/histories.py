# SPDX-License-Identifier: Apache-2.0
"""Synthetic histories in three spellings: our .sql scripts, Alembic's .py scripts, one file for psql."""
import hashlib
import pathlib

ENV_PY = '''import os
from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://")
engine = create_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
'''

HISTORY_INSERT = (
    "INSERT INTO stillhead.stillhead_history (version_table, revision, direction, run_id, owner, attempt, "
    "engine_version, checksum, started_at, finished_at, result) VALUES ('public.alembic_version', '{revision}', 'upgrade', "
    "'0123456789abcdef', NULL, NULL, '0.1.0', '{checksum}', now(), clock_timestamp(), 'applied');\n")


def revision_id(number: int) -> str:
    return hashlib.sha1(str(number).encode()).hexdigest()[:12]


def light_statement(number: int) -> str:
    if number % 2:
        return f"ALTER TABLE bench_light ALTER COLUMN c{number % 10} SET DEFAULT {number}"
    return f"COMMENT ON COLUMN bench_light.c{number % 10} IS 'revision {number}'"


def table_statements(number: int) -> list[str]:
    return [f"CREATE TABLE bench_{number} (id integer PRIMARY KEY, a text, b integer NOT NULL)",
            f"CREATE INDEX bench_{number}_b ON bench_{number} (b)"]


def synthetic(kind: str, count: int) -> list[list[str]]:
    """The statements of each revision."""
    return [statements(kind, number) for number in range(count)]


def statements(kind: str, number: int) -> list[str]:
    if kind == "tables":
        return table_statements(number)
    if number == 0:
        columns = ", ".join(f"c{i} integer" for i in range(10))
        return [f"CREATE TABLE bench_light ({columns})"]
    return [light_statement(number)]


def write_sql(folder: pathlib.Path, revisions: list[list[str]]) -> None:
    """Our scripts; `revisions`: the statements of each."""
    folder.mkdir(parents=True)
    for number, texts in enumerate(revisions):
        parent = revision_id(number - 1) if number else ""
        body = ";\n".join(texts)
        (folder / f"{number:05}_{revision_id(number)}.sql").write_text(
            f"-- revision: {revision_id(number)}\n-- down_revision: {parent}\n"
            f"-- message: step {number}\n-- stillhead:upgrade\n{body};\n"
            "-- stillhead:downgrade\nSELECT 1;\n")


def write_alembic(folder: pathlib.Path, revisions: list[list[str]]) -> None:
    """The same history for Alembic, a transaction for each revision as ours."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (folder / "migrations" / "env.py").write_text(ENV_PY)
    (folder / "migrations" / "script.py.mako").write_text("")
    for number, texts in enumerate(revisions):
        parent = repr(revision_id(number - 1)) if number else "None"
        body = "\n".join(f"    op.execute({text!r})" for text in texts)
        (versions / f"{number:05}_{revision_id(number)}.py").write_text(
            f'"""step {number}"""\nfrom alembic import op\n\n'
            f"revision = {revision_id(number)!r}\ndown_revision = {parent}\n"
            "branch_labels = None\ndepends_on = None\n\n\n"
            f"def upgrade():\n{body}\n\n\ndef downgrade():\n    pass\n")


def write_psql(path: pathlib.Path, revisions: list[list[str]]) -> None:
    """The same statements, version rows and history rows included, a transaction for each revision."""
    with path.open("w") as out:
        out.write("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                  "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));\n")
        for number, texts in enumerate(revisions):
            revision = revision_id(number)
            out.write("BEGIN;\n")
            out.writelines(text + ";\n" for text in texts)
            if number:
                out.write(f"UPDATE alembic_version SET version_num='{revision}' "
                          f"WHERE alembic_version.version_num = '{revision_id(number - 1)}';\n")
            else:
                out.write(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}');\n")
            out.write(HISTORY_INSERT.format(revision=revision,
                                            checksum=hashlib.sha256(revision.encode()).hexdigest()))
            out.write("COMMIT;\n")

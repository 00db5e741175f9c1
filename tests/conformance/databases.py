# SPDX-License-Identifier: Apache-2.0
"""Databases for cases that run one after the other, and what is in them.

  with Postgres() as database:    a server of its own, or Sqlite(): a file
    database.url                  for the engine
    database.reset(setup)         empties it and runs the SQL of `setup`
    database.run(sql)             rows, as tuples
    database.look()               Contents
    database.dump()               definitions and rows without order; nothing of the engine's own but the version row
"""

import dataclasses
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import locks

VERSION_TABLE = 'alembic_version'


@dataclasses.dataclass(frozen=True)
class Contents:
    rows: list | None  # of the version table, sorted; None: there is no such table
    tables: list       # sorted; none of the engine's own
    objects: set       # tables, valid indexes and values of enums, but for the version table and those of the set-up
    history: list      # [(revision, direction)], oldest first
    journal: dict      # {revision: (statements done, the next one is in doubt)}


def is_own(name):
    return 'stillhead_' in name


class Database:
    """What both kinds share; they have names(): {(kind, name)}, and run()."""

    def look(self):
        names = self.names()
        tables = {name for kind, name in names if kind == 'table'}

        def ask(columns, table, order=''):
            name = next((name for name in tables if name.endswith(table)), None)
            return None if name is None else self.run(f'SELECT {columns} FROM {name} {order}')

        rows = ask('version_num', VERSION_TABLE, 'ORDER BY 1')
        journal = ask('revision, done, in_doubt', 'stillhead_journal') or []
        return Contents(rows=None if rows is None else [row for (row,) in rows],
                        tables=sorted(name for name in tables if not is_own(name)),
                        objects={name for _, name in names - self.of_setup if not is_own(name)} - {VERSION_TABLE},
                        history=ask('revision, direction', 'stillhead_history', 'ORDER BY id') or [],
                        journal={revision: (int(done), int(in_doubt) != 0) for revision, done, in_doubt in journal})

    def reset(self, setup):
        self.empty()
        if setup:
            self.run(setup)
        self.of_setup = self.names()


class Postgres(Database):
    """The database postgres of a throw-away server."""

    NAMES = """
        SELECT 'table', CASE schemaname WHEN 'public' THEN '' ELSE schemaname || '.' END || tablename FROM pg_tables
         WHERE schemaname IN ('public', 'stillhead') UNION ALL
        SELECT 'index', relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
         WHERE relnamespace = 'public'::regnamespace AND indisvalid AND NOT indisprimary UNION ALL
        SELECT 'value', format('%s ADD VALUE %L', typname, enumlabel)
          FROM pg_enum JOIN pg_type ON enumtypid = pg_type.oid
        """

    def __enter__(self):
        self.server = locks.Server('')
        self.url = self.server.url
        return self

    def __exit__(self, *unused):
        self.server.__exit__()

    def program(self, name, *arguments):
        program = self.server.settings['BIN'] + '/' + name
        return subprocess.run([program, *arguments, self.url], check=True, text=True, capture_output=True).stdout

    def run(self, sql):
        lines = self.program('psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-c', sql).splitlines()
        return [tuple(line.split('|')) for line in lines]

    def names(self):
        return set(self.run(self.NAMES))

    def empty(self):
        self.run('SET client_min_messages = error; DROP SCHEMA IF EXISTS public, stillhead CASCADE; '
                 'CREATE SCHEMA public')

    def dump(self):
        lines = self.program('pg_dump', '--inserts', '--exclude-schema=stillhead').splitlines()
        return sorted(line for line in lines if not line.startswith(('\\restrict', '\\unrestrict')))


class Sqlite(Database):
    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='stillhead-transactions-'))
        self.file = self.folder / 'case.db'
        self.url = f'sqlite:///{self.file}'
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, sql):
        connection = sqlite3.connect(self.file)
        try:
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def names(self):
        return {(kind, name) for kind, name in self.run('SELECT type, name FROM sqlite_master')
                if not name.startswith('sqlite_')}

    def empty(self):
        for file in self.folder.iterdir():
            file.unlink()

    def dump(self):
        definitions = [line for line in self.run('SELECT name, sql FROM sqlite_master')
                       if not is_own(line[0]) and not line[0].startswith('sqlite_')]
        tables = sorted(name for kind, name in self.names() if kind == 'table' and not is_own(name))
        return sorted([str(line) for line in definitions]
                      + [f'{table}: {row}' for table in tables for row in self.run(f'SELECT * FROM {table}')])

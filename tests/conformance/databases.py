# SPDX-License-Identifier: Apache-2.0
"""Databases for one case each, on a server of our own or as files, and what is in them.

Both kinds have

  fresh(setup, number)          a new database in which the SQL of `setup` was run; an object with

    url                         for the engine
    run(sql)
    copy()                      another database that is equal
    objects()                   names of tables, valid indexes and enum values, but for those of the set-up
    tables()                    names of tables; none of the engine's own
    rows(table)                 sorted; None: no such table
    history()                   [(revision, direction)], oldest first
    journal()                   {revision: (statements done, one is in doubt)}
    dump()                      definitions and rows without order; nothing of the engine's own but the version row
"""

import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import locks

OWN = 'stillhead_'
HISTORY = 'SELECT revision, direction FROM {}stillhead_history ORDER BY id'
JOURNAL = 'SELECT revision, done, in_doubt FROM {}stillhead_journal'


class PostgresDatabase:
    OBJECTS = """
        SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' UNION ALL
        SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
         WHERE relnamespace = 'public'::regnamespace AND indisvalid AND NOT indisprimary UNION ALL
        SELECT format('%s ADD VALUE %L', typname, enumlabel) FROM pg_enum JOIN pg_type ON enumtypid = pg_type.oid"""

    def __init__(self, server, name, template='template0', baseline=frozenset()):
        self.server, self.name, self.baseline = server, name, baseline
        server.psql('postgres', f'CREATE DATABASE {name} TEMPLATE {template}')
        self.copies = 0
        self.url = f'postgresql://postgres@/{name}?host={server.settings["PGHOST"]}&port={server.settings["PGPORT"]}'

    def run(self, sql):
        return [tuple(line.split('|')) for line in self.server.psql(self.name, sql).splitlines()]

    def copy(self):
        self.copies += 1
        return PostgresDatabase(self.server, f'{self.name}_{self.copies}', self.name, self.baseline)

    def has(self, table):
        return self.run(f"SELECT to_regclass('{table}') IS NOT NULL") == [('t',)]

    def objects(self):
        return {name for (name,) in self.run(self.OBJECTS)} - self.baseline

    def tables(self):
        return sorted(name for (name,) in self.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))

    def rows(self, table):
        return sorted(row for (row,) in self.run(f'SELECT {table}::text FROM {table}')) if self.has(table) else None

    def history(self):
        return self.run(HISTORY.format('stillhead.')) if self.has('stillhead.stillhead_history') else []

    def journal(self):
        found = self.run(JOURNAL.format('stillhead.')) if self.has('stillhead.stillhead_journal') else []
        return {revision: (int(done), in_doubt not in ('0', 'f')) for revision, done, in_doubt in found}

    def dump(self):
        program = self.server.settings['BIN'] + '/pg_dump'
        text = subprocess.run([program, '--inserts', '--exclude-schema=stillhead', self.url], check=True, text=True,
                              capture_output=True).stdout
        return sorted(line for line in text.splitlines() if not line.startswith(('\\restrict', '\\unrestrict')))


class Postgres(locks.Server):
    def __init__(self):
        super().__init__('')

    def psql(self, database, sql):
        program, host, port = (self.settings[key] for key in ('BIN', 'PGHOST', 'PGPORT'))
        return subprocess.run([f'{program}/psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-h', host, '-p', port, '-U',
                               'postgres', '-c', sql, database], check=True, text=True, capture_output=True).stdout

    def fresh(self, setup, number):
        database = PostgresDatabase(self, f'case_{number}')
        if setup:
            database.run(setup)
        database.baseline = database.objects()
        return database


class SqliteDatabase:
    def __init__(self, file):
        self.file = file
        self.copies = 0
        self.url = f'sqlite:///{file}'

    def run(self, sql):
        connection = sqlite3.connect(self.file)
        try:
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def copy(self):
        self.copies += 1
        other = self.file.with_name(f'{self.file.stem}_{self.copies}.db')
        shutil.copy(self.file, other)
        return SqliteDatabase(other)

    def named(self, kinds):
        return sorted(name for kind, name in self.run('SELECT type, name FROM sqlite_master')
                      if kind in kinds and not name.startswith((OWN, 'sqlite_')))

    def has(self, table):
        return self.run(f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '{table}'") == [(1,)]

    def objects(self):
        return set(self.named(('table', 'index')))

    def tables(self):
        return self.named(('table',))

    def rows(self, table):
        if not self.has(table):
            return None
        return sorted('(' + ','.join(map(str, row)) + ')' for row in self.run(f'SELECT * FROM {table}'))

    def history(self):
        return self.run(HISTORY.format('')) if self.has('stillhead_history') else []

    def journal(self):
        found = self.run(JOURNAL.format('')) if self.has('stillhead_journal') else []
        return {revision: (done, bool(in_doubt)) for revision, done, in_doubt in found}

    def dump(self):
        definitions = self.run('SELECT name, sql FROM sqlite_master')
        return sorted([f'{name}: {sql}' for name, sql in definitions if not name.startswith((OWN, 'sqlite_'))]
                      + [f'{table}: {row}' for table in self.tables() for row in self.rows(table)])


class Sqlite:
    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='stillhead-sqlite-'))
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self, setup, number):
        assert not setup
        return SqliteDatabase(self.folder / f'case_{number}.db')

# SPDX-License-Identifier: Apache-2.0
"""Migration scripts for the tests. Each one leaves a row in `applied`, so that a revision that ran
twice shows."""

import hashlib


def script(revision, down_revision=None, upgrade="", downgrade=None, message=None):
    """The text of one .sql script. downgrade None: irreversible."""
    lines = [f"-- revision: {revision}"]
    if down_revision:
        lines.append(f"-- down_revision: {down_revision}")
    lines += [f"-- message: {message or 'revision ' + revision}", "", "-- stillhead:upgrade", upgrade]
    if downgrade is not None:
        lines += ["", "-- stillhead:downgrade", downgrade]
    return "\n".join(lines) + "\n"


# Goes on when the table `gate` (Database.make_gate) has a row.
WAIT_AT_GATE = ("DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.1); "
                "END LOOP; END $$;\n")


def step(revision, down_revision=None, *, seconds=0, gate=False):
    """A reversible revision that creates table t_<revision> and takes `seconds`, or waits at the gate."""
    first = "" if down_revision else (
        "CREATE TABLE applied (revision text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());\n")
    sleep = f"SELECT pg_sleep({seconds});\n" if seconds else WAIT_AT_GATE if gate else ""
    undo = f"DELETE FROM applied WHERE revision = '{revision}';\n" if down_revision else "DROP TABLE applied;\n"
    return script(revision, down_revision,
                  f"{first}CREATE TABLE t_{revision} (id bigint PRIMARY KEY);\n{sleep}"
                  f"INSERT INTO applied (revision) VALUES ('{revision}');",
                  f"DROP TABLE t_{revision};\n{undo}")


def chain(*revisions, seconds=0, gate=None):
    """Files of a line of revisions, oldest first. `gate`: the revision that waits at the gate."""
    files, parent = {}, None
    for revision in revisions:
        files[f"{revision}.sql"] = step(revision, parent, seconds=seconds, gate=revision == gate)
        parent = revision
    return files


def digest(files):
    """What `stillhead digest` prints for a folder with these files."""
    lines = "".join(f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()

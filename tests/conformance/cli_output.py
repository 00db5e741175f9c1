# SPDX-License-Identifier: Apache-2.0
"""Replays recorded command lines of Alembic (cli_output.json) with the real `stillhead`.

Each case gets a project folder of its own with an alembic.ini, scripts as Alembic writes them and an
SQLite database in the recorded state. What is compared: exit code, standard output, the lines about
steps, the error's text, the version rows, the tables, and new files.

Cases that run scripts or compare models have an env.py, and Python with the recorded Alembic, which is
installed once. There the program is called by the name `alembic`, and its exit code is Alembic's.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile

import alembic_project

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("STILLHEAD", ROOT / "build/release/stillhead")
NEW_ID = "000000abc000"  # what the recorded new revisions are called
USAGE_ERRORS = {"cli0439", "cli0440", "cli0456", "cli0717", "cli0719", "cli0720"}
ENTRIES_AS_A_SET = {"cli0155", "cli0329", "cli0369"}
TRANSACTIONS = {True: "per_revision", False: "single"}
SETTINGS = ("version_table", "version_table_schema", "version_table_pk", "transactional_ddl")


def word(case):
    """The command of a command line."""
    return next((argument for argument in case["argv"] if not argument.startswith("-")), "")


def any_of(case, key):
    expect = case["expect"]
    return expect.get(f"{key}_any_of", [expect.get(key)])


def needs_python(case):
    """A script's body, or env.py for autogenerate, would have to run."""
    if word(case) == "check" or "--autogenerate" in case["argv"]:
        return True
    told = "".join(text or "" for text in any_of(case, "stderr"))
    return "Running upgrade" in told or "Running downgrade" in told


def python_value(values):
    if not values:
        return "None"
    return repr(values[0]) if len(values) == 1 else repr(tuple(values))


def script_text(number, revision):
    head = "\n".join([revision["doc"] or "", "", f"Revision ID: {revision['id']}",
                      f"Revises: {', '.join(revision['down_revision'])}",
                      f"Create Date: 2024-01-{number + 1:02} 00:00:00", ""])
    body = {name: "\n".join(f"    {line}" for line in revision.get(name) or ["pass"])
            for name in ("upgrade", "downgrade")}
    return (f'"""{head}"""\nfrom alembic import op\n\n'
            f"revision = {revision['id']!r}\n"
            f"down_revision = {python_value(revision['down_revision'])}\n"
            f"branch_labels = {python_value(revision['branch_labels'])}\n"
            f"depends_on = {python_value(revision['depends_on'])}\n\n\n"
            f"def upgrade():\n{body['upgrade']}\n\n\ndef downgrade():\n{body['downgrade']}\n")


def leaves_no_table(want, _):
    """A command that reads, or is refused, or finds nothing to do, makes no version table."""
    want.update(tables_after=[], rows_after=None)


def graph_fault(want, _):
    """Every fault of the folder, with file names."""
    want.update(exit=3, stdout=[""], error=None, steps=[[]])


def usage(want, _):
    want.update(exit=2, stdout=[""])


def nothing_stamped(want, case):
    """A stamp that would move one row twice changes none."""
    want.update(exit=2, steps=[[]], error=None, error_contains=["'m'"], rows_after=case["state"])


def rows_do_not_fit(want, _):
    want.update(exit=4)


def not_up_to_date(want, _):
    want.update(exit=7)


def effective_heads(want, _):
    """--check-heads counts dependencies."""
    want.update(exit=0, error=None, stdout=["app2 (head)\ncore2 (effective head)\n"])


def nothing_printed(want, _):
    """The plan is made before the first line is printed."""
    want.update(stdout=[""])


def own_templates(want, _):
    want.update(stdout=["Available templates:\n\n"
                        "sql - Plain SQL scripts, no Python needed.\n"
                        "generic - Python scripts for one database.\n"
                        "async - Python scripts for one database, with an asynchronous driver.\n"
                        "multidb - Python scripts for several databases.\n"
                        "pyproject - Python scripts for one database, with the settings in pyproject.toml.\n"
                        "pyproject_async - Python scripts for one database, with an asynchronous driver and "
                        "pyproject.toml.\n\n"
                        "Templates are used via the 'init' command, e.g.:\n\n"
                        "  stillhead init --template generic ./scripts\n"])


def own_name(want, _):
    version = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
    want.update(stdout=[f"stillhead {version}\n"])


DIFFERENCES = {function.__name__: function for function in (
    leaves_no_table, graph_fault, usage, nothing_stamped, rows_do_not_fit, not_up_to_date,
    effective_heads, nothing_printed, own_name, own_templates)}


class Project:
    """The folder of one case."""

    def __init__(self, root, revisions, case):
        self.root = root
        self.versions = root / "scripts" / "versions"
        self.versions.mkdir(parents=True)
        for number, revision in enumerate(revisions):
            (self.versions / f"{number:03}_{revision['id']}.py").write_text(
                script_text(number, revision))
        self.before = set(self.versions.iterdir())
        self.database = root / "db.sqlite"
        url = case.get("dialect") or f"sqlite:///{self.database}"
        if url == "postgresql":
            url = "postgresql://user:pw@localhost/db"
        elif url == "sqlite":
            url = f"sqlite:///{self.database}"
        self.program = PROGRAM
        if needs_python(case):
            self.program = alembic_project.write(root, url, case.get("configure") or {}, PROGRAM)
        else:
            (root / "alembic.ini").write_text(
                f"[alembic]\nscript_location = {root / 'scripts'}\nsqlalchemy.url = {url}\n")
            self.configure(case.get("configure") or {})
        self.database.touch()  # state null: a database without version table
        if case["state"] is not None:
            self.write_state(case["state"])

    def configure(self, values):
        """What env.py would say; Alembic's default is one transaction for everything."""
        mode = TRANSACTIONS[bool(values.get("transaction_per_migration"))]
        lines = [f"transaction: {mode}"]
        for name in SETTINGS:
            if name in values:
                lines.append(f"{name}: {json.dumps(values[name])}")
        (self.root / "stillhead.yaml").write_text("\n".join(lines) + "\n")

    def write_state(self, rows):
        with sqlite3.connect(self.database) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                               "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")
            connection.executemany("INSERT INTO alembic_version VALUES (?)", [(r,) for r in rows])
        connection.close()

    def tables(self):
        """Names without our own, and the version rows (None: no table)."""
        if not self.database.exists():
            return [], None
        connection = sqlite3.connect(self.database)
        try:
            names = sorted(name for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'")
                if not name.startswith("stillhead_"))
            rows = None
            if "alembic_version" in names:
                rows = sorted(r for (r,) in connection.execute("SELECT version_num FROM alembic_version"))
            return names, rows
        finally:
            connection.close()

    def new_files(self):
        found = []
        for path in sorted(set(self.versions.iterdir()) - self.before):
            if path.is_file():
                found.append({"file": path.name, "text": path.read_text()})
        return found

    def normal(self, text):
        """Paths, dates and new ids as the recording has them."""
        for path, name in ((self.versions, "<VERSIONS>"), (self.root / "scripts", "<SCRIPTS>"),
                           (self.root, "<ROOT>")):
            text = text.replace(str(path), name)
        return re.sub(r"Create Date: (?!2024-01-)[^\n]*", "Create Date: <NOW>", text)


def as_recorded(text, new_ids):
    for new_id in new_ids:
        text = text.replace(new_id, NEW_ID)
    return text


def steps_of(text):
    return re.findall(r"Running (?:upgrade|downgrade|stamp_revision) .*", text or "")


def error_of(case):
    """What Alembic's FAILED line says; None: there is none."""
    found = re.search(r"^FAILED: (.*)\Z", any_of(case, "stdout")[0] or "", re.MULTILINE | re.DOTALL)
    return found.group(1).rstrip("\n") if found else None


def without_failed(text):
    return re.sub(r"^FAILED: .*\Z", "", text or "", flags=re.MULTILINE | re.DOTALL)


def entries(text):
    return sorted(part for part in re.split(r"(?=^Rev: )", text, flags=re.MULTILINE))


def expected(case, kind):
    """What the case wants here: Alembic's 255 is 2, and the differences of DIFFERENCES."""
    want = dict(case["expect"])
    want["steps"] = [steps_of(text) for text in any_of(case, "stderr")]
    if needs_python(case):  # all as recorded
        want["stdout"], want["error"] = any_of(case, "stdout"), None
    else:
        want["stdout"] = [without_failed(text) for text in any_of(case, "stdout")]
        want["error"] = error_of(case)
        want["exit"] = 2 if want["exit"] == 255 else want["exit"]
    if kind is not None:
        DIFFERENCES[kind](want, case)
    return want


def problems(case, project, done, kind):
    """What differs, as texts."""
    want = expected(case, kind)
    found = []

    def compare(what, got, right):
        if got != right:
            found.append(f"{what}: {got!r} instead of {right!r}")

    files = project.new_files()
    new_ids = [file["file"].split("_", 1)[0] for file in files]
    stdout = as_recorded(project.normal(done.stdout), new_ids)
    stderr = project.normal(done.stderr)
    compare("exit code", done.returncode, want["exit"])
    if case["name"] in USAGE_ERRORS:
        compare("standard output", stdout, "")
        return found
    choices = want["stdout"]
    if case["name"] in ENTRIES_AS_A_SET:
        stdout, choices = entries(stdout), [entries(text) for text in choices]
    if stdout not in choices:
        found.append(f"standard output: {stdout!r} instead of {choices!r}")
    if steps_of(stderr) not in want["steps"]:
        found.append(f"steps: {steps_of(stderr)!r} instead of {want['steps']!r}")
    error = re.search(r"^stillhead: (.*?)(?:\nhint: .*)?\Z", stderr, re.MULTILINE | re.DOTALL)
    error = error.group(1).rstrip("\n") if error else None
    for part in want.get("error_contains", [want["error"]] if want["error"] else []):
        if error is None or (part != error if part == want["error"] else part not in error):
            found.append(f"error: {error!r} instead of {part!r}")
    tables, rows = project.tables()
    compare("tables", tables, sorted(want["tables_after"]))
    compare("version rows", rows, None if want["rows_after"] is None else sorted(want["rows_after"]))
    recorded = [{"file": as_recorded(file["file"], new_ids),
                 "text": as_recorded(project.normal(file["text"]), new_ids)} for file in files]
    compare("new files", recorded, want.get("new_files") or [])
    return found


def run_case(case, revisions, kind):
    with tempfile.TemporaryDirectory(prefix="stillhead-replay-") as name:
        project = Project(pathlib.Path(name).resolve(), revisions, case)
        environment = {"PATH": os.environ["PATH"], "HOME": name, "LC_ALL": "C.UTF-8"}
        if needs_python(case):
            environment = alembic_project.environment(name)
        done = subprocess.run([project.program, *case["argv"]], cwd=project.root, text=True, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        return "; ".join(problems(case, project, done, kind)) or None


def replay(path, differences):
    recorded = json.loads(path.read_text(encoding="utf-8"))
    cases, projects = recorded["cases"], recorded["projects"]
    if any(needs_python(case) for case in cases):
        alembic_project.prepare()

    def verdict(case):
        kind = differences.get(case["name"])
        revisions = projects[case["project"]]["revisions"]
        problem = run_case(case, revisions, kind)
        if problem is None and kind is not None and run_case(case, revisions, None) is None:
            return f"is listed as {kind}, but is equal to the recorded case"
        return problem

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from zip((case["name"] for case in cases), pool.map(verdict, cases))

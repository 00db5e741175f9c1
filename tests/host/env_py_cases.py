# SPDX-License-Identifier: Apache-2.0
"""Cases of tests/host/program: what env.py may do with folders, connections, transactions and threads."""
import re
import subprocess
import time

from server import STILLHEAD
from small_project import HEADER, check, succeeds

CASES = []


def case(function):
    CASES.append(function)
    return function


SET_UP = ("from alembic import context\nimport sqlalchemy as sa\n"
          "url = context.config.get_main_option('sqlalchemy.url')\n"
          "future = {'future': True} if sa.__version__ < '2' else {}\n"
          "engine = sa.create_engine(url, poolclass=sa.pool.NullPool, **future)\n")
RUN = "{0}context.configure(connection=connection, transaction_per_migration={1})\n" \
      "{0}with context.begin_transaction():\n{0}    context.run_migrations()\n"


def write_env(project, text):
    (project.folder / "alembic/env.py").write_text(text)


@case
def folders_may_lie_in_a_package_of_the_interpreter(project):
    """Below PYTHONPATH it is found as a file; where a finder names the place, Python is asked."""
    (project.folder / "place/app").mkdir(parents=True)
    (project.folder / "place/app/__init__.py").touch()
    (project.folder / "alembic").rename(project.folder / "place/app/alembic")
    ini = project.folder / "alembic.ini"
    ini.write_text(re.sub(r"(?m)^(script_location) = .*$", r"\1 = app:alembic", ini.read_text()))
    end = project.run("heads")
    check(end.returncode == 2 and "'app:alembic', and no such package is below prepend_sys_path" in end.stderr, end)
    check("(the first line of alembic in PATH) has packages" in end.stderr, end)
    check(project.run("config").returncode == 0, end)
    place = str(project.folder / "place")
    check(succeeds(project, "heads", PYTHONPATH=place).stdout == "b2 (head)\n", end)
    finder = project.folder / "finder"
    finder.mkdir()
    (finder / "sitecustomize.py").write_text(f"import sys\nprint('noise')\nsys.path.append({place!r})\n")
    check(succeeds(project, "heads", PYTHONPATH=str(finder)).stdout == "b2 (head)\n", end)
    succeeds(project, "upgrade", "head", PYTHONPATH=str(finder))
    check(project.rows("SELECT version_num FROM alembic_version") == ["b2"], end)


@case
def env_py_may_name_the_folders(project):
    """Beside alembic.ini there is none; what is read is what the run of env.py names."""
    other = project.folder / "elsewhere"
    (project.folder / "alembic/versions").rename(other)
    (other / "c3.sql").write_text("-- revision: c3\n-- down_revision: b2\n-- stillhead:upgrade\n"
                                  "CREATE TABLE by_sql (id integer);\n")
    env = project.folder / "alembic/env.py"
    env.write_text("from alembic import context\n"
                   f"context.script.version_locations = [{str(other)!r}]\n" + env.read_text())
    end = succeeds(project, "upgrade", "head")
    check("Running upgrade b2 -> c3" in end.stderr, end)
    check(project.rows("SELECT version_num FROM alembic_version") == ["c3"], end)
    check(project.rows("SELECT count(*) FROM by_sql") == ["0"], end)
    check(succeeds(project, "current").stdout == "c3 (head)\n", end)
    # The same where the database is named beforehand.
    (other / "c3.sql").unlink()
    project.run("stamp", "--purge", "b2", program=project.bin / "alembic")
    (other / "d4_script.py").write_text(HEADER.format(id="d4", down="b2") + "\ndef upgrade():\n    1 / 0\n")
    end = project.run("upgrade", "head", STILLHEAD_DATABASE_URL=project.url)
    check(end.returncode == 1 and "d4_script.py:7" in end.stderr and "ZeroDivisionError" in end.stderr, end)


@case
def a_connection_may_commit_each_statement(project):
    """isolation_level="AUTOCOMMIT", on an engine that the project's own program hands over."""
    write_env(project, SET_UP + "with engine.connect().execution_options(isolation_level='AUTOCOMMIT') as connection:"
              "\n" + RUN.format("    ", False))
    succeeds(project, "upgrade", "head")
    check(project.history()[0] == ("upgrade", "b2", "succeeded"), project.run("current"))
    check(project.rows("SELECT name, found FROM item ORDER BY 1") == ["x|1", "y'%|1"], project.run("current"))
    succeeds(project, "downgrade", "base")
    check(project.rows("SELECT count(*) FROM alembic_version") == ["0"], project.run("current"))


def begun(project, *statements, per_migration=False, isolation=""):
    """env.py whose connection has run these before run_migrations()."""
    connected = f"engine.connect(){isolation}"
    lines = "".join(f"    connection.exec_driver_sql({text!r})\n" for text in statements)
    write_env(project, SET_UP + f"with {connected} as connection:\n{lines}" + RUN.format("    ", per_migration) +
              "    if connection.in_transaction():\n        connection.get_transaction().commit()\n")


@case
def a_transaction_may_have_read_before(project):
    """Its reads stand in the way of nobody, and what it has not changed it does not lose."""
    for per_migration in (False, True):
        begun(project, "SELECT 1", *(("BEGIN IMMEDIATE", "SELECT * FROM sqlite_master")
                                     if project.flavour == "sqlite" else ()), per_migration=per_migration)
        end = succeeds(project, "upgrade", "head", "--lock-wait", "5s")
        check(project.rows("SELECT version_num FROM alembic_version") == ["b2"], end)
        check(len(project.history()) == (2 if not per_migration else 6), end)
        succeeds(project, "upgrade", "head", "--lock-wait", "5s")
        succeeds(project, "downgrade", "base", "--lock-wait", "5s")


@case
def a_transaction_may_have_written_before(project):
    """What it has written and the run are done, or not done, together."""
    begun(project, "CREATE TABLE IF NOT EXISTS before (id integer)", "INSERT INTO before VALUES (1)")
    end = succeeds(project, "upgrade", "head", "--lock-wait", "5s")
    check(project.rows("SELECT count(*) FROM before") == ["1"], end)
    check(project.rows("SELECT version_num FROM alembic_version") == ["b2"], end)
    # With the database named, env.py is not run for it, and writes nothing.
    check([row[1] for row in project.history(STILLHEAD_DATABASE_URL=project.url)] == ["b2", "a1"], end)
    project.script("c3", "b2", "\ndef upgrade():\n    op.execute('CREATE TABLE gone (id integer)')\n    1 / 0\n")
    end = project.run("upgrade", "head", "--lock-wait", "5s")
    check(end.returncode == 1 and "ZeroDivisionError" in end.stderr, end)
    check(project.rows("SELECT count(*) FROM before") == ["1"], end)
    project.script("c3", "b2", "\ndef upgrade():\n    pass\ndef downgrade():\n    pass\n")
    succeeds(project, "upgrade", "head", "--lock-wait", "5s")
    check(project.rows("SELECT count(*) FROM before") == ["2"], end)


@case
def a_failure_tells_what_is_rolled_back_with_it(project):
    """Whoever reads that c3 has failed would think that those before it stay."""
    project.script("c3", "b2", "\ndef upgrade():\n    1 / 0\n")
    end = project.run("upgrade", "head")
    with_it = "; the revisions before it in this run are rolled back with it"
    # Of SQLite, Alembic commits each revision by itself.
    shared = project.flavour == "postgresql"
    check(end.returncode == 1 and "upgrade to c3 failed" in end.stderr, end)
    check((with_it in end.stderr) == shared, end)
    check(project.rows("SELECT version_num FROM alembic_version") == ["b2"] if not shared else
          project.rows("SELECT count(*) FROM pg_class WHERE relname = 'item'") == ["0"], end)
    begun(project, per_migration=True)
    end = project.run("upgrade", "head")
    check(end.returncode == 1 and "upgrade to c3 failed" in end.stderr and with_it not in end.stderr, end)
    check(project.rows("SELECT version_num FROM alembic_version") == ["b2"], end)


@case
def a_run_without_commit_has_failed(project):
    """Alembic says nothing, ends with 0, and nothing is done. Of SQLite, it commits each revision by itself."""
    write_env(project, SET_UP + "connection = engine.connect()\ncontext.configure(connection=connection)\n"
              "transaction = connection.begin()\ncontext.run_migrations()\n")
    for end_of_it in ("", "transaction.rollback()\n", "connection.close()\n"):
        env = project.folder / "alembic/env.py"
        env.write_text(env.read_text() + end_of_it)
        end = project.run("upgrade", "head")
        if project.flavour == "sqlite":
            check(end.returncode == 0, end)
            continue
        check(end.returncode == 1 and "env.py has ended without a COMMIT: what it ran is rolled back\n" in end.stderr,
              end)
        check("hint: let env.py call context.run_migrations() inside `with context.begin_transaction():`"
              in end.stderr, end)


@case
def a_savepoint_before_the_run_is_refused_on_sqlite(project):
    """It cannot be begun again behind the wait for the lock."""
    begun(project, *(["BEGIN"] if project.flavour == "sqlite" else []), "SAVEPOINT a", "SELECT 1")
    end = project.run("upgrade", "head", "--lock-wait", "5s")
    if project.flavour == "postgresql":
        return check(end.returncode == 0, end)
    check(end.returncode == 2 and "env.py has set a savepoint on the SQLite file before" in end.stderr, end)
    check("hint: let it end before" in end.stderr, end)
    return check(project.rows("SELECT count(*) FROM sqlite_master WHERE name = 'item'") == ["0"], end)


@case
def a_run_that_cannot_have_the_lock_does_not_begin(project):
    """Another run is at work; one that waits for its end gets there, one that has written must not wait."""
    project.script("c3", "b2", "\nimport os, time\ndef upgrade():\n    op.get_bind()\n    open('begun', 'w').close()\n"
                               "    while not os.path.exists('go_on'):\n        time.sleep(0.02)\n")
    succeeds(project, "upgrade", "b2")
    with subprocess.Popen([str(STILLHEAD), "upgrade", "head"], cwd=project.folder, env=project.environment(),
                          stderr=subprocess.DEVNULL) as first:
        try:
            while first.poll() is None and not (project.folder / "begun").exists():
                time.sleep(0.02)
            if project.flavour == "sqlite":
                begun(project, "SELECT 1")
            end = project.run("upgrade", "head", "--lock-wait", "1s")
            check(end.returncode == 5 and "the migration lock of" in end.stderr, end)
        finally:
            (project.folder / "go_on").touch()
            first.wait(timeout=60)
    if first.returncode != 0 or project.rows("SELECT version_num FROM alembic_version") != ["c3"]:
        raise AssertionError(f"exit code {first.returncode}")


@case
def scripts_may_run_in_another_thread(project):
    """As an asyncio program's worker does that waits for its loop."""
    env = project.folder / "alembic/env.py"
    (project.folder / "real_env.py").write_text(env.read_text())
    write_env(project, "import contextvars, threading\nfrom alembic.util import load_python_file\n"
              "copied = contextvars.copy_context()\nmet = []\n"
              "def run():\n    try:\n        copied.run(load_python_file, '.', 'real_env.py')\n"
              "    except BaseException as error:\n        met.append(error)\n"
              "thread = threading.Thread(target=run)\nthread.start()\nthread.join()\n"
              "if met:\n    raise met[0]\n")
    end = succeeds(project, "upgrade", "head")
    check(project.rows("SELECT version_num FROM alembic_version") == ["b2"], end)

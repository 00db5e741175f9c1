# SPDX-License-Identifier: Apache-2.0
"""What must hold of runs. Each case is run for each pair of packages, with each driver."""
import re
import signal

from projects import ASYNC, BRANCHES, LINE, MULTIDB, TENANTS, broken, env, own_env, revision, table
from stage import Stage, equal, told

CASES = []


def case(function):
    CASES.append(function)
    return function


def case_of(name, *arguments, **more):
    """A case that only compares: see Stage.compare."""
    def function(stage):
        stage.compare(*arguments, **more)

    function.__name__ = name
    CASES.append(function)


DOWN_AND_UP = ("upgrade head", "upgrade head", "downgrade -1", "upgrade +1", "downgrade r1", "upgrade r2",
               "downgrade base")

case_of("linear_fresh", {**env(), **LINE}, "sqlite", "upgrade head", "downgrade base", fresh=True)
for kind in ("sqlite", "postgresql"):
    case_of(f"linear_{kind}", {**env(), **LINE}, kind, *DOWN_AND_UP)
    case_of(f"branches_{kind}", {**env(), **BRANCHES}, kind, "upgrade a1", "upgrade heads", "downgrade base")
    case_of(f"transaction_per_migration_{kind}", {**env("transaction_per_migration=True"), **LINE}, kind,
            "upgrade head", "downgrade r1")
    case_of(f"script_commits_{kind}", broken("op.get_bind().connection.commit()"), kind, "upgrade head")
case_of("async_sqlite", {**ASYNC, **LINE}, "aiosqlite", "upgrade head", "downgrade -1")
case_of("async_postgresql", {**ASYNC, **LINE}, "asyncpg", "upgrade head", "downgrade base")
case_of("multidb", MULTIDB, "sqlite", "upgrade head", "downgrade base")
case_of("multidb_postgresql", MULTIDB, "postgresql", "upgrade head", "downgrade base")
case_of("two_runs_in_two_schemas", TENANTS, "postgresql", "upgrade r2", "upgrade head", "downgrade base")
case_of("version_table_elsewhere", {
    **env('version_table="seen", version_table_schema="private", version_table_pk=False',
          before='connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS private"))'
                 '; connection.commit() if hasattr(connection, "commit") else None'),
    **LINE}, "postgresql", "upgrade head", "downgrade -2",
        check=lambda run, _: told(run.asked[0], version_table="seen", version_table_schema="private",
                                  version_table_pk=False, transactional_ddl=True))
case_of("not_transactional_ddl", {**env("transactional_ddl=False"), **LINE}, "postgresql", "upgrade head",
        "downgrade base",
        check=lambda run, _: told(run.asked[0], transactional_ddl=False))
case_of("arguments_of_upgrade", {**env(run='suffix="_z", **context.get_x_argument(as_dictionary=True)'), **revision(
    "r1", None, 'op.create_table(name + suffix, sa.Column("id", sa.Integer))', arguments="name, suffix")}, "sqlite",
        "-x name=given upgrade head", check=lambda _, place: equal(place.table("given_z"), []))
case_of("on_version_apply", {**env("on_version_apply=[audit]", metadata="""sa.MetaData()
        def audit(ctx, step, heads, run_args):
            ctx.connection.execute(sa.text("INSERT INTO r1 (id, x) VALUES (%d, '%s')" % (
                len(step.up_revision_id) + len(heads) * 100 + int(step.up_revision_id[1:]), step.up_revision_id)))"""),
    **LINE}, "sqlite", "upgrade head")
case_of("section_and_tag", {**own_env("""
    with sa.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations(who=context.config.get_main_option("tenant") + context.get_tag_argument()
                                   + str(context.config.cmd_opts.tag) + context.get_revision_argument())
    """), **revision("r1", None, 'op.create_table(who, sa.Column("id", sa.Integer))', arguments="who")}, "sqlite",
        "-n tenants upgrade head --tag blue", check=lambda run, place: (
            equal(place.table("evebluebluer1"), []), told(run.asked[0], tag="blue")))
case_of("autocommit_block", {**env("transaction_per_migration=True"), **table("r1", None), **revision("r2", "r1", """
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY r1_x ON r1 (x)")
    """)}, "postgresql", "upgrade head")
case_of("mixed_sql", {**env(), **table("r1", None), **table("r3", "r2"), "scripts/versions/r2_x.sql": """\
-- revision: r2
-- down_revision: r1
-- message: plain
-- stillhead:upgrade
INSERT INTO r1 (id, x) VALUES (7, '50% off');
CREATE TABLE plain (id integer);
-- stillhead:downgrade
DROP TABLE plain;
"""}, "postgresql", "upgrade head", "downgrade r1", reference={
    **env(), **table("r1", None), **table("r3", "r2"), **revision("r2", "r1", """
        op.execute("INSERT INTO r1 (id, x) VALUES (7, '50% off')")
        op.execute("CREATE TABLE plain (id integer)")
        """, 'op.execute("DROP TABLE plain")')})


def place_of(run, file, line_text):
    """The failure must be placed in `file`, in the line that holds `line_text`."""
    assert run.failed["file"].endswith("/" + file), run.failed
    with open(run.failed["file"], encoding="utf-8") as lines:
        line = lines.read().splitlines()[run.failed["line"] - 1]
    assert line_text in line, (line, run.failed)


def fails(up, wanted, line_text, head=""):
    """A script that fails, on PostgreSQL, in the run's transaction and in one of its own.

    Alembic imports all scripts before it begins: where one cannot be imported (`head`), and each has its own
    transaction, those before it are done here, and not there.
    """
    def check(run, _):
        told(run.failed, revision="r2", **wanted)
        place_of(run, "scripts/versions/r2_x.py", line_text)
        assert 'File "stillhead_host' not in run.failed["traceback"], run.failed["traceback"]
        assert "Traceback (most recent call last):" in run.failed["traceback"]

    def function(stage):
        stage.compare(broken(up, head), "postgresql", "upgrade head", check=check)
        stage = Stage(stage.folder / "each", stage.zygote, stage.version, stage.server, stage.driver)
        files = broken(up, head, "transaction_per_migration=True")
        if head:
            place = stage.place(files, "postgresql")
            check(place.host("upgrade", "head"), place)
            equal((place.table("alembic_version"), place.table("half")), (["r1"], None))
        else:
            stage.compare(files, "postgresql", "upgrade head", check=check)

    return function


for name, failing in {
    "raises": fails("raise ValueError('three\\nlines\\nof it')",
                    {"type": "ValueError", "kind": "exception", "message": "three"}, "raise ValueError"),
    "statement_fails": fails("op.execute('SELECT nothing FROM r1')", {
        "type": "sqlalchemy.exc.ProgrammingError", "kind": "exception", "sqlstate": "42703",
        "message": 'column "nothing" does not exist', "statement": "SELECT nothing FROM r1"}, "op.execute("),
    "syntax_error": fails("pass", {"type": "SyntaxError", "kind": "exception"}, "def wrong(:",
                          "\n\ndef wrong(:\n    pass"),
    "missing_import": fails("pass", {"type": "ModuleNotFoundError", "kind": "exception",
                                     "message": "No module named 'no_such_package'"}, "import no_such_package",
                            "import no_such_package"),
    "exits_3": fails("import sys; sys.exit(3)", {"type": "SystemExit", "kind": "exit", "code": 3}, "sys.exit(3)"),
    "exits_with_text": fails("raise SystemExit('no way')", {"kind": "exit", "code": 1, "message": "no way"},
                             "SystemExit"),
    "command_error": fails("from alembic.util import CommandError; raise CommandError('not so')", {
        "type": "alembic.util.exc.CommandError", "kind": "command", "message": "not so"}, "CommandError"),
    "fails_below": fails("from xml.dom import minidom; minidom.parseString('<')",
                         {"kind": "exception", "type": "xml.parsers.expat.ExpatError"}, "parseString"),
}.items():
    failing.__name__ = name
    CASES.append(failing)


@case
def exits_0(stage):
    place = stage.place(broken("import sys; sys.exit(0)"), "postgresql")
    run = place.host("upgrade", "head")
    told(run.failed, kind="exit", code=0, revision="r2", message="0")
    place_of(run, "scripts/versions/r2_x.py", "sys.exit(0)")
    equal((run.code, run.finished, place.table("alembic_version")), (1, False, None))


@case
def ends_at_once(stage):
    place = stage.place(broken("import os; os._exit(3)"), "postgresql")
    run = place.host("upgrade", "head")
    equal((run.code, run.finished, run.failed, run.asked[-1]["do"]), (3, False, None, "begin_step"))
    equal(place.table("alembic_version"), None)


@case
def crashes(stage):
    place = stage.place(broken("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), "postgresql")
    run = place.host("upgrade", "head")
    equal((run.code, run.finished, run.failed, run.asked[-1]["revision"]), (-signal.SIGSEGV, False, None, "r2"))
    equal(place.table("alembic_version"), None)


def ends_by(number):
    def function(stage):
        place = stage.place(broken("""
            import os
            try:
                os.write(1, b"go")
                os.kill(os.getpid(), %d)
                import time; time.sleep(30)
            finally:
                os.write(1, b"finally")
            """ % number), "postgresql")
        run = place.host("upgrade", "head")
        equal((run.code, run.finished, run.stdout, run.failed), (-number, False, "go", None))

    function.__name__ = f"ends_by_{signal.Signals(number).name}"
    CASES.append(function)


ends_by(signal.SIGTERM)
ends_by(signal.SIGINT)


@case
def scripts_are_imported_when_they_run(stage):
    files = {**env(before='print(context.script.get_revision("r2").module.__doc__.split()[1],'
                          ' context.script.get_current_head(), len(list(context.script.walk_revisions())))'
                   ), **table("r1", None, head='print("import r1")'),
             **table("r2", "r1", head='print("import r2")'),
             **table("r3", "r2", head='raise SystemExit("a bomb")')}
    files["scripts/env.py"] = files["scripts/env.py"].replace(
        "fileConfig(", "from alembic.script import ScriptDirectory\ncontext.script = "
                       "ScriptDirectory.from_config(context.config)\nfileConfig(", 1)
    place = stage.place(files)
    run = place.host("upgrade", "r1")
    equal((run.finished, run.stdout.split("\n")), (True, ["import r2", "r2 r3 3", "import r1", ""]))
    equal(place.host("upgrade", "r3").failed["message"], "a bomb")


@case
def nothing_to_do(stage):
    place = stage.place({**env(), **LINE}, "postgresql")
    run = place.host("upgrade", "head", answer=lambda request: {"heads": [], "steps": []}
                     if request["do"] == "begin_run" else None)
    equal((run.finished, [request["do"] for request in run.asked]), (True, ["begin_run", "finished"]))
    equal(place.table("alembic_version"), None)


@case
def other_rows_than_stillhead_sees(stage):
    place = stage.place({**env(), **LINE}, "postgresql")
    run = place.host("upgrade", "head", answer=lambda request: {"heads": ["r1"], "steps": [
        {"revision": "r2", "direction": "upgrade"}]} if request["do"] == "begin_run" else None)
    told(run.failed, kind="environment", message="the version table alembic_version has no rows for env.py, and r1 for "
         "Stillhead: do both read the same database and schema?")
    equal(place.table("alembic_version"), None)


def env_is_wrong(name, text, message, kind="environment"):
    def function(stage):
        run = stage.place({**own_env(text), **LINE}).host("upgrade", "head")
        told(run.failed, kind=kind, message=message)
        equal((run.code, run.asked_for("begin_step")), (1, []))

    function.__name__ = name
    CASES.append(function)


env_is_wrong("no_run", "print(1)", "env.py has ended without a call of context.run_migrations(): nothing was run. It "
             "must call it when context.is_offline_mode() is False")
env_is_wrong("no_connection", """
    context.configure(url=os.environ["DATABASE_URL"])
    context.run_migrations()
    """, "env.py calls context.configure() without a connection although context.is_offline_mode() is False")
env_is_wrong("env_fails", "import no_such_package", "No module named 'no_such_package'", "exception")


@case
def caught_by_env(stage):
    text = env()["scripts/env.py"].replace("else online()", "else None\n").rstrip()
    text += "\ntry:\n    online()\nexcept BaseException as error:\n    print('caught', type(error).__name__)\n"
    place = stage.place({**broken("1 / 0"), "scripts/env.py": text}, "postgresql")
    run = place.host("upgrade", "head")
    told(run.failed, type="ZeroDivisionError", revision="r2")
    equal((run.stdout, place.table("alembic_version")), ("caught ZeroDivisionError\n", None))


@case
def refused(stage):
    place = stage.place({**env(), **LINE}, "postgresql")
    for refuse, kind in (("begin_run", "refused"), ("begin_step", "refused"), ("end_step", "interrupted")):
        run = place.host("upgrade", "head", answer=lambda request, refuse=refuse, kind=kind: {
            "error": {"kind": kind, "message": "the lock"}} if request["do"] == refuse else None)
        told(run.failed, kind=kind, message="the lock")
        equal((run.code, place.table("r1"), place.table("alembic_version")), (1, None, None))


@case
def steps_say_what_they_do(stage):
    place = stage.place({**env(), **LINE}, "postgresql")
    run = place.host("upgrade", "r2")
    own = stage.driver == "stillhead"

    def rows(revision):
        return None if own else [revision]

    equal([(request["do"], request.get("revision"), request.get("rows")) for request in run.asked], [
        ("begin_run", None, None), ("begin_step", "r1", None), ("end_step", "r1", rows("r1")),
        ("begin_step", "r2", None), ("end_step", "r2", rows("r2")), ("end_run", None, None), ("finished", None, None)])
    told(run.asked[0], url=place.url(), connection=1 if own else None, version_table="alembic_version",
         version_table_schema=None, version_table_pk=True, transaction_per_migration=False, transactional_ddl=True,
         tag=None)
    assert "Running" not in run.stderr, run.stderr
    assert "Context impl PostgresqlImpl." in run.stderr, run.stderr
    run = place.host("downgrade", "r1", announce=True)
    assert "INFO  [alembic.runtime.migration] Running downgrade r2 -> r1, Make r2\n" in run.stderr, run.stderr


@case
def surroundings(stage):
    place = stage.place({**env(), **revision("r1", None, """
        import os, signal, subprocess, sys
        print("" in sys.path, os.path.basename(sys.argv[0]), sys.argv[1:])
        sys.stdout.flush()
        os.system("ls -l /proc/self/fd | grep -c socket")
        print(sorted(name for name in sys.modules if "stillhead" in name and hasattr(sys.modules[name], "__file__")))
        """)})
    run = place.host("upgrade", "head", fresh=True)
    equal(run.stdout, "False alembic ['upgrade', 'head']\n0\n[]\n")
    equal(run.finished, True)


@case
def edited_meanwhile(stage):
    place = stage.place({**env(), **LINE})
    text = (place.folder / "scripts/versions/r2_x.py").read_text()
    run = place.host("upgrade", "head", on_request=lambda _, request: (
        place.folder / "scripts/versions/r2_x.py").write_text(text.replace("'r2'", "'rX'", 1)))
    told(run.failed, kind="environment", revision="r2", message=f"{place.folder}/scripts/versions/r2_x.py says that it "
         "is revision rX; when the run began, it was r2")


@case
def usage_errors(stage):
    place = stage.place({**env(), **LINE})
    run = place.host("upgrade")
    told(run.failed, kind="exit", code=2)
    assert re.search(r"usage: alembic upgrade .*the following arguments are required: revision", run.stderr, re.DOTALL)
    run = place.host("-c", "none.ini", "upgrade", "head")
    told(run.failed, kind="command")
    assert run.failed["message"].startswith("No "), run.failed

# SPDX-License-Identifier: Apache-2.0
"""transaction_semantics.json once more, with the recorded Python scripts and an env.py that has the recorded
options: what is left in the database, exit code, log lines and the text of the error."""
import pathlib
import subprocess
import tempfile

import alembic_project
import chains

SCRIPT = '''"""rev {id}"""
from alembic import op

revision = {id!r}
down_revision = {down!r}


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''


def write_scripts(folder, chain):
    down = None
    for revision in chain:
        body = {name: "\n    ".join(revision[name]) for name in ("upgrade", "downgrade")}
        (folder / f"{revision['id']}_.py").write_text(SCRIPT.format(id=revision["id"], down=down, **body))
        down = revision["id"]


def run(case, chain, database, program):
    """(exit code, standard output, standard error) of the recorded commands, up to the first failure."""
    url = "postgresql://" if database is None else database.url
    with tempfile.TemporaryDirectory(prefix="stillhead-replay-") as name:
        folder = pathlib.Path(name).resolve()
        alembic = alembic_project.write(folder, url, case["configure"], program)
        write_scripts(folder / "scripts/versions", chain)
        stdout = stderr = ""
        for words in case["argv"]:
            done = subprocess.run([alembic, *words], cwd=folder, env=alembic_project.environment(folder), text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
            stdout, stderr = stdout + done.stdout, stderr + done.stderr
            if done.returncode:
                break
        return done.returncode, stdout, stderr


def replay_case(case, chain, database, program, want, error):
    """None, or what differs."""
    if database is not None:
        database.reset(chains.SETUPS.get(case["chain"]))
    code, stdout, stderr = run(case, chain, database, program)
    found = {"exit": code}
    if database is None:
        found["stdout"] = stdout.split()
    else:
        left = database.look()
        found.update(rows=left.rows, tables=left.tables)
    problems = [f"{name}: {value} instead of {want[name]}" for name, value in found.items() if value != want[name]]
    if error and error not in stderr + stdout:
        problems.append(f"the error is not {error!r}: {stderr.strip()[-600:]}")
    return "; ".join(problems) or None

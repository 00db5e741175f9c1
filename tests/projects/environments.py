# SPDX-License-Identifier: Apache-2.0
"""Virtual environments with a project's package and all that its migrations import, made once."""
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import venvs  # noqa: E402


class Environment:
    """Made from locks/NAME.txt, which pins everything, transitive packages too: pip resolves nothing."""

    def __init__(self, name: str):
        lock = HERE / "locks" / f"{name}.txt"
        self.folder = venvs.environment(name, lock=lock)
        self.pins = dict(line.split("==") for line in lock.read_text().splitlines() if "==" in line)
        self.packages = next((self.folder / "lib").glob("python3*/site-packages"))

    def variables(self) -> dict[str, str]:
        """`alembic` on the PATH is this one's; nothing else says which interpreter to take."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("PG", "PYTHON", "STILLHEAD_")) and
                name not in ("VIRTUAL_ENV", "DATABASE_URL", "SQL_ECHO", "AUTO_MIGRATE")}
        return {**kept, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PYTHONHASHSEED": "0"}

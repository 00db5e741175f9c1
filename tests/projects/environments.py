# SPDX-License-Identifier: Apache-2.0
"""Virtual environments with a project's package and all that its migrations import, made once."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("STILLHEAD_CACHE", pathlib.Path.home() / ".cache/stillhead"))


def pip() -> pathlib.Path:
    """The one that Python carries, in an environment of its own: each project's is made faster without."""
    folder = CACHE / "venvs" / f"pip-{hashlib.sha256(sys.version.encode()).hexdigest()[:12]}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        (folder / "done").touch()
    return folder / "bin/pip"


class Environment:
    """Made from locks/NAME.txt, which pins everything, transitive packages too: pip resolves nothing."""

    def __init__(self, name: str):
        lock = HERE / "locks" / f"{name}.txt"
        key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
        self.folder = CACHE / "venvs" / f"{name}-{key}"
        self.pins = dict(line.split("==") for line in lock.read_text().splitlines() if "==" in line)
        if not (self.folder / "done").exists():
            self.install(lock)
        self.packages = next((self.folder / "lib").glob("python3*/site-packages"))

    def install(self, lock: pathlib.Path) -> None:
        print(f"installing {len(self.pins)} packages of {lock.name} ...", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        venv.create(self.folder)
        # Most of what is installed is never imported, so nothing is compiled beforehand.
        subprocess.run([pip(), "--python", self.folder / "bin/python", "install", "--quiet", "--no-deps",
                        "--no-compile", "--only-binary", ":all:", "--disable-pip-version-check", "-r", lock],
                       check=True)
        (self.folder / "done").touch()

    def variables(self) -> dict[str, str]:
        """`alembic` on the PATH is this one's; nothing else says which interpreter to take."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("PG", "PYTHON", "STILLHEAD_")) and
                name not in ("VIRTUAL_ENV", "DATABASE_URL", "SQL_ECHO", "AUTO_MIGRATE")}
        return {**kept, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PYTHONHASHSEED": "0"}

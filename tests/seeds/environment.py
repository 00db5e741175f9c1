# SPDX-License-Identifier: Apache-2.0
"""The virtual environment of the five projects, made once and kept by what it holds."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("STILLHEAD_CACHE", pathlib.Path.home() / ".cache/stillhead"))


def environment(requirements: pathlib.Path) -> pathlib.Path:
    """Its folder; nothing is installed when it is there."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / "venvs" / f"seeds-{key}"
    if not (folder / "done").exists():
        print(f"installing {requirements.name} into {folder.name} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check",
                        "-r", requirements], check=True)
        (folder / "done").touch()
    return folder

# SPDX-License-Identifier: Apache-2.0
"""Virtual environments for tests, made once below ${STILLHEAD_CACHE:-~/.cache/stillhead}/venvs, kept by what they hold."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

CACHE = pathlib.Path(os.environ.get("STILLHEAD_CACHE", pathlib.Path.home() / ".cache/stillhead"))


def environment(name, requirements=(), lock=None, anew=False):
    """Its folder: CACHE/venvs/NAME-KEY. Two tests that want the same one at once make it once.

    `requirements` are words for pip. `lock` is a file that pins everything, transitive packages too: pip
    resolves nothing, builds nothing, and compiles nothing beforehand, most of it is never imported. `anew`: also
    where it is there already, for requirements without versions.
    """
    text = lock.read_bytes() if lock else "\n".join(requirements).encode()
    folder = CACHE / "venvs" / f"{name}-{hashlib.sha256(text + sys.version.encode()).hexdigest()[:12]}"
    words = ("--no-deps", "--no-compile", "--only-binary", ":all:", "-r", lock) if lock else requirements
    return once(folder, lambda: _make(folder, words), anew)


def pip():
    """The program that Python carries, in an environment of its own: the others are made faster without."""
    folder = CACHE / "venvs" / f"pip-{hashlib.sha256(sys.version.encode()).hexdigest()[:12]}"
    return once(folder, lambda: venv.create(folder, with_pip=True)) / "bin/pip"


def _make(folder, words):
    venv.create(folder)
    if words:
        print(f"installing packages into {folder.name} ...", flush=True, file=sys.stderr)
        subprocess.run([pip(), "--python", folder / "bin/python", "install", "--quiet",
                        "--disable-pip-version-check", *words], check=True)


def once(folder, make, anew=False):
    """Calls `make` unless it has made `folder` before, perhaps in another process just now."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        if anew or not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make()
            (folder / "done").touch()
    return folder

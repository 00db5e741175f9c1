# SPDX-License-Identifier: Apache-2.0
"""The cluster as kubectl sees it: commands with a time limit, and the places of this repository."""

import json
import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = REPOSITORY / "build" / "cluster" / "bin"
KUBECONFIG = REPOSITORY / "build" / "cluster" / "admin.kubeconfig"

ENVIRONMENT = {**os.environ, "KUBECONFIG": str(KUBECONFIG), "PATH": f"{BIN}:{os.environ['PATH']}"}


class CommandFailed(AssertionError):
    """A command ended with another exit code than 0, or did not end in time."""

    def __init__(self, message, output=""):
        super().__init__(message)
        self.output = output


def run(command, *, stdin=None, timeout=60, check=True, cwd=None):
    """Runs a command; returns what it wrote to stdout. Its stderr is part of a failure's message."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=cwd,
                              timeout=max(timeout, 1), env=ENVIRONMENT, check=False)
    except subprocess.TimeoutExpired as expired:
        raise CommandFailed(f"{' '.join(command)}: not done after {expired.timeout:.0f} s") from None
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: exit code {done.returncode}\n"
                            f"{done.stdout[-2000:]}{done.stderr[-4000:]}", done.stdout + done.stderr)
    return done.stdout if check else done


def kubectl(*arguments, **options):
    return run(["kubectl", *arguments], **options)


def get(*arguments, **options):
    """An object or a list, as a value."""
    return json.loads(kubectl("get", *arguments, "-o", "json", **options))


def apply(*objects, namespace=None, **options):
    """Applies objects; returns them as the server stored them, in order."""
    scope = ["-n", namespace] if namespace else []
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    stored = json.loads(kubectl("apply", *scope, "-f", "-", "-o", "json",
                                stdin=json.dumps(document), **options))
    return stored["items"] if stored["kind"] == "List" else [stored]


def patch(kind, name, change, namespace):
    return json.loads(kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-o", "json",
                              "-p", json.dumps(change)))

# SPDX-License-Identifier: Apache-2.0
"""The images of the tests: built here, pushed to the cluster's registry, used by digest."""

import os
import tempfile
import threading
from pathlib import Path

import kubectl
from scripts import chain

USER_SCRIPTS = chain("a1", "b2", "c3")
_building = threading.Lock()  # one store, one registry, two processors

SCRATCH = "FROM scratch\nCOPY migrations /migrations\n"
DEBIAN = "FROM docker.io/library/debian:bookworm-slim\nCOPY migrations /migrations\nUSER 1000\n"
CCACHE = Path(os.environ.get("STILLHEAD_CACHE") or Path.home() / ".cache" / "stillhead") / "ccache"


def build(name, context, *arguments):
    """The reference by digest."""
    with _building:
        return kubectl.run([kubectl.REPOSITORY / "tests" / "cluster" / "image", name, context, *arguments],
                           timeout=1500).strip().splitlines()[-1]


def build_product():
    """The engine's and the operator's image, from the one Dockerfile; or those that ENGINE_IMAGE and
    OPERATOR_IMAGE name."""
    if os.environ.get("ENGINE_IMAGE") and os.environ.get("OPERATOR_IMAGE"):
        return {"engine": os.environ["ENGINE_IMAGE"], "operator": os.environ["OPERATOR_IMAGE"]}
    CCACHE.mkdir(parents=True, exist_ok=True)
    return {target: build(name, kubectl.REPOSITORY, "--target", target, "--volume", f"{CCACHE}:/ccache")
            for target, name in (("engine", "stillhead"), ("operator", "stillhead-operator"))}


def build_postgres():
    return build("stillhead-test-postgres", kubectl.REPOSITORY / "tests" / "cluster" / "postgres_image")


def write_files(folder, files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def build_with_scripts(name, dockerfile, write):
    """An image from a Dockerfile that copies the folder `migrations`; write(folder) makes that folder."""
    with tempfile.TemporaryDirectory() as context:
        write(Path(context) / "migrations")
        (Path(context) / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        return build(name, context)


def build_user_images():
    return {name: build_with_scripts(f"stillhead-test-{name}", dockerfile,
                                     lambda folder: write_files(folder, USER_SCRIPTS))
            for name, dockerfile in (("user-scratch", SCRATCH), ("user-debian", DEBIAN))}

# SPDX-License-Identifier: Apache-2.0
"""A public project's history, from an image, through the operator."""

import os
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import images
import kubectl
import migration as m
from harness import case, expect

HISTORIES = Path(os.environ.get("HISTORIES") or kubectl.REPOSITORY.parent / "shared" / "histories")
PROJECT = "ironic"


def replay():
    """tests/histories/replay as a module."""
    loader = SourceFileLoader("replay", str(kubectl.REPOSITORY / "tests" / "histories" / "replay"))
    module = module_from_spec(spec_from_loader("replay", loader))
    loader.exec_module(module)
    return module


if (HISTORIES / PROJECT).is_dir():
    @case("the 81 revisions of ironic, from an image, end in its own schema", limit=240)
    def _(t):
        histories = replay()
        counts = []
        image = images.build_with_scripts("stillhead-test-ironic", images.SCRATCH, lambda folder: counts.append(
            histories.write_scripts(HISTORIES / PROJECT, folder)))
        database = t.database()
        status = t.migrate(m.image(image)).wait_ready(seconds=120)["status"]
        expect(status["currentRevisions"], database.versions(), "currentRevisions")
        expect(database.column("SELECT count(*) FROM stillhead.stillhead_history"), [str(counts[0])],
               "rows of the history")
        wanted = histories.normalized((HISTORIES / PROJECT / "schema.sql").read_text(encoding="utf-8"))
        dump = database.server.dump_schema(database.name, "--exclude-schema=stillhead")
        expect(histories.normalized(dump), wanted, "schema")

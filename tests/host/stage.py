# SPDX-License-Identifier: Apache-2.0
"""Where a case runs: a folder, a pair of packages, a driver, a server."""
from places import Place


class Stage:
    """`version`: of Alembic, as in (1, 20); `place()` makes a copy of a project in a folder of its own."""

    def __init__(self, folder, zygote, version, server, driver):
        self.folder, self.zygote, self.version, self.server = folder, zygote, version, server
        self.driver = driver

    def place(self, files, kind="sqlite", name="host"):
        return Place(self.folder / name, files, kind, self.zygote, self.server, self.driver)

    def compare(self, files, kind, *commands, reference=None, check=None, **more):
        """The host and `alembic` run the same commands; after each, the databases must hold the same.

        `reference`: files of Alembic's copy where they differ. `check`: called with the last Run and its place.
        """
        ours, theirs = self.place(files, kind), self.place(reference or files, kind, "alembic")
        for argv in commands:
            run, done = ours.host(*argv.split(), **more), theirs.alembic(*argv.split())
            assert run.finished == (done[0] == 0), (argv, run.failed, run.stderr, done)
            assert (run.code == 0) == run.finished, (argv, run.code)
            # Paths of the two copies stand in nothing that a database holds.
            assert ours.dump() == theirs.dump(), (argv, ours.dump(), theirs.dump())
        if check:
            check(run, ours)


def equal(found, wanted):
    assert found == wanted, (found, wanted)


def told(members, **wanted):
    equal({name: members.get(name) for name in wanted}, wanted)

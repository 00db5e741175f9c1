# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/host/driver; run by it in an environment that has psycopg2 and SQLAlchemy."""
import pathlib
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "engine/python")]
import psycopg2.extras  # noqa: E402
from reference_engine import Engine  # noqa: E402
from stillhead_host import postgresql, replace, wire  # noqa: E402
from stillhead_host.patches import Patches  # noqa: E402

import cases_engines  # noqa: E402
import cases_errors  # noqa: E402
import cases_sqlite  # noqa: E402
import cases_values  # noqa: E402


class Place:
    """What cases need: both drivers connected to a server, and a folder."""

    def __init__(self, host, port, folder):
        self.engine = Engine()
        self.wire = wire.Wire(self.engine.fd)
        wire.share(self.wire)
        self.where = {"host": host, "port": port, "user": "postgres", "dbname": "postgres"}
        self.folder = pathlib.Path(folder)
        self.theirs = psycopg2.connect(**self.where)
        psycopg2.extras.register_uuid(None, self.theirs)
        with self.theirs.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS hstore")
        self.theirs.commit()
        psycopg2.extras.register_hstore(self.theirs)
        self.ours = postgresql.connect(**self.where)
        self.ours.register_uuid()
        self.url = "//postgres@/postgres?host=%s&port=%s" % (host, port)
        self.warnings = []
        replace.install(self.wire, None, self.warnings.append, Patches())

    def both(self, act):
        """What `act` gives or raises with each driver's connection; transactions end."""
        found = []
        for connection in (self.theirs, self.ours):
            try:
                found.append(("gave", act(connection)))
            except Exception as error:  # pylint: disable=broad-except  (any that the other one raises, too)
                found.append(("raised", error))
            connection.rollback()
        return found


def main():
    place = Place(*sys.argv[1:4])
    passed = failed = 0
    for module in (cases_values, cases_errors, cases_engines, cases_sqlite):
        for name, case in module.cases():
            name = "%s: %s" % (module.__name__[len("cases_"):], name)
            if sys.argv[4] not in name:
                continue
            try:
                case(place)
                passed += 1
            except Exception:  # pylint: disable=broad-except  (counted)
                failed += 1
                print("FAILED %s\n%s" % (name, traceback.format_exc()), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    raise SystemExit(1 if failed else 0)


main()

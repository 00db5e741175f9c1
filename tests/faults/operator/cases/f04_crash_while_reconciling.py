# SPDX-License-Identifier: Apache-2.0
"""The operator dies with Reconciling=True written; when it comes back, nothing is left to do."""

import migration as m
from place import require
from registry import case


def crash_while_running(place) -> None:
    """Reconciling=True stands, the operator is dead, the run waits at its gate."""
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    place.operator.kill()


@case(4, "the Job ends while the operator is dead", fast=True)
def _(place):
    crash_while_running(place)
    place.database.open_gate()
    place.until(lambda: place.job()["status"].get("succeeded"), "the Job is complete")
    require(m.condition(place.live(), "Reconciling"), "Reconciling=True must still stand")
    place.operator.start()
    place.wait_ready()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1, lasting=5)


@case(4, "the Job fails for good while the operator is dead")
def _(place):
    place.secret()
    broken = "-- revision: a1\n-- stillhead:upgrade\nSELECT pg_sleep(1);\nSELECT 1/0;\n"
    place.migrate(files={"a1.sql": broken})
    place.operator.start()
    place.wait(m.reconciling("Progressing"))
    place.until(lambda: place.bench.simulator.engines(place.namespace), "the engine runs")
    place.operator.kill()
    place.until(lambda: place.job()["status"].get("failed"), "the Job has failed")
    place.operator.start()
    place.judge(m.stalled("MigrationFailed"), [], jobs=1, lasting=5)


@case(4, "a stale Reconciling=True of a generation that is long reached")
def _(place):
    place.start("a1")
    place.wait_ready()
    place.settle()
    place.operator.kill()
    status = place.live()["status"]
    now = status["conditions"][0]["lastTransitionTime"]
    words = {"reason": "Progressing", "message": "as if", "observedGeneration": 1, "lastTransitionTime": now}
    place.patch_status({"conditions": [{"type": "Ready", "status": "False", **words},
                                       {"type": "Reconciling", "status": "True", **words}]})
    place.operator.start()
    place.wait_ready()
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)

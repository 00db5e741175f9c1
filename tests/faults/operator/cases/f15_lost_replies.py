# SPDX-License-Identifier: Apache-2.0
"""The API server has done what was asked; its reply is lost."""

import migration as m
import verbs
from registry import case

WRITES = (("POST", "jobs"), ("POST", "configmaps"), ("PATCH", "databasemigrations"),
          ("PATCH", "databasemigrations/status"))

for the_method, the_kind in WRITES:
    @case(15, f"the reply to the first {the_method} {the_kind} is lost", fast=the_kind == "jobs")
    def _(place, method=the_method, kind=the_kind):
        place.proxy.add(verbs.cut_after_commit, method=method, kind=kind, times=1)
        place.start("a1", "b2")
        place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(15, "the reply to every write is lost three times")
def _(place):
    for method, kind in WRITES:
        place.proxy.add(verbs.cut_after_commit, method=method, kind=kind, times=3)
    place.start("a1", "b2")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)

# SPDX-License-Identifier: Apache-2.0
"""Odd specs that the schema lets through: no crash, a clear answer, and a corrected spec heals."""

import migration as m
from api import ApiFailure
from place import NAME, equal, require
from registry import case
from scripts import chain, script

TWO_HEADS = {**chain("a1"), **{f"{name}.sql": script(name, "a1", "SELECT 1;") for name in ("b2", "b3")}}

# What it says -> (scripts, target, reason of Stalled, word of the message).
BAD = {
    "an unknown revision as target": (chain("a1"), "zzzz", "UnknownRevision", "zzzz"),
    "`head` with two heads": (TWO_HEADS, "head", "MultipleHeads", "b2"),
    "a script without a revision": ({"a1.sql": "SELECT 1;\n"}, "heads", "InvalidSource", "a1.sql"),
    "an empty script": ({"a1.sql": ""}, "heads", "InvalidSource", "a1.sql"),
    "two scripts of one revision": (
        {"x.sql": script("a1"), "y.sql": script("a1")}, "heads", "InvalidSource", "a1"),
    "a script that is built on nobody": ({"b2.sql": script("b2", "gone")}, "heads", "InvalidSource", "gone"),
    "a cycle": ({"a.sql": script("a1", "b2"), "b.sql": script("b2", "a1")}, "heads", "InvalidSource", "a1"),
}


for the_what, the_row in BAD.items():
    @case(33, f"{the_what}: Stalled, then corrected and ready", fast=the_what.startswith("an unknown"))
    def _(place, row=the_row):
        files, target, reason, word = row
        place.start(files=files, target=target)
        place.wait(m.stalled(reason, 1, [word]))
        place.operator.require_alive()
        place.settle()
        # By replacement: a merge would keep the old files.
        live = place.live()
        live["spec"]["source"] = m.inline(chain("a1", "b2"))
        live["spec"]["target"] = {"revision": "heads"}
        generation = place.replace(live)["metadata"]["generation"]
        place.judge(m.ready(generation), ["a1", "b2"], {generation: "b2"})


# Valid and strange: (name, message of a script, spec).
STRANGE = {
    "a name of 253 characters": ("n" * 253, "m", {}),
    "a name with dots": ("orders.of.the.shop", "m", {}),
    "unicode in a script's message": (NAME, "Größe → ✓ \u2028 名前", {}),
    "the longest timeouts": (
        NAME, "m", {"execution": {"advisoryLockTimeout": "8760h", "activeDeadline": "8760h"}}),
    "the shortest timeout": (NAME, "m", {"execution": {"advisoryLockTimeout": "1s"}}),
}

for the_what, the_row in STRANGE.items():
    @case(33, f"{the_what}: ready")
    def _(place, row=the_row):
        name, message, spec = row
        files = {"a1.sql": script("a1", None, "CREATE TABLE t_a1 (id int);", message=message)}
        place.start(name=name, files=files, **spec)
        place.judge(m.ready(), [], {1: "a1"}, name=name, jobs=1)
        equal(place.database.versions(), ["a1"], "the database")


@case(33, "what the schema refuses is refused with the field's name")
def _(place):
    place.secret()
    for spec, field in (({"target": {"revision": ""}}, "spec.target.revision"),
                        ({"target": {"revision": "base"}}, "spec.policy.downgrade"),
                        ({"source": {}}, "spec.source"),
                        ({"execution": {"activeDeadline": "soon"}}, "spec.execution.activeDeadline"),
                        ({"policy": {"downgrade": "Sometimes"}}, "spec.policy.downgrade")):
        body = m.resource("bad", m.inline(chain("a1")))
        body["spec"] |= spec
        try:
            place.create(body)
        except ApiFailure as refusal:
            require(refusal.status == 422 and field in str(refusal), f"{field}: {refusal}")
        else:
            raise AssertionError(f"{field}: {spec} was accepted")
    place.operator.start()
    place.migrate("a1")
    place.judge(m.ready(), ["a1"], {1: "a1"})

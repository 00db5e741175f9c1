# SPDX-License-Identifier: Apache-2.0
"""Answers and events that are split anywhere, cut, or no events at all. (Every split: LineDecoderTest.)"""

import json

import migration as m
import verbs
import watch_stream
from place import require
from registry import case

UNKNOWN = {"type": "SURPRISE", "object": {"metadata": {"name": "x", "resourceVersion": "1"}}}
BAD_LINES = {
    "a line that is no JSON": b"}{ garbage\n",
    "an event without an object": b'{"type":"MODIFIED","object":null}\n',
    "an event of an unknown type": json.dumps(UNKNOWN).encode() + b"\n",
    "an object without a name": b'{"type":"ADDED","object":{"metadata":{}}}\n',
    "an array": b"[1,2,3]\n",
    "an ERROR of an unknown code": watch_stream.error_event(299, "Odd"),
}

for the_what, the_line in BAD_LINES.items():
    @case(8, f"{the_what} instead of the first event of each watch", fast=the_what.startswith("a line"))
    def _(place, line=the_line):
        rules = [place.proxy.add_event_rule(watch_stream.replace_by(line), kind=kind, times=1)
                 for kind in ("jobs", "pods", "databasemigrations")]
        place.start("a1", "b2")
        place.wait_ready(seconds=40)
        place.operator.require_alive()
        require(any(rule.done for rule in rules), "no event was replaced")
        place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(8, "every watch comes byte by byte")
def _(place):
    place.proxy.add(verbs.in_pieces(1), watch=True)
    place.start("a1")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)


@case(8, "every answer comes in pieces of 1, 2, 3, 5 and then 7 bytes")
def _(place):
    place.proxy.add(verbs.in_pieces(1, 2, 3, 5, 7))
    place.start("a1")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)


@case(8, "watches are cut in the middle of an event")
def _(place):
    for kind in ("jobs", "pods", "databasemigrations"):
        place.proxy.add_event_rule(watch_stream.cut_in_the_middle, kind=kind, type="MODIFIED", times=2)
    place.start("a1", "b2")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(8, "an event of 2 MiB")
def _(place):
    def blow_up(line, event):
        event["object"]["metadata"].setdefault("annotations", {})["long"] = "x" * (2 << 20)
        return [json.dumps(event).encode() + b"\n"]
    rule = place.proxy.add_event_rule(blow_up, kind="databasemigrations", times=1)
    place.secret()
    place.operator.start()
    place.until(lambda: len(place.proxy.live_streams()) >= 3, "the operator watches")
    place.migrate("a1")
    place.wait_ready()
    require(rule.done == 1, "no event was made longer")
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)

# SPDX-License-Identifier: Apache-2.0
"""Each answer that refuses, on each verb: no tight loop, and recovery without a restart."""

import time

import migration as m
import verbs
from place import require
from registry import case

LASTS = 6  # seconds
MOST_A_SECOND = 3
RETRY_AFTER = 4

CODES = {
    "429": verbs.refuse(429, "TooManyRequests"),
    "429 with Retry-After": verbs.refuse(429, "TooManyRequests", retry_after=RETRY_AFTER),
    "500": verbs.refuse(500, "InternalError"),
    "503 with Retry-After": verbs.refuse(503, "ServiceUnavailable", retry_after=RETRY_AFTER),
    "504": verbs.refuse(504, "Timeout"),
    "502 as HTML": verbs.page(502),
    "403": verbs.refuse(403, "Forbidden"),
    "401": verbs.refuse(401, "Unauthorized"),
}
VERBS = {
    "list": {"method": "GET", "kind": "databasemigrations", "watch": False},
    "watch": {"kind": "databasemigrations", "watch": True},
    "creation of a Job": {"method": "POST", "kind": "jobs"},
    "write of the status": {"method": "PATCH", "kind": "databasemigrations/status"},
}

for the_code, the_action in CODES.items():
    for the_verb, the_match in VERBS.items():
        @case(11, f"{the_code} on the {the_verb}", fast=(the_code, the_verb) == ("429", "list"))
        def _(place, action=the_action, match=the_match, code=the_code):
            rule = place.proxy.add(action, **match)
            place.start("a1")
            place.until(lambda: rule.seen, "it is tried")
            time.sleep(LASTS)
            place.operator.require_alive()
            tries = rule.seen
            place.proxy.clear()
            place.wait_ready(seconds=50)
            require(0 < tries <= MOST_A_SECOND * LASTS + 1, f"{tries} tries in {LASTS} s")
            # 401 is answered once with the token read again.
            most = LASTS // RETRY_AFTER + 2
            require("Retry-After" not in code or tries <= most,
                    f"{tries} tries in {LASTS} s although Retry-After says {RETRY_AFTER} s")
            place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)
            return f"{tries} tries in {LASTS} s"

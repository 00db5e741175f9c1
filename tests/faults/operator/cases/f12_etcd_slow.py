# SPDX-License-Identifier: Apache-2.0
"""etcd does not answer for a while: writes fail with time-outs, some of which were committed all the same."""

import signal
import time

import migration as m
from registry import case


def pause_etcd(place, seconds: float) -> None:
    etcd = place.bench.plane.etcd
    etcd.send_signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        etcd.send_signal(signal.SIGCONT)


for the_seconds in (5, 12, 30):
    @case(12, f"{the_seconds} s in mid-run", alone=True, fast=the_seconds == 5)
    def _(place, seconds=the_seconds):
        place.database.make_gate()
        place.start("a1", "b2", gate="b2")
        place.wait_at_gate()
        place.database.open_gate()
        pause_etcd(place, seconds)
        place.wait_ready(seconds=90)
        place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(12, "12 s while the Job is to be made", alone=True)
def _(place):
    place.secret()
    place.operator.start()
    place.until(lambda: len(place.proxy.live_streams()) >= 3, "the operator watches")
    place.migrate("a1", "b2")
    pause_etcd(place, 12)
    place.wait_ready(seconds=90)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)

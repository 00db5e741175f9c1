# SPDX-License-Identifier: Apache-2.0
"""The operator has no file that it could write, and nobody who reads its log."""

import migration as m
from registry import case

# A mount namespace of its own whose file systems are read-only, or full; then the program.
READ_ONLY = ("mount --make-rprivate / && mount -o remount,bind,ro / && "
             "! touch /tmp/still-writable 2>/dev/null && exec \"$@\"")
FULL = ("mount --make-rprivate / && for d in /var/tmp /dev/shm; do mount -t tmpfs -o size=4k full $d && "
        "! head -c 64k /dev/zero > $d/filled 2>/dev/null; done; exec \"$@\"")


def migrate(place) -> None:
    place.start("a1", "b2")
    place.wait_ready()
    place.operator.require_alive()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(35, "read-only root", fast=True)
def _(place):
    place.operator.wrapper = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh"]
    migrate(place)


@case(35, "full file systems for temporary files")
def _(place):
    place.operator.wrapper = ["unshare", "--mount", "sh", "-c", FULL, "sh"]
    migrate(place)


@case(35, "standard error is full")
def _(place):
    place.operator.wrapper = ["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"]
    migrate(place)


@case(35, "standard error is closed")
def _(place):
    place.operator.wrapper = ["sh", "-c", "exec \"$@\" 2>&- >&-", "sh"]
    migrate(place)

# SPDX-License-Identifier: Apache-2.0
"""Token and certificate authority change under a running operator."""

import shutil
import time

import migration as m
import verbs
from certificates import Authority
from control_plane import MOST_OPERATORS, ControlPlane
from place import require
from registry import case


def rotate_token(place) -> None:
    """From now on the old one is refused."""
    old = place.token.read_text()
    place.token.write_text(ControlPlane.token(MOST_OPERATORS - place.number))
    place.proxy.add(verbs.refuse(401, "Unauthorized"), matches=lambda request: request.token == old)


def change_and_judge(place, seconds: float) -> str:
    begin = time.monotonic()
    generation = place.change(target={"revision": "b2"})
    place.wait_ready(generation, seconds)
    place.operator.require_alive()
    require(place.operator.starts == 1, "the operator was restarted")
    place.judge(m.ready(generation), ["a1", "b2"], {1: "a1", 2: "b2"}, jobs=2)
    return f"after {time.monotonic() - begin:.0f} s"


def at_rest(place) -> None:
    place.start("a1", "b2", target="a1")
    place.wait_ready()
    place.settle()


@case(27, "a new token: the next request has it", fast=True)
def _(place):
    at_rest(place)
    rotate_token(place)
    place.proxy.cut_watches()
    return change_and_judge(place, 60)


@case(27, "the old token expires 10 s before the new one is there")
def _(place):
    at_rest(place)
    old = place.token.read_text()
    place.proxy.add(verbs.refuse(401, "Unauthorized"), matches=lambda request: request.token == old)
    place.proxy.cut_watches()
    time.sleep(10)
    place.token.write_text(ControlPlane.token(MOST_OPERATORS - place.number))
    return change_and_judge(place, 60)


@case(27, "a new token in mid-run")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    rotate_token(place)
    place.proxy.cut_watches()
    place.database.open_gate()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(27, "a new certificate authority: taken within 5 minutes")
def _(place):
    at_rest(place)
    authority = Authority(place.folder / "new", "new-ca")
    place.proxy.use_certificate(*authority.issue("new-server", "/CN=kube-apiserver"))
    shutil.copyfile(authority.certificate, place.authority)
    place.proxy.cut_all()
    return change_and_judge(place, 120)

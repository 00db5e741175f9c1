# SPDX-License-Identifier: Apache-2.0
"""A Secret that is missing, wrong or rotated; a ConfigMap that is missing or says something else."""

import migration as m
from place import NAME
from registry import case
from scripts import chain, digest


@case(24, "the Secret is missing: named within 5 s, and mended by the Secret alone", fast=True)
def _(place):
    place.migrate("a1")
    place.operator.start()
    place.wait(m.reconciling("SecretNotFound", 1, ["database"]), 5)
    place.secret()
    place.wait_ready()
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)


@case(24, "its key is missing: named within 5 s")
def _(place):
    place.secret(other="x")
    place.migrate("a1")
    place.operator.start()
    place.wait(m.reconciling("SecretNotFound", 1, ["url", "database"]), 5)
    place.change_secret(url=place.database.url())
    place.wait_ready()
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)


@case(24, "rotated in mid-run: the run is not disturbed")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.change_secret(url="postgresql://nobody@/nowhere")
    place.database.open_gate()
    place.wait_ready()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


def with_config_map(place, files) -> None:
    place.secret()
    place.create(m.resource(NAME, m.config_map("scripts", digest(files))))
    place.operator.start()


@case(24, "the ConfigMap is missing: named, and mended by the ConfigMap alone")
def _(place):
    files = chain("a1", "b2")
    with_config_map(place, files)
    place.wait(m.reconciling("SourceNotFound", 1, ["scripts"]), 5)
    place.client.create("configmaps", place.namespace, {"metadata": {"name": "scripts"}, "data": files})
    place.wait_ready()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(24, "the ConfigMap says something else than the digest: nothing is run")
def _(place):
    files = chain("a1", "b2")
    other = {"metadata": {"name": "scripts"}, "data": chain("a1", "z9")}
    place.client.create("configmaps", place.namespace, other)
    with_config_map(place, files)
    place.judge(m.stalled("InvalidSource", 1, ["digest"]), [], jobs=1)


@case(24, "the ConfigMap changes after the run: nothing happens")
def _(place):
    files = chain("a1", "b2")
    place.client.create("configmaps", place.namespace, {"metadata": {"name": "scripts"}, "data": files})
    with_config_map(place, files)
    place.wait_ready()
    place.client.patch("configmaps", place.namespace, "scripts", {"data": chain("a1", "b2", "c3")})
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1, lasting=3)

# SPDX-License-Identifier: Apache-2.0
"""What the API server lets in, and what it says of the rest (kubectl apply --dry-run=server)."""

import json

import migration as m
from harness import case, expect, expect_in
from scripts import chain

INLINE = m.inline(chain("a1"))
DIGEST = "0123456789abcdef" * 4
IMAGE = f"registry.example.com/orders@sha256:{DIGEST}"

VALID = {
    "inline": {},
    "a ConfigMap": {"source": m.config_map("scripts", DIGEST)},
    "an image by digest": {"source": m.image(IMAGE)},
    "an image by a tag that may move": {"source": {"image": {
        "reference": "registry.example.com/orders:1", "path": "/migrations", "allowMutableTag": True}}},
    "a revision": {"target": {"revision": "2581ebaf0cb2"}},
    "the head of a branch": {"target": {"revision": "billing@head"}},
    "base, with downgrades allowed": {"target": {"revision": "base"}, "policy": {"downgrade": "Allow"}},
    "durations": {"execution": {"advisoryLockTimeout": "90s", "activeDeadline": "1h30m"}},
    "suspended": {"suspend": True},
}

# change of the spec -> what the message must contain
INVALID = {
    "no source": ({"source": {}}, "exactly one of image, configMapRef, inline"),
    "two sources": ({"source": {**INLINE, **m.image(IMAGE)}}, "exactly one of image, configMapRef, inline"),
    "an image by tag": ({"source": m.image("registry.example.com/orders:1")}, "digest"),
    "a relative path in an image": ({"source": m.image(IMAGE, "migrations")}, "path"),
    "a ConfigMap without sha256": ({"source": {"configMapRef": {"name": "scripts"}}}, "sha256"),
    "a sha256 that is none": ({"source": m.config_map("scripts", "abc")}, "sha256"),
    "inline without scripts": ({"source": {"inline": {"scripts": {}}}}, "scripts"),
    "a script that is no .sql": ({"source": {"inline": {"scripts": {"one.txt": "SELECT 1;"}}}}, "scripts"),
    "a script in another folder": ({"source": {"inline": {"scripts": {"../one.sql": "SELECT 1;"}}}}, "scripts"),
    "a relative target up": ({"target": {"revision": "+1"}}, "revision"),
    "a relative target down": ({"target": {"revision": "-1"}}, "revision"),
    "a target from a revision": ({"target": {"revision": "a1+2"}}, "revision"),
    "base without downgrades": ({"target": {"revision": "base"}}, "downgrade"),
    "another downgrade policy": ({"policy": {"downgrade": "Maybe"}}, "downgrade"),
    "a duration without unit": ({"execution": {"advisoryLockTimeout": "90"}}, "advisoryLockTimeout"),
    "a negative duration": ({"execution": {"activeDeadline": "-5s"}}, "activeDeadline"),
    "no database": ({"database": None}, "database"),
    "a Secret without key": ({"database": {"urlFrom": {"secretKeyRef": {"name": "x"}}}}, "key"),
    "a literal URL": ({"database": {"url": "postgresql://ada:secret@host/orders"}}, "url"),
}


def answer(t, change):
    resource = m.resource("orders", INLINE)
    resource["spec"].update(change)
    resource["spec"] = {name: value for name, value in resource["spec"].items() if value is not None}
    done = t.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(resource), check=False)
    return done.returncode, done.stdout + done.stderr


@case("what is right is let in")
def _(t):
    for name, change in VALID.items():
        code, text = answer(t, change)
        expect((code, text if code else ""), (0, ""), name)


@case("what is wrong is refused, and the message names it")
def _(t):
    for name, (change, word) in INVALID.items():
        code, text = answer(t, change)
        expect(code, 1, f"exit code for {name}: {text}")
        expect_in(word.lower(), text.lower(), f"message for {name}")

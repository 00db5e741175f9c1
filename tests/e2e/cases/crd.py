# SPDX-License-Identifier: Apache-2.0
"""The definition of the resource itself: what it fills in, shows and bounds."""

import json

import migration as m
from harness import case, expect, expect_in
from kubectl import REPOSITORY, run
from scripts import chain

SAMPLES = ["inline.yaml", "configmap.yaml", "image.yaml"]
# field -> a value at its limit, and one beyond
BOUNDS = {
    "target.revision": ("a" * 128, "a" * 129),
    "execution.advisoryLockTimeout": ("0s", "5d"),
    "execution.activeDeadline": ("1s", "0s"),
    "execution.serviceAccountName": ("a" * 253, "a" * 254),
    "execution.transaction": ("Single", "None"),
    "execution.lockTimeout": ("0s", "-1s"),
    "execution.lockRetries": (0, 1001),
    "execution.statementTimeout": ("1h", "9000h"),
    "execution.terminationGracePeriod": ("1s", "0s"),
    "execution.retry": ({"limit": 0, "initialBackoff": "1s", "maxBackoff": "24h"}, {"limit": -1}),
    "execution.history": ({"succeeded": 1, "failed": 100}, {"succeeded": 0}),
    "execution.nodeSelector": ({"disk": "ssd"}, {"disk": "a" * 64}),
    "execution.tolerations": ([{"key": "db", "operator": "Exists"}], [{"key": "db", "operator": "Has"}]),
    "policy.destructive": ("Block", "RequireApproval"),
    "execution.resources": ({"limits": {"memory": "1.5Gi", "cpu": 2}}, {"limits": {"memory": "much"}}),
}


def minimal(**spec):
    resource = m.resource("minimal", m.inline(chain("a1")))
    del resource["spec"]["target"]
    resource["spec"].update(spec)
    return resource


def answer(t, resource):
    done = t.kubectl("apply", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-",
                     stdin=json.dumps(resource), check=False)
    return done.returncode, done.stdout + done.stderr


@case("what a resource leaves out is filled in, and nothing is known of it at first")
def _(t):
    code, text = answer(t, minimal())
    expect(code, 0, text)
    stored = json.loads(text)
    # Flux takes an object without a status for ready.
    expect(stored["status"], {"observedGeneration": -1}, "status")
    expect(stored["spec"]["target"], {"revision": "heads"}, "target")
    expect(stored["spec"]["policy"], {"downgrade": "Forbid", "destructive": "Allow"}, "policy")
    expect(stored["spec"]["execution"], {"advisoryLockTimeout": "5m", "transaction": "PerRevision"},
           "execution")
    expect(stored["spec"]["suspend"], False, "suspend")


@case("limits of the fields hold")
def _(t):
    for field, (allowed, refused) in BOUNDS.items():
        group, _, name = field.partition(".")
        code, text = answer(t, minimal(**{group: {name: allowed}}))
        expect((code, text if code else ""), (0, ""), f"{field} at its limit")
        code, text = answer(t, minimal(**{group: {name: refused}}))
        expect(code, 1, f"{field} beyond its limit: {text}")
        expect_in(f"spec.{field}", text, "message")


@case("the version table cannot be changed")
def _(t):
    database = minimal()["spec"]["database"]
    t.apply(minimal(suspend=True, database={**database, "versionTable": {"name": "one"}}))
    for other in ({**database, "versionTable": {"name": "two"}}, database):
        done = t.kubectl("apply", "-f", "-", stdin=json.dumps(minimal(suspend=True, database=other)), check=False)
        expect(done.returncode, 1, done.stdout)
        expect_in("versionTable cannot be changed", done.stderr, "message")
    t.apply(minimal(suspend=False, database={**database, "versionTable": {"name": "one"}}))


@case("kubectl get shows state, revisions and target")
def _(t):
    t.apply(minimal(suspend=True))
    text = t.kubectl("get", "dbmig")
    expect(text.splitlines()[0].split(), ["NAME", "READY", "REASON", "CURRENT", "TARGET", "PENDING", "AGE"], "columns")
    expect_in("heads", text, "row")
    wide = t.kubectl("get", "dbmig", "-o", "wide").splitlines()[0].split()
    expect(wide[-3:], ["SOURCE", "JOB", "MESSAGE"], "wide columns")


@case("the samples are let in")
def _(t):
    for name in SAMPLES:
        t.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(REPOSITORY / "manifests/samples" / name))


# No cluster is needed for this, but Helm, which comes with it.
@case("the chart installs what the manifests install")
def _(t):
    expect_in(" 0 differences", run([REPOSITORY / "tests/style/chart_matches_manifests.py"]), "comparison")

# SPDX-License-Identifier: Apache-2.0
"""Passwords stay in Secrets. Every password of the tests begins with `canary-`."""

import kubectl
import migration as m
from harness import case, expect, expect_in, expect_not_in
from scripts import chain, script

CANARY = "canary-"


def all_texts(t):
    """All that somebody without access to Secrets can read about the runs of this case."""
    yield "objects", t.kubectl("get", f"{m.PLURAL},jobs,pods,configmaps,events", "-o", "yaml")
    for pod in t.record.pods.objects(t.namespace):
        name = pod["metadata"]["name"]
        done = t.kubectl("logs", name, "--all-containers", "--prefix", check=False)
        yield f"log of {name}", done.stdout + done.stderr


@case("a password occurs in no object and no log, whatever happens to the run", limit=150)
def _(t):
    t.database(secret="good")
    wrong = t.database(secret=None)
    t.secret("wrong", url=wrong.url(password="canary-wrong"))
    away = t.database(secret=None)
    t.secret("away", url=away.url().replace(":5432", ":5433"))
    t.secret("broken", url="postgresql://ada:canary-broken@[::1:5432/orders")

    t.migrate(m.inline(chain("a1")), "good", secret="good").wait_ready()
    failing = {"a1.sql": script("a1", None, "SELECT * FROM missing;")}
    handles = {name: t.migrate(m.inline(files), name, secret=secret) for name, files, secret in (
        ("failing", failing, "good2"), ("wrong", chain("a1"), "wrong"), ("away", chain("a1"), "away"),
        ("broken", chain("a1"), "broken"))}
    t.database(secret="good2")
    handles["failing"].wait(m.stalled("MigrationFailed"))
    handles["wrong"].wait(m.reconciling("AuthenticationFailed"))
    handles["away"].wait(m.reconciling("WaitingForDatabase"))
    handles["broken"].wait(m.State("Stalled=True", lambda migration: m.condition(migration, "Stalled")))

    seen = 0
    for where, text in all_texts(t):
        expect_not_in(CANARY, text, where)
        seen += len(text)
    if seen < 10_000:
        raise AssertionError(f"only {seen} characters were looked at")


@case("the run's pod has no token and runs as Pod Security \"restricted\" wants it")
def _(t):
    t.database()
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait_ready()
    (job,) = orders.jobs().values()
    pod = job["spec"]["template"]["spec"]
    expect(pod["automountServiceAccountToken"], False, "automountServiceAccountToken")
    expect(pod["restartPolicy"], "Never", "restartPolicy")
    expect(job["spec"]["backoffLimit"], 0, "backoffLimit")
    expect(job["spec"]["podReplacementPolicy"], "Failed", "podReplacementPolicy")
    for container in pod["containers"] + pod.get("initContainers", []):
        expect(container["securityContext"]["readOnlyRootFilesystem"], True, "readOnlyRootFilesystem")
    (ran,) = t.record.pods.objects(t.namespace)
    mounts = [mount["mountPath"] for c in ran["spec"]["containers"] for mount in c.get("volumeMounts", [])]
    expect([path for path in mounts if "serviceaccount" in path], [], "mounted tokens")
    urls = [variable for c in pod["containers"] for variable in c.get("env", [])
            if variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "database"]
    expect(len(urls), 1, "variables that take the URL from the Secret")


@case("the operator may do its work and read no Secret")
def _(t):
    who = f"system:serviceaccount:{t.operator.namespace}:{t.operator.service_account}"

    def can(verb, what):
        done = kubectl.kubectl("auth", "can-i", verb, what, f"--as={who}", "-n", t.namespace, check=False)
        return done.stdout.strip()
    for verb in ("get", "list", "watch", "create", "update", "patch", "delete"):
        expect(can(verb, "secrets"), "no", f"{verb} secrets")
    for verb, what in (("list", m.PLURAL), ("watch", m.PLURAL), ("create", "jobs.batch"), ("watch", "pods")):
        expect(can(verb, what), "yes", f"{verb} {what}")
    for verb, what in (("create", "pods/exec"), ("create", "pods"), ("get", "pods"), ("delete", m.PLURAL),
                       ("update", m.PLURAL), ("get", "nodes"),
                       ("escalate", "clusterroles.rbac.authorization.k8s.io")):
        expect(can(verb, what), "no", f"{verb} {what}")


@case("no password of any case is in the operator's log", alone=True)
def _(t):
    log = t.operator.log()
    expect_not_in(CANARY, log, "operator's log")
    expect_in("e2e-", log, "operator's log, which must tell of the runs")

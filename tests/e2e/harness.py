# SPDX-License-Identifier: Apache-2.0
"""Tests as functions with a sentence for a name, each in a namespace of its own, several at a time.

    @case("a failed revision is named in the status")
    def _(t):
        ...

A case fails when it raises, when it takes longer than its limit, or when the states that its
resources went through break a law (migration.broken_laws). `alone`: no other case runs meanwhile.
"""

import concurrent.futures
import json
import os
import re
import secrets
import threading
import time
import traceback
from dataclasses import dataclass

import kubectl
import migration as m
import postgres

LABEL = "stillhead.dev/e2e"
PARALLEL = 4
# Limits are for a machine that does little else; a busy one gets this many times as long.
PATIENCE = float(os.environ.get("STILLHEAD_E2E_PATIENCE", "3"))
CASES = []


@dataclass(frozen=True)
class Case:
    theme: str
    sentence: str
    body: object
    limit: int
    alone: bool

    @property
    def name(self):
        return f"{self.theme}: {self.sentence}"


def case(sentence, *, limit=120, alone=False):
    """Registers a function as a case of the theme that its file is named for."""
    def register(body):
        theme = body.__module__.rpartition(".")[2].replace("_", " ")
        CASES.append(Case(theme, sentence, body, limit, alone))
        return body
    return register


def expect(actual, wanted, what):
    if actual != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, got {actual!r}")


def expect_in(part, whole, what):
    if part not in whole:
        raise AssertionError(f"{what}: {part!r} is not in {whole!r}")


def expect_not_in(part, whole, what):
    if part in whole:
        at = whole.index(part)
        raise AssertionError(f"{what}: {part!r} must not occur, but: ...{whole[max(0, at - 200):at + 200]!r}...")


@dataclass
class Setting:
    """What all cases share."""

    record: object        # watch.Record
    server: object        # postgres.Server for most cases
    images: dict          # name -> reference by digest
    operator: object      # install.Operator


class Handle:
    """One DatabaseMigration of a case."""

    def __init__(self, test, name):
        self.test = test
        self.name = name

    def wait(self, state, seconds=60):
        """Returns the object once `state` holds."""
        try:
            return self.test.record.migrations.wait(self.test.namespace, self.name, state.holds,
                                                    self.test.patience(seconds))
        except TimeoutError:
            seen = m.summary(self.test.record.migrations.latest(self.test.namespace, self.name))
            raise AssertionError(f"{self.name}: waited {PATIENCE * seconds:.0f} s for {state}; it is: {seen}") from None

    def wait_ready(self, generation=1, seconds=90):
        """As wait(ready(generation)), but gives up as soon as it stalls."""
        def settled(migration):
            stalled = migration is not None and m.condition(migration, "Stalled")
            return m.ready(generation).holds(migration) or (
                stalled and stalled.get("observedGeneration") == generation)
        found = self.wait(m.State(f"Ready=True of generation {generation}", settled), seconds)
        if not m.ready(generation).holds(found):
            raise AssertionError(f"{self.name}: must become ready, but: {m.summary(found)}")
        return found

    def wait_gone(self, seconds=60):
        self.wait(m.State("being gone", lambda migration: migration is None), seconds)

    def change(self, **spec):
        """Merges into the spec; returns the new generation."""
        return kubectl.patch(m.PLURAL, self.name, {"spec": spec}, self.test.namespace)["metadata"]["generation"]

    def delete(self):
        kubectl.kubectl("delete", m.PLURAL, self.name, "-n", self.test.namespace, "--wait=false")

    def history(self):
        return self.test.record.migrations.history(self.test.namespace, self.name)

    def jobs(self):
        """Every Job that ever was there for this resource, by name, in the state last seen."""
        seen = {}
        for event in self.test.record.jobs.history(self.test.namespace):
            meta = event.object["metadata"]
            if meta["annotations"].get("stillhead.dev/migration-name") == self.name:
                seen[meta["name"]] = event.object
        return seen


class Test:
    """What a case works with."""

    def __init__(self, setting, a_case):
        self.setting = setting
        self.record = setting.record
        self.images = setting.images
        self.operator = setting.operator
        self.case = a_case
        self.deadline = time.monotonic() + PATIENCE * a_case.limit
        theme = re.sub(r"[^a-z]+", "-", a_case.theme)
        self.namespace = f"e2e-{theme}-{secrets.token_hex(3)}"
        self.databases = []
        create_namespace(self.namespace)

    def patience(self, seconds):
        """How long to wait for something that usually takes less than `seconds`."""
        return self.rest(PATIENCE * seconds)

    def rest(self, seconds):
        """`seconds`, or what is left of the case's time."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"the case is not done after {PATIENCE * self.case.limit:.0f} s")
        return min(seconds, left)

    def kubectl(self, *arguments, **options):
        return kubectl.kubectl(*arguments, "-n", self.namespace, **options)

    def apply(self, *objects):
        return kubectl.apply(*objects, namespace=self.namespace)

    def database(self, *, secret="database"):
        """A new database, its URL in Secret `secret` under `url` (None: no Secret)."""
        database = postgres.create_database(self.setting.server, "db_" + secrets.token_hex(5))
        self.databases.append(database)
        if secret:
            self.secret(secret, url=database.url())
        return database

    def secret(self, name, **values):
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values})

    def config_map(self, name, files):
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files})

    def migrate(self, source, name="orders", **spec):
        """Applies a DatabaseMigration; target, secret and key as in migration.resource."""
        self.apply(m.resource(name, source, **spec))
        return Handle(self, name)

    def stays(self, state, handle, seconds):
        """`state` holds now and `seconds` later, and in every state in between."""
        handle.wait(state, 5)
        begin = time.time()
        time.sleep(self.rest(seconds))
        for event in handle.history():
            if event.at >= begin and not state.holds(event.object):
                raise AssertionError(f"{handle.name}: must stay {state}, but was: {m.summary(event.object)}")

    def clean_up(self):
        kubectl.kubectl("delete", "namespace", self.namespace, "--wait=false", check=False)
        for database in self.databases:
            database.drop()

    def check_laws(self):
        names = {event.object["metadata"]["name"] for event in self.record.migrations.history(self.namespace)}
        faults = [fault for name in sorted(names)
                  for fault in m.broken_laws(self.record.migrations.history(self.namespace, name))]
        faults += m.overlapping_runs(self.record.jobs.history(self.namespace))
        if faults:
            raise AssertionError("a law is broken:\n  " + "\n  ".join(faults[:10]))


def wait_until(test, holds, what, seconds=60):
    """For what no watch tells: asks again and again."""
    deadline = time.monotonic() + test.patience(seconds)
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE * seconds:.0f} s until {what}")
        time.sleep(0.3)


def wait_at_gate(test, database):
    """Until the run waits at the gate, in mid-revision."""
    wait_until(test, database.is_at_gate, "the run is at the gate")


def create_namespace(name):
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
        LABEL: "true", "pod-security.kubernetes.io/enforce": "restricted"}}})


# --- running ---------------------------------------------------------------------------------------

_printing = threading.Lock()


def say(*lines):
    with _printing:
        print(*lines, sep="\n", flush=True)


def run_case(setting, a_case):
    """Whether it passed."""
    begin = time.monotonic()
    test = None
    try:
        test = Test(setting, a_case)
        a_case.body(test)
        test.check_laws()
    except Exception as failure:  # the harness is one of the places that catch everything
        seconds = time.monotonic() - begin
        text = str(failure) if isinstance(failure, AssertionError) else traceback.format_exc()
        where = traceback.extract_tb(failure.__traceback__)
        here = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in where if "/cases/" in frame.filename]
        say(f"FAIL {seconds:6.1f} s  {a_case.name}", f"  {' '.join(here[-1:])} {text}",
            *(evidence(test) if test else []))
        return False
    say(f"ok   {time.monotonic() - begin:6.1f} s  {a_case.name}")
    test.clean_up()
    return True


def evidence(test):
    """What helps to understand a failure, indented; the namespace stays."""
    ns = test.namespace
    parts = [
        ("resources", ["get", m.PLURAL, "-n", ns, "-o", "yaml"]),
        ("Jobs", ["get", "jobs", "-n", ns, "-o", "wide"]),
        ("pods", ["get", "pods", "-n", ns, "-o", "wide"]),
        ("container states", ["get", "pods", "-n", ns, "-o",
                              "jsonpath={range .items[*]}{.metadata.name}{' '}{.status.containerStatuses}{'\\n'}{end}"]),
        ("events", ["get", "events", "-n", ns, "--sort-by=.lastTimestamp"]),
        ("engine logs", ["logs", "-n", ns, "-l", "app.kubernetes.io/managed-by=stillhead-operator",
                         "--tail=20", "--prefix", "--all-containers"]),
        ("operator log", ["logs", "-n", test.operator.namespace, f"deployment/{test.operator.deployment}",
                          "--tail=5000"]),
    ]
    lines = [f"  namespace {ns} is kept"]
    for title, arguments in parts:
        done = kubectl.kubectl(*arguments, check=False)
        text = (done.stdout + done.stderr).strip().splitlines()
        if title == "operator log":
            text = [line for line in text if ns in line][-40:] or text[-10:]
        lines += [f"  --- {title}", *("    " + line for line in text[-120:])]
    return lines


def run_cases(setting, cases):
    """(passed, failed)"""
    together = sorted((c for c in cases if not c.alone), key=lambda c: -c.limit)
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        results = list(pool.map(lambda c: run_case(setting, c), together))
    results += [run_case(setting, c) for c in cases if c.alone]
    return results.count(True), results.count(False)


def text_of(value):
    return json.dumps(value, indent=1, sort_keys=True)

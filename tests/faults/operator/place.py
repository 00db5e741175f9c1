# SPDX-License-Identifier: Apache-2.0
"""What a case works in: a namespace, a database, a proxy and an operator of its own; and its judgement."""

import os
import threading
import time
from collections import Counter

import audit
import migration as m
import oracles
from api import ApiFailure, path_of
from api_proxy import ApiProxy
from behaviour import Behaviour
from operator_process import OperatorProcess, write_kubeconfig
from scripts import chain

# Seconds in the cases are for a machine that does little else; a busy one gets this many times as long.
PATIENCE = float(os.environ.get("STILLHEAD_BENCH_PATIENCE", "3"))
KEPT_JOBS = 3
NAME = "orders"


class Failure(Exception):
    pass


def require(holds, what: str) -> None:
    if not holds:
        raise Failure(what)


def equal(actual, wanted, what: str) -> None:
    require(actual == wanted, f"{what}: expected {wanted!r}, got {actual!r}")


class Place:
    def __init__(self, bench, title: str, number: int):
        self.bench, self.client, self.record = bench, bench.client, bench.recorder
        self.namespace = f"{title}-{number}"
        self.number, self.began = number, time.time()
        self.folder = bench.folder / self.namespace
        self.folder.mkdir()
        self.client.create("namespaces", "", {"metadata": {"name": self.namespace}})
        self.database = bench.server.create()
        self.behaviour = Behaviour()
        bench.simulator.take(self.namespace, self.behaviour)
        plane = bench.plane
        self.proxy = ApiProxy(plane.servers[0].port, plane.authority.certificate, plane.certificate,
                              plane.key)
        self.token = self.folder / "token"
        self.token.write_text(plane.token(number))
        self.authority = self.folder / "ca.crt"
        self.authority.write_bytes(plane.authority.certificate.read_bytes())
        write_kubeconfig(self.folder / "kubeconfig", self.proxy.port, self.authority, self.token)
        self.operators: list[OperatorProcess] = []
        self.operator = self.add_operator()
        self.judged = False
        self._endings = []
        self._killed = threading.Event()

    def add_operator(self, **extra) -> OperatorProcess:
        folder = self.folder / f"operator-{len(self.operators) + 1}"
        folder.mkdir()
        operator = OperatorProcess(folder, self.folder / "kubeconfig", self.namespace, **extra)
        self.operators.append(operator)
        return operator

    # --- doing ---------------------------------------------------------------------------------------

    def secret(self, name: str = "database", **values: str) -> None:
        values = values or {"url": self.database.url()}
        self.client.create("secrets", self.namespace, {"metadata": {"name": name}, "stringData": values})

    def change_secret(self, name: str = "database", **values: str) -> None:
        self.client.patch("secrets", self.namespace, name, {"stringData": values})

    def migrate(self, *revisions: str, name: str = NAME, target: str = "heads", gate: str | None = None,
                files=None, seconds: float = 0, **spec) -> dict:
        """A DatabaseMigration with inline scripts: a chain of revisions, or `files`."""
        files = files or chain(*revisions, gate=gate, seconds=seconds)
        return self.create(m.resource(name, m.inline(files), target=target, **spec))

    def create(self, resource: dict) -> dict:
        return self.client.create("databasemigrations", self.namespace, resource)

    def start(self, *revisions: str, **options) -> dict:
        """Secret, resource and operator."""
        self.secret()
        made = self.migrate(*revisions, **options)
        self.operator.start()
        return made

    def change(self, name: str = NAME, **spec) -> int:
        """Merges into the spec; the new generation."""
        changed = self.client.patch("databasemigrations", self.namespace, name, {"spec": spec})
        return changed["metadata"]["generation"]

    def patch_status(self, status: dict | None, name: str = NAME) -> None:
        self.client.patch("databasemigrations", self.namespace, name, {"status": status}, "status")

    def delete(self, name: str = NAME, propagation: str = "Background") -> None:
        self.client.delete("databasemigrations", self.namespace, name, propagation)

    def replace(self, resource: dict) -> dict:
        """The whole object, in the state in which it was read."""
        meta = resource["metadata"]
        return self.client.call("PUT", path_of("databasemigrations", self.namespace, meta["name"]), resource)

    def at_end(self, action) -> None:
        self._endings.append(action)

    def keep_operator(self) -> None:
        """It is started again after each revive(), by a thread that lives as long as the place."""
        def keep():
            while True:
                self._killed.wait()
                self._killed.clear()
                if self.judged is None:
                    return
                self.operator.start()
        threading.Thread(target=keep, daemon=True).start()

    def revive(self) -> None:
        self._killed.set()

    # --- seeing --------------------------------------------------------------------------------------

    def live(self, name: str = NAME) -> dict | None:
        return self.client.get("databasemigrations", self.namespace, name)

    def wait(self, state: m.State, seconds: float = 20, name: str = NAME) -> dict:
        """The resource, once it is there and `state` holds."""
        there = m.State(state.text, lambda migration: migration is not None and state.holds(migration))
        return self._wait(there, seconds, name)

    def _wait(self, state: m.State, seconds: float, name: str) -> dict:
        try:
            return self.record.databasemigrations.wait(self.namespace, name, state.holds, PATIENCE * seconds)
        except TimeoutError:
            seen = m.summary(self.record.databasemigrations.latest(self.namespace, name))
            raise Failure(f"waited {PATIENCE * seconds:.0f} s for {state}; it is: {seen}") from None

    def wait_ready(self, generation: int = 1, seconds: float = 20, name: str = NAME) -> dict:
        return self.wait(m.ready(generation), seconds, name)

    def wait_gone(self, seconds: float = 20, name: str = NAME) -> None:
        self._wait(m.State("being gone", lambda migration: migration is None), seconds, name)

    @staticmethod
    def until(holds, what: str, seconds: float = 20):
        """The first true answer of `holds`."""
        deadline = time.monotonic() + PATIENCE * seconds
        while not (answer := holds()):
            require(time.monotonic() < deadline, f"waited {PATIENCE * seconds:.0f} s until {what}")
            time.sleep(0.1)
        return answer

    def wait_at_gate(self) -> None:
        self.until(self.database.is_at_gate, "the run waits at its gate")

    def history(self, name: str = NAME) -> list:
        return self.record.databasemigrations.history(self.namespace, name)

    def jobs(self) -> list[dict]:
        return self.client.items("jobs", self.namespace)

    def pods(self) -> list[dict]:
        return self.client.items("pods", self.namespace)

    def job(self) -> dict:
        """The only one."""
        jobs = self.until(self.jobs, "there is a Job")
        equal(len(jobs), 1, "Jobs")
        return jobs[0]

    def calls(self) -> list[audit.Call]:
        """Of this place's operators, at all API servers."""
        found = [call for server in self.bench.plane.servers for call in server.audit.calls(self.namespace)]
        return sorted(found, key=lambda call: call.at)

    def writes(self) -> list[audit.Call]:
        return [call for call in self.calls() if call.is_write and call.resource != oracles.LEASES]

    def settle(self, quiet: float = 1.0, seconds: float = 20) -> None:
        """Until no Job of ours is active and the operator has written nothing for `quiet` seconds."""
        begin = time.time()

        def is_quiet():
            ours = [job for job in self.jobs() if job["metadata"].get("ownerReferences")]
            if time.time() - begin < quiet or not all(map(oracles.is_finished, ours)):
                return False
            writes = self.writes()
            return not writes or time.time() - writes[-1].at > quiet
        self.until(is_quiet, "nothing is written any more", seconds)

    # --- judging -------------------------------------------------------------------------------------

    def judge(self, state: m.State | None, applied: list[str], targets: dict[int, str] | None = None, *,
              jobs: int | None = None, reference: Counter | None = None, kept: int = KEPT_JOBS,
              name: str = NAME, lasting: float = 0, strangers: bool = False,
              tries: dict[str, int] | None = None, database=None) -> None:
        """All oracles, at the end of a case. `state`: the resource's (None: it is gone); `applied`: revisions
        that are in the database now; `targets`: generation -> revision that was committed for it; `jobs`: how
        many that migrate were created; `tries`: revision -> how often its statement was sent, where that is
        not 1; `lasting`: seconds at rest without a write; `strangers`: the case made objects of its own."""
        self.judged = True
        if state:
            self.wait(state, name=name)
        self.settle()
        rest = time.time()
        time.sleep(lasting)
        calls, live = self.calls(), self.live(name)
        database = database or self.database
        versions = database.versions()
        found = oracles.overlapping_engines(database.sessions())
        sent = {revision: database.statements_logged(f"CREATE TABLE t_{revision} ") for revision in applied}
        found += oracles.wrongly_applied(database.applied(), applied, sent, tries)
        found += oracles.untrue_status(live, versions, state) if state else []
        if not strangers:
            found += oracles.leaks(self.client.items("databasemigrations", self.namespace), self.jobs(),
                                   self.pods(), self._config_maps(), kept)
        made = audit.count_made_and_removed(calls)
        found += oracles.different_counts(made, reference) if reference is not None else []
        attempts = [call for call in calls if audit.starts_engine(call)]
        if jobs is not None and len(attempts) != jobs:
            found.append(f"I5: {len(attempts)} Jobs that migrate were created, wanted {jobs}")
        found += oracles.early_claims(self._life(name), targets or {}, database.commits())
        found += m.overlapping_runs(self.record.jobs.history(self.namespace)) if not strangers else []
        found += oracles.writes_at_rest(calls, rest, rest + lasting)
        found += [f"the history of {what} has a gap" for what in self.record.lost(self.namespace)]
        found += self._canary()
        require(not found, "\n    ".join(found))

    def _life(self, name: str) -> list:
        """Of the last resource of that name."""
        history = self.history(name)
        return [event for event in history
                if event.object["metadata"]["uid"] == history[-1].object["metadata"]["uid"]]

    def _config_maps(self) -> list[dict]:
        return [item for item in self.client.items("configmaps", self.namespace)
                if item["metadata"]["name"] != "kube-root-ca.crt" and item["metadata"].get("labels", {}).get(
                    "app.kubernetes.io/managed-by") == "stillhead-operator"]

    def _canary(self) -> list[str]:
        """Neither the database's password nor the token is in a log or in an object."""
        logs = "".join(operator.told() for operator in self.operators)
        states = "".join(str(event.object.get("status")) for event in self.history())
        return [f"a secret is in the {where}"
                for where, text in (("operator's log", logs), ("status", states))
                for canary in (self.database.password, self.token.read_text()) if canary in text]

    def evidence(self) -> list[str]:
        lines = [f"last state: {m.summary(self.record.databasemigrations.latest(self.namespace, NAME))}"]
        lines += ["writes:"] + [f"  {call.at:.3f} {call}" for call in self.writes()[-25:]]
        for operator in self.operators:
            lines.append(f"{operator.log.parent.name} says:")
            lines += [f"  {line[:300]}" for line in operator.told().splitlines()[-15:]]
        return lines

    def clean_up(self) -> None:
        self.judged = None
        self._killed.set()
        for action in self._endings:
            action()
        for operator in self.operators:
            operator.kill()
        self.proxy.clear()
        self.proxy.stop()
        self.bench.simulator.release(self.namespace)
        for migration in self._left():
            try:
                self.client.patch("databasemigrations", self.namespace, migration["metadata"]["name"],
                                  {"metadata": {"finalizers": None}})
                self.delete(migration["metadata"]["name"])
            except ApiFailure:
                pass  # it has gone by itself
        self.database.drop()

    def _left(self) -> list[dict]:
        try:
            return self.client.items("databasemigrations", self.namespace)
        except ApiFailure:
            return []  # the kind itself was taken away

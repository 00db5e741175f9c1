#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each oracle passes on a good history, and fails on one with the defect that it is there for."""

import pathlib
import sys
import unittest
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "e2e")]
sys.dont_write_bytecode = True

import audit  # noqa: E402
import migration as m  # noqa: E402
import oracles  # noqa: E402
from watch import Event  # noqa: E402


def session(begin, end, database="d", pid=1):
    return oracles.EngineSession(database, pid, begin, end)


def resource(*conditions, generation=1, observed=1, current=None, finalizers=(), uid="u"):
    """Conditions as (type, status, reason)."""
    status = {"observedGeneration": observed, "conditions": [
        {"type": kind, "status": value, "reason": reason, "message": "", "observedGeneration": observed,
         "lastTransitionTime": "2026-01-01T00:00:00Z"} for kind, value, reason in conditions]}
    if current is not None:
        status["currentRevisions"] = current
    metadata = {"name": "orders", "uid": uid, "generation": generation, "finalizers": list(finalizers)}
    return {"metadata": metadata, "status": status}


READY = ("Ready", "True", "UpToDate")


def child(name, owner="u", uid="j", conditions=("Complete",), **status):
    return {"metadata": {"name": name, "uid": uid, "labels": {"stillhead.dev/migration-uid": owner},
                         "ownerReferences": [{"uid": owner, "controller": True}]},
            "status": {"conditions": [{"type": kind, "status": "True"} for kind in conditions], **status}}


def call(verb, resource_name, at=0.0, code=200):
    return audit.Call(at, verb, resource_name, "n", "x", code, "operator-1")


class OraclesTest(unittest.TestCase):
    def one_fault(self, words, faults):
        self.assertEqual(1, len(faults), faults)
        self.assertIn(words, faults[0])

    def test_i1_engines_one_after_the_other(self):
        self.assertEqual([], oracles.overlapping_engines([
            session(0, 1), session(1, 2, pid=2), session(0.5, 3, "other")]))

    def test_i1_finds_two_engines_at_once(self):
        self.one_fault("engine 2 began in d 0.500 s before engine 1 had ended",
                       oracles.overlapping_engines([session(0.5, 2, pid=2), session(0, 1)]))
        long, short, late = session(0, 9), session(1, 2, pid=2), session(3, 4, pid=3)
        self.assertEqual(2, len(oracles.overlapping_engines([long, short, late])))

    def test_i2(self):
        self.assertEqual([], oracles.wrongly_applied(["a1", "b2"], ["a1", "b2"], {"a1": 1}))
        self.one_fault("a1 was applied 2 times", oracles.wrongly_applied(["a1", "a1"], ["a1"], {}))
        self.one_fault("b2 was applied 0 times", oracles.wrongly_applied(["a1"], ["a1", "b2"], {}))
        self.one_fault("c3 was applied 1 times, wanted 0", oracles.wrongly_applied(["c3"], [], {}))
        self.one_fault("was sent 2 times, wanted 1", oracles.wrongly_applied(["a1"], ["a1"], {"a1": 2}))
        self.one_fault("was sent 1 times, wanted 2",
                       oracles.wrongly_applied(["a1"], ["a1"], {"a1": 1}, {"a1": 2}))

    def test_i3(self):
        good = resource(READY, current=["b2"])
        self.assertEqual([], oracles.untrue_status(good, ["b2"], m.ready()))
        self.one_fault("the database is at ['a1']", oracles.untrue_status(good, ["a1"], m.ready()))
        self.one_fault("the database is at []", oracles.untrue_status(good, None, m.ready()))
        self.one_fault("wanted Stalled=True",
                       oracles.untrue_status(good, ["b2"], m.stalled("MigrationFailed")))
        self.one_fault("gone", oracles.untrue_status(None, [], m.ready()))

    def test_i4_nothing_is_left(self):
        pod = child("p", owner="j", uid="p", phase="Succeeded")
        self.assertEqual([], oracles.leaks([resource(READY)], [child("a")], [pod], [child("scripts")], 1))

    def test_i4_finds_each_leak(self):
        quiet = resource(READY)
        running = child("p", owner="j", uid="p", phase="Running")
        orphan = child("p", owner="none", uid="p", phase="Succeeded")
        cases = {
            "keeps ['a.dev/finalizer']": ([resource(READY, finalizers=["a.dev/finalizer"])], [], [], []),
            "has not come to an end": ([quiet], [child("a", conditions=())], [], []),
            "2 Jobs of one resource are kept": ([quiet], [child("a"), child("b", uid="k")], [], []),
            "Job a is owned by no resource": ([], [child("a")], [], []),
            "ConfigMap s is owned by no resource": ([], [], [], [child("s")]),
            "is not over": ([quiet], [child("a")], [running], []),
            "has no Job any more": ([quiet], [child("a")], [orphan], []),
        }
        for words, (migrations, jobs, pods, maps) in cases.items():
            with self.subTest(words):
                self.one_fault(words, oracles.leaks(migrations, jobs, pods, maps, 1))

    def test_i5(self):
        reference = audit.count_made_and_removed([call("create", "jobs"), call("patch", "jobs")])
        again = audit.count_made_and_removed([call("create", "jobs"), call("create", "jobs", code=409)])
        self.assertEqual([], oracles.different_counts(again, reference))
        self.one_fault("create jobs succeeded 2 times, without the fault 1 times", oracles.different_counts(
            reference + Counter({("create", "jobs"): 1}), reference))
        self.one_fault("delete jobs succeeded 0 times", oracles.different_counts(
            reference, reference + Counter({("delete", "jobs"): 1})))

    def test_i6_claims_after_the_commit(self):
        events = [Event(1, "ADDED", resource(observed=-1)), Event(5, "MODIFIED", resource(READY))]
        self.assertEqual([], oracles.early_claims(events, {1: "b2"}, {"b2": 4.5}))

    def test_i6_finds_early_and_impossible_claims_and_broken_laws(self):
        claim = [Event(5, "MODIFIED", resource(READY))]
        self.one_fault("0.500 s before its commit", oracles.early_claims(claim, {1: "b2"}, {"b2": 5.5}))
        self.one_fault("never was to become ready", oracles.early_claims(claim, {2: "b2"}, {}))
        both = resource(READY, ("Stalled", "True", "X"))
        self.one_fault("Ready=True with Stalled",
                       oracles.early_claims([Event(9, "MODIFIED", both)], {1: "b2"}, {}))

    def test_i7(self):
        calls = [call("patch", "databasemigrations/status", 5), call("get", "jobs", 5),
                 call("update", "leases", 5)]
        self.assertEqual([], oracles.writes_at_rest(calls, 6, 10))
        self.one_fault("patch databasemigrations/status", oracles.writes_at_rest(calls, 4, 10))

    def test_a_job_that_only_asks_is_no_attempt(self):
        def made(command, code=201):
            body = {"spec": {"template": {"spec": {"containers": [{"args": [command, "heads"]}]}}}}
            return audit.Call(0, "create", "jobs", "n", "x", code, "operator-1", body)
        self.assertEqual([True, False, False], [audit.starts_engine(each) for each in (
            made("apply"), made("plan"), made("apply", 409))])

    def test_an_audit_line_is_read(self):
        line = ('{"verb":"create","user":{"username":"operator-3"},'
                '"objectRef":{"resource":"jobs","namespace":"n"},'
                '"requestObject":{"metadata":{"name":"orders-1"}},"responseStatus":{"code":201},'
                '"requestReceivedTimestamp":"2026-01-01T00:00:01.500000Z"}')
        read = audit.read_call(line)
        self.assertEqual(("create jobs n/orders-1 -> 201", 1767225601.5), (str(read), read.at))
        self.assertIsNone(audit.read_call('{"verb":"get","user":{"username":"x"}}'))


if __name__ == "__main__":
    unittest.main()

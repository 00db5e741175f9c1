#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The laws of migration.py find what they are there to find."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import migration as m  # noqa: E402
from watch import Event  # noqa: E402


def state(generation, observed, *conditions):
    """Conditions as "Ready=True@2 12:00:00"."""
    parsed = []
    for text in conditions:
        kind, _, rest = text.partition("=")
        value, _, rest = rest.partition("@")
        of, _, time = rest.partition(" ")
        parsed.append({"type": kind, "status": value, "reason": "Any", "message": "", "observedGeneration": int(of),
                       "lastTransitionTime": f"2026-01-01T{time}Z"})
    return {"metadata": {"generation": generation},
            "status": {"observedGeneration": observed, "conditions": parsed}}


def faults(*states):
    return m.broken_laws([Event(n, "MODIFIED", each) for n, each in enumerate(states)])


class LawsTest(unittest.TestCase):
    def test_a_good_life_breaks_none(self):
        self.assertEqual([], faults(
            state(1, -1),
            state(1, 1, "Ready=False@1 12:00:00", "Reconciling=True@1 12:00:00"),
            state(1, 1, "Ready=True@1 12:00:05"),
            state(2, 1, "Ready=True@1 12:00:05"),
            state(2, 2, "Ready=False@2 12:00:09", "Stalled=True@2 12:00:09")))

    def test_each_bad_state_is_found(self):
        cases = {
            "ahead": [state(1, 2, "Ready=True@2 12:00:00")],
            "Ready is missing": [state(1, 1)],
            "together": [state(1, 1, "Ready=False@1 12:00:00", "Reconciling=True@1 12:00:00",
                               "Stalled=True@1 12:00:00")],
            "not True": [state(1, 1, "Ready=True@1 12:00:00", "Stalled=False@1 12:00:00")],
            "Ready=True with Reconciling": [state(1, 1, "Ready=True@1 12:00:00", "Reconciling=True@1 12:00:00")],
            "another generation": [state(2, 2, "Ready=True@1 12:00:00")],
            "does not follow": [state(1, 1, "Ready=True@1 12:00:00"), state(1, 1, "Ready=True@1 12:00:01")],
            "lastTransitionTime": [state(1, 1, "Ready=False@1 12:00:01"), state(1, 1, "Ready=True@1 12:00:00")],
        }
        for words, states in cases.items():
            with self.subTest(words):
                self.assertIn(words, " ".join(faults(*states)))

    def test_runs_that_overlap_are_found(self):
        def job(name, at, *kinds):
            return Event(at, "MODIFIED", {
                "metadata": {"name": name, "labels": {"stillhead.dev/migration-uid": "u"}},
                "status": {"conditions": [{"type": kind, "status": "True"} for kind in kinds]}})
        self.assertEqual([], m.overlapping_runs([job("a", 1), job("a", 2, "Complete"), job("b", 3)]))
        self.assertEqual(1, len(m.overlapping_runs([job("a", 1), job("b", 2), job("a", 3, "Failed")])))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""I1 to I7: what must hold after every fault. Pure functions over what was recorded; each says what is wrong.

I1 never two engines past the lock of one database         I2 each revision is applied exactly once
I3 at rest the status says what the database says          I4 nothing is left behind
I5 as many objects made and removed as without a fault     I6 Ready=True only for what has been reached
I7 at rest nothing is written
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import migration as m
from audit import Call

FINISHED = {"Complete", "Failed"}
LEASES = "leases"


@dataclass(frozen=True)
class EngineSession:
    database: str
    pid: int
    begin: float
    end: float
    idle: bool = True  # between two transactions


def overlapping_engines(sessions: Iterable[EngineSession]) -> list[str]:
    """I1."""
    faults, latest = [], {}
    for session in sorted(sessions, key=lambda each: each.begin):
        before = latest.get(session.database)
        if before and session.begin < before.end:
            early = before.end - session.begin
            faults.append(f"I1: engine {session.pid} began in {session.database} {early:.3f} s before engine "
                          f"{before.pid} had ended")
        if not before or session.end > before.end:
            latest[session.database] = session
    return faults


def wrongly_applied(applied: Iterable[str], wanted: Iterable[str], statements: Mapping[str, int],
                    tries: Mapping[str, int] | None = None) -> list[str]:
    """I2. `applied`: rows that the scripts left; `statements`: revision -> how often its statement was sent,
    which is to be once, or as often as `tries` says, where runs were rolled back."""
    tries = tries or {}
    have, want = Counter(applied), Counter(wanted)
    faults = [f"I2: {revision} was applied {have[revision]} times, wanted {want[revision]}"
              for revision in sorted(have | want) if have[revision] != want[revision]]
    return faults + [
        f"I2: the statement of {revision} was sent {times} times, wanted {tries.get(revision, 1)}"
        for revision, times in statements.items() if times != tries.get(revision, 1)]


def untrue_status(migration: dict | None, versions: Iterable[str] | None, state: m.State) -> list[str]:
    """I3, of a resource at rest. `state`: what it must have come to."""
    if migration is None:
        return ["I3: the resource is gone"]
    faults = [] if state.holds(migration) else [f"I3: wanted {state}, but: {m.summary(migration)}"]
    said = migration["status"].get("currentRevisions")
    if said is not None and sorted(said) != sorted(versions or []):
        faults.append(f"I3: currentRevisions are {said}, the database is at {sorted(versions or [])}")
    return faults


def is_finished(job: dict) -> bool:
    return any(c["type"] in FINISHED and c["status"] == "True"
               for c in job.get("status", {}).get("conditions", []))


def _controllers(item: dict) -> set[str]:
    return {owner["uid"] for owner in item["metadata"].get("ownerReferences", []) if owner.get("controller")}


def leaks(migrations: list[dict], jobs: list[dict], pods: list[dict], config_maps: list[dict],
          kept: int) -> list[str]:
    """I4, of a namespace at rest: `kept` finished Jobs of one resource may stay."""
    faults, of = [], Counter()
    living = {migration["metadata"]["uid"] for migration in migrations}
    for migration in migrations:
        if migration["metadata"].get("finalizers"):
            faults.append(f"I4: {migration['metadata']['name']} keeps {migration['metadata']['finalizers']}")
    for kind, items in (("Job", jobs), ("ConfigMap", config_maps)):
        for item in items:
            if not _controllers(item) & living:
                faults.append(f"I4: {kind} {item['metadata']['name']} is owned by no resource")
    for job in jobs:
        if not is_finished(job) or job["metadata"].get("deletionTimestamp"):
            faults.append(f"I4: Job {job['metadata']['name']} has not come to an end")
        of[job["metadata"].get("labels", {}).get("stillhead.dev/migration-uid")] += 1
    faults += [f"I4: {count} Jobs of one resource are kept, {kept} may be"
               for count in of.values() if count > kept]
    known = {job["metadata"]["uid"] for job in jobs}
    for pod in pods:
        if not _controllers(pod) & known:
            faults.append(f"I4: pod {pod['metadata']['name']} has no Job any more")
        elif pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            faults.append(f"I4: pod {pod['metadata']['name']} is not over")
    return faults


def different_counts(made: Counter, reference: Counter) -> list[str]:
    """I5. Of audit.count_made_and_removed: with the fault, and without."""
    return [f"I5: {verb} {resource} succeeded {made[verb, resource]} times, without the fault "
            f"{reference[verb, resource]} times"
            for verb, resource in sorted(made | reference)
            if made[verb, resource] != reference[verb, resource]]


def early_claims(events: Iterable, targets: Mapping[int, str], commits: Mapping[str, float]) -> list[str]:
    """I6. Every state of one resource; generation -> its target; revision -> when it was committed. A target
    that is not committed by this run ("base", or a revision taken back) has no commit and is not judged."""
    events = list(events)
    faults = [f"I6: {fault}" for fault in m.broken_laws(events)]
    for event in events:
        ready = m.condition(event.object, "Ready")
        if not ready or ready["status"] != "True":
            continue
        generation = ready["observedGeneration"]
        if generation not in targets:
            faults.append(f"I6: Ready=True for generation {generation}, which never was to become ready")
        elif event.at < commits.get(targets[generation], 0):
            late = commits[targets[generation]] - event.at
            faults.append(f"I6: Ready=True for {targets[generation]} was read {late:.3f} s before its commit")
    return faults


def writes_at_rest(calls: Iterable[Call], begin: float, end: float) -> list[str]:
    """I7. `calls`: all that the operator asked; Leases may be renewed."""
    return [f"I7: {call} at rest, {call.at - begin:.1f} s after its begin" for call in calls
            if call.is_write and begin <= call.at <= end and call.resource != LEASES]

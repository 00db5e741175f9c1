# SPDX-License-Identifier: Apache-2.0
"""DatabaseMigration objects: their parts, what is waited for, and what must hold in every state."""

from datetime import datetime

PLURAL = "databasemigrations.stillhead.dev"


# --- writing ---------------------------------------------------------------------------------------


def resource(name, source, *, secret="database", key="url", target="heads", **spec):
    return {
        "apiVersion": "stillhead.dev/v1alpha1", "kind": "DatabaseMigration", "metadata": {"name": name},
        "spec": {"database": {"urlFrom": {"secretKeyRef": {"name": secret, "key": key}}}, "source": source,
                 "target": {"revision": target}, **spec},
    }


def inline(files):
    return {"inline": {"scripts": files}}


def config_map(name, sha256):
    return {"configMapRef": {"name": name, "sha256": sha256}}


def image(reference, path="/migrations"):
    return {"image": {"reference": reference, "path": path}}


# --- reading ---------------------------------------------------------------------------------------


def condition(migration, kind):
    """The condition of this type, or None."""
    for found in migration.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return found
    return None


def summary(migration):
    """One line for failure messages."""
    if migration is None:
        return "no such object"
    status = migration.get("status", {})
    shown = [f"{c['type']}={c['status']} {c['reason']} ({c.get('message', '')})"
             for c in status.get("conditions", [])]
    return (f"generation {migration['metadata']['generation']}, observed {status.get('observedGeneration')}, "
            f"{'; '.join(shown) or 'no conditions'}")


def _seen(migration, generation):
    return migration is not None and migration.get("status", {}).get("observedGeneration") == generation


class State:
    """What a test waits for; prints as what it is."""

    def __init__(self, text, holds):
        self.text = text
        self.holds = holds

    def __str__(self):
        return self.text


def ready(generation=1):
    def holds(migration):
        return (_seen(migration, generation) and (condition(migration, "Ready") or {}).get("status") == "True"
                and condition(migration, "Ready")["observedGeneration"] == generation)
    return State(f"Ready=True of generation {generation}", holds)


def _not_ready(kind, reason, generation, words):
    def holds(migration):
        if not _seen(migration, generation):
            return False
        found, main = condition(migration, kind), condition(migration, "Ready")
        return (found is not None and found["status"] == "True" and found["reason"] == reason
                and main is not None and main["status"] != "True" and main["reason"] == reason
                and all(word in main["message"] for word in words))
    told = f" that names {', '.join(words)}" if words else ""
    return State(f"{kind}=True {reason}{told} of generation {generation}", holds)


def stalled(reason, generation=1, words=()):
    return _not_ready("Stalled", reason, generation, words)


def reconciling(reason, generation=1, words=()):
    return _not_ready("Reconciling", reason, generation, words)


# --- laws ------------------------------------------------------------------------------------------


def broken_laws(events):
    """What is wrong in the recorded life of one object: kstatus' rules, on every state it was in."""
    faults = []
    before = {}
    for event in events:
        migration = event.object
        status = migration.get("status", {})
        generation, observed = migration["metadata"]["generation"], status.get("observedGeneration")
        kinds = {c["type"]: c for c in status.get("conditions", [])}
        def fault(text):
            faults.append(f"{text}: {summary(migration)}")
        if observed is None or observed > generation:
            fault("observedGeneration is missing or ahead")
        if observed is not None and observed >= 0 and "Ready" not in kinds:
            fault("Ready is missing")
        if "Reconciling" in kinds and "Stalled" in kinds:
            fault("Reconciling and Stalled together")
        for kind in {"Reconciling", "Stalled"} & kinds.keys():
            if kinds[kind]["status"] != "True":
                fault(f"{kind} is there and not True")
            if kinds["Ready"]["status"] == "True":
                fault(f"Ready=True with {kind}")
        for kind, found in kinds.items():
            if found.get("observedGeneration") != observed:
                fault(f"{kind} is of another generation than the status")
            last = before.get(kind)
            if last is None:
                continue
            then, now = _time(last["lastTransitionTime"]), _time(found["lastTransitionTime"])
            if now < then or (last["status"] == found["status"] and now != then):
                fault(f"lastTransitionTime of {kind} does not follow its status")
        before = kinds
    return faults


def _time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def overlapping_runs(job_events):
    """Pairs of Jobs of one migration of which the later was created before the earlier had ended."""
    jobs = {}
    for event in job_events:
        meta = event.object["metadata"]
        job = jobs.setdefault(meta["name"], {"uid": meta["labels"].get("stillhead.dev/migration-uid"),
                                             "created": event.at, "ended": None})
        kinds = {c["type"] for c in event.object.get("status", {}).get("conditions", [])
                 if c["status"] == "True"}
        if job["ended"] is None and (kinds & {"Complete", "Failed"} or event.type == "DELETED"):
            job["ended"] = event.at
    faults = []
    ordered = sorted(jobs.items(), key=lambda item: item[1]["created"])
    for i, (name, job) in enumerate(ordered):
        for earlier_name, earlier in ordered[:i]:
            if earlier["uid"] == job["uid"] and (earlier["ended"] is None or earlier["ended"] > job["created"]):
                faults.append(f"Job {name} was created while {earlier_name} had not ended")
    return faults

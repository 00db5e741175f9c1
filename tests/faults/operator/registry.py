# SPDX-License-Identifier: Apache-2.0
"""Which faults there are, where each is tested, and the cases that this bench has for them."""

from dataclasses import dataclass



@dataclass(frozen=True)
class Fault:
    number: int
    what: str
    unit: str = ""  # filter of the unit tests that look at it, too
    cluster: str = ""  # where it is tested on the whole cluster

    @property
    def name(self) -> str:
        return f"F{self.number}"


@dataclass(frozen=True)
class Case:
    fault: int
    sentence: str
    body: object  # called with a Place; raises where it fails
    alone: bool  # nothing else runs meanwhile: it disturbs the control plane
    fast: bool  # part of `--fast`

    @property
    def name(self) -> str:
        return f"F{self.fault}: {self.sentence}"


CASES: list[Case] = []


def case(fault: int, sentence: str, *, alone: bool = False, fast: bool = False):
    """Registers a function as a case of a fault."""
    def register(body):
        CASES.append(Case(fault, sentence, body, alone, fast))
        return body
    return register


MAKERS: list[tuple[int, object]] = []


def case_maker(fault: int):
    """Registers a function (bench, fast) -> Cases, for those that only a running bench can tell."""
    def register(maker):
        MAKERS.append((fault, maker))
        return maker
    return register


FAULTS = [Fault(*row) for row in (
    (0, "seeded defects, which the oracles must find"),
    (1, "operator is killed at each API write"),
    (2, "operator is killed while it connects, lists, holds the Lease"),
    (3, "status write is answered 409 again and again"),
    (4, "crash with Reconciling=True written and nothing left to do"),
    (5, "stale API server after a restart"),
    (6, "events are dropped, held, repeated"),
    (7, "410 Gone in its three forms; compaction"),
    (8, "framing: truncated, split anywhere, garbage", "LineDecoderTest.*:ReflectorTest.*"),
    (9, "half-open watch; API server paused"),
    (10, "API server restarts"),
    (11, "429, 500, 503, 504, HTML, 403, 401 on each verb"),
    (12, "etcd is slow or away"),
    (13, "two operators without election"),
    (14, "leader is paused and resumed; clock jumps"),
    (15, "POST is done, its reply lost"),
    (16, "resource is deleted in mid-migration"),
    (17, "spec is changed during a run"),
    (18, "pod is evicted, preempted, drained", "", "tests/e2e/run 'engine killed'"),
    (19, "pod is killed for want of memory"),
    (20, "node is lost"),
    (21, "Job creates two pods"),
    (22, "Job is gone before its result was read"),
    (23, "Job is deleted while it runs"),
    (24, "Secret missing, wrong, rotated; ConfigMap changed"),
    (25, "database is away, restarts, or is locked"),
    (26, "PgBouncer between engine and database"),
    (27, "token, CA and client certificate are rotated"),
    (28, "CRD is missing, deleted, made again"),
    (29, "10,000 resources at start"),
    (30, "Helm hook; operator is uninstalled first", "", "tests/e2e/run helm deleting"),
    (31, "an object of somebody else has our child's name"),
    (32, "status is wiped or edited by hand"),
    (33, "odd but valid specs"),
    (34, "unexpected exceptions, refused port, DNS failure", "CpprestTransportTest.*:WorkersTest.*"),
    (35, "disk is full, root is read-only"),
)]

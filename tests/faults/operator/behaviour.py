# SPDX-License-Identifier: Apache-2.0
"""What the simulated cluster does to the Jobs of one namespace that it would not do on a good day."""

import pathlib
import threading
from dataclasses import dataclass, field


@dataclass
class Behaviour:
    """May be changed at any time; what has happened already is not taken back."""

    pods: int = 1  # that the Job controller makes at once
    makes_pods: bool = True  # False: a quota forbids them
    problem: tuple[str, str] | None = None  # (reason, message) that the container waits with, never starting
    unschedulable: str = ""  # what the scheduler says: no node is found
    node_is_lost: bool = False  # the kubelet says nothing any more and confirms nothing; its engine goes on
    endings: list[str] = field(default_factory=list)  # of the next pods: OOMKilled, Evicted, NoReport, Killed
    images: dict[str, pathlib.Path] = field(default_factory=dict)  # reference -> folder of the scripts
    runs_engine: bool = True  # False: every pod succeeds at once, and leaves no report
    results: threading.Event = field(default_factory=threading.Event)  # clear: ends of pods are held back

    def __post_init__(self):
        self.results.set()
        self._lock = threading.Lock()

    def next_ending(self) -> str:
        """"": as the engine ends."""
        with self._lock:
            return self.endings.pop(0) if self.endings else ""

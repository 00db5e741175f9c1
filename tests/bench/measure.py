# SPDX-License-Identifier: Apache-2.0
"""Whole processes, timed from outside, in turns: A B C A B C ... so that drift hits all alike."""
import dataclasses
import os
import pathlib
import resource
import statistics
import subprocess
import time
from collections.abc import Callable


@dataclasses.dataclass
class Run:
    wall: float
    cpu: float
    rss_mib: float


@dataclasses.dataclass
class Contender:
    name: str
    command: list[str]
    environment: dict[str, str]
    folder: pathlib.Path
    prepare: Callable[[], None] = lambda: None  # before each run, not timed
    runs: list[Run] = dataclasses.field(default_factory=list)

    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)

    def best(self) -> float:
        return min(run.wall for run in self.runs)

    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    def rss(self) -> str:
        """MiB. A child begins as a copy of this program, so nothing smaller than it can be seen."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        most = max(run.rss_mib for run in self.runs)
        return f"{most:.0f}" if most > own * 1.05 else f"≤ {own:.0f}"


def once(contender: Contender) -> Run:
    contender.prepare()
    started = time.perf_counter()
    process = subprocess.Popen(contender.command, cwd=contender.folder,
                               env={**os.environ, **contender.environment},
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{contender.name}: {' '.join(contender.command)} ended with "
                         f"{process.returncode}:\n{errors.decode(errors='replace')[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turns(contenders: list[Contender], rounds: int, warm_up: int = 1) -> None:
    for number in range(warm_up + rounds):
        for contender in contenders:
            run = once(contender)
            if number >= warm_up:
                contender.runs.append(run)


def drop_page_cache() -> bool:
    """Only root can; without it no cold figure is given."""
    try:
        os.sync()
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
        return True
    except OSError:
        return False

# SPDX-License-Identifier: Apache-2.0
"""What all cases share, and how they are run side by side."""

import concurrent.futures
import itertools
import pathlib
import tempfile
import threading
import time
import traceback
from contextlib import contextmanager

from control_plane import ControlPlane
from database import BenchServer
from job_simulator import JobSimulator
from place import Failure, Place
from recorder import Recorder
from registry import Case

_printing = threading.Lock()


def say(*lines: str) -> None:
    with _printing:
        print(*lines, sep="\n", flush=True)


def words_of(failure: Exception) -> str:
    """What failed, and in which line of the case."""
    frames = traceback.extract_tb(failure.__traceback__)
    here = [f"{pathlib.Path(frame.filename).name}:{frame.lineno}" for frame in frames
            if "/cases/" in frame.filename]
    if isinstance(failure, Failure):
        return f"{''.join(here[-1:])} {failure}"
    last = frames[-1]
    return f"{''.join(here[-1:])} {failure!r} in {pathlib.Path(last.filename).name}:{last.lineno}"


class Bench:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.plane = ControlPlane(folder / "control-plane")
        self.server: BenchServer | None = None
        self.numbers = itertools.count(1)

    def start(self) -> None:
        begin = time.monotonic()
        self.server = BenchServer(self.folder / "postgres")
        self.plane.start()
        self.client = self.plane.client()
        self.recorder = Recorder(self.client)
        self.simulator = JobSimulator(self.plane.client(), self.recorder, self.folder / "pods")
        self.recorder.begin()
        say(f"- control plane and PostgreSQL are ready after {time.monotonic() - begin:.0f} s")

    def place(self, title: str) -> Place:
        return Place(self, title, next(self.numbers))

    def stop(self) -> None:
        self.plane.stop()
        if self.server:
            self.server.stop()

    # --- cases ---------------------------------------------------------------------------------------

    def run_case(self, a_case: Case) -> bool:
        begin, place = time.monotonic(), None
        try:
            place = self.place(f"f{a_case.fault:02d}")
            told = a_case.body(place)
            if not place.judged:
                raise Failure("the case has judged nothing")
        except Exception as failure:  # the bench is one of the places that catch everything
            say(f"FAILED {time.monotonic() - begin:6.1f} s  {a_case.name}", f"    {words_of(failure)}",
                *(f"    | {line}" for line in (place.evidence() if place else [])))
            return False
        finally:
            if place:
                place.clean_up()
        say(f"ok     {time.monotonic() - begin:6.1f} s  {a_case.name}{f' ({told})' if told else ''}")
        return True

    def run_cases(self, cases: list[Case], jobs: int) -> dict[Case, bool]:
        together = [each for each in cases if not each.alone]
        pool = concurrent.futures.ThreadPoolExecutor(jobs)
        try:
            results = dict(zip(together, pool.map(self.run_case, together)))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # a signal does not wait for cases
        return results | {each: self.run_case(each) for each in cases if each.alone}


@contextmanager
def started_bench():
    with tempfile.TemporaryDirectory(prefix="stillhead-bench-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # PostgreSQL has a user of its own
        bench = Bench(folder)
        try:
            bench.start()
            yield bench
        finally:
            bench.stop()

# SPDX-License-Identifier: Apache-2.0
"""Runs a program under strace: lists its system calls on some files, and breaks one of them."""
import dataclasses
import pathlib
import re

CALLS = "openat,pread64,pwrite64,write,fdatasync,fsync,ftruncate,unlink,rename,fcntl"
LINE = re.compile(r"^(\d+) +(\w+)\((.*)")


@dataclasses.dataclass(frozen=True)
class Call:
    name: str
    number: int  # among the calls of this name, from 1: what strace counts by
    text: str

    def changes(self) -> bool:
        """Whether another process could see that it happened."""
        if self.name == "openat":
            return "O_CREAT" in self.text
        return self.name not in ("pread64", "fcntl")

    def writes(self) -> bool:
        """But for 4 bytes: the number and the checksum around each page in SQLite's journal."""
        return self.name == "pwrite64" and ", 4, " not in self.text

    def locks(self) -> bool:
        return self.name == "fcntl" and "SETLK" in self.text and "F_UNLCK" not in self.text

    def locks_pending_byte(self) -> bool:
        return self.locks() and "l_start=1073741824, l_len=1}" in self.text

    def may_weaken(self) -> bool:
        """SQLite's lock of a reader, which a writer takes when it is done: that cannot be refused."""
        return self.locks() and "F_RDLCK" in self.text and "l_len=510}" in self.text


def refusable(calls_of_run: list[Call]) -> list[int]:
    """Where a lock is asked for that somebody else may have. A new reader asks for the pending byte first."""
    locks = [(index, call) for index, call in enumerate(calls_of_run) if call.name == "fcntl"]
    return [index for (_, before), (index, call) in zip([(0, Call("", 0, "")), *locks], locks)
            if call.locks() and (before.locks_pending_byte() or not call.may_weaken())]


def command(files: list[pathlib.Path], log: pathlib.Path, injections: list[str]) -> list[str]:
    """What stands before the program's own command. Only calls on `files` are listed, counted and broken."""
    # With --seccomp-bpf strace is quicker, but its signals are lost.
    quick = [] if any("signal=" in injection for injection in injections) else ["--seccomp-bpf"]
    return ["strace", "-f", *quick, "-y", "-s", "0", "-o", str(log), *(f"-P{file}" for file in files),
            "-e", f"trace={CALLS}", *(f"-einject={injection}" for injection in injections)]


def calls(log: pathlib.Path) -> list[Call]:
    found, numbers, threads = [], {}, set()
    for line in log.read_text().splitlines():
        if match := LINE.match(line):
            threads.add(match[1])
            numbers[match[2]] = numbers.get(match[2], 0) + 1
            found.append(Call(match[2], numbers[match[2]], match[0].split(" ", 1)[1].strip()))
    if len(threads) > 1:
        raise SystemExit(f"{len(threads)} threads write to the files: strace counts each by itself")
    return found


def was_broken(log: pathlib.Path) -> bool:
    text = log.read_text()
    return "(INJECTED)" in text or "+++ killed by SIGKILL" in text


def from_here_on(calls_of_run: list[Call], index: int, error: str, names: tuple[str, ...]) -> list[str]:
    """The call at `index` and all later ones fail."""
    before = [call.name for call in calls_of_run[:index]]
    return [f"{name}:error={error}:when={before.count(name) + 1}+" for name in names]

# SPDX-License-Identifier: Apache-2.0
"""Compares what a step did with what it expects. No I/O."""
import dataclasses
import difflib
import re

# Alembic's loggers and ours go to stderr; in `parallel` steps the lines of all processes are taken together.
RUNNING = re.compile(r"Running upgrade .*$", re.MULTILINE)
SHOWN = 40


@dataclasses.dataclass
class Outcome:
    """What one process of a step did."""

    exit: int
    stdout: str
    stderr: str


@dataclasses.dataclass
class State:
    """What is there after a step. `rows`: the result of each query of `expect.rows`."""

    version_rows: list[str] | None = None
    schema: str = ""
    rows: list[list[list[str | None]]] = dataclasses.field(default_factory=list)
    generated: dict[str, str] = dataclasses.field(default_factory=dict)  # path -> text of new files


def in_order(rows):
    """Of the version table; None: there is none."""
    return None if rows is None else sorted(rows)


def said(outcome: Outcome) -> str:
    """The end of what a process of a failed step printed."""
    lines = (outcome.stdout + outcome.stderr).splitlines()[-6:]
    return f"exit {outcome.exit}; its last lines:" + "".join(f"\n      | {line}" for line in lines)


def difference(wanted: str, have: str) -> str:
    lines = list(difflib.unified_diff(wanted.splitlines(), have.splitlines(), "expected", "is", lineterm="", n=1))
    lines = lines[2:SHOWN] + ([f"... {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else [])
    return "".join(f"\n      {line}" for line in lines or [f"{wanted!r}", f"{have!r}"])


def body(text: str, function: str) -> str:
    """Of a generated file: the body of `function` without its docstring, less four spaces."""
    _, _, rest = text.partition(f"def {function}() -> None:\n")
    lines = []
    for line in rest.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    if lines and lines[0].startswith('"""'):
        lines = lines[1:]
    return "\n".join(lines).rstrip("\n") + "\n"


def output_problems(expect: dict, outcomes: list[Outcome]) -> list[str]:
    found = []
    for outcome in outcomes:
        if outcome.exit != expect["exit"]:
            found.append(f"exit: expected {expect['exit']}, is {outcome.exit}")
        for text in expect.get("stderr_has", []):
            if text not in outcome.stderr:
                found.append(f"stderr lacks {text!r}")
        for text in expect.get("stderr_has_not", []):
            if text in outcome.stderr:
                found.append(f"stderr has {text!r}")
    stdout = outcomes[0].stdout
    if "stdout" in expect and stdout != expect["stdout"]:
        found.append(f"stdout:{difference(expect['stdout'], stdout)}")
    # What stood for ids had another order than the ids have.
    if "stdout_sorted" in expect and sorted(stdout.splitlines()) != sorted(expect["stdout_sorted"]):
        found.append("stdout, sorted:" + difference("\n".join(sorted(expect["stdout_sorted"])),
                                                    "\n".join(sorted(stdout.splitlines()))))
    if "running_upgrade_lines" in expect:
        lines = sorted(line for outcome in outcomes for line in RUNNING.findall(outcome.stderr))
        if lines != expect["running_upgrade_lines"]:
            found.append("lines 'Running upgrade' of all processes:"
                         + difference("\n".join(expect["running_upgrade_lines"]), "\n".join(lines)))
    return found


def state_problems(expect: dict, schema: str, state: State) -> list[str]:
    """`schema`: the text of the file that `schema_after` names."""
    found = []
    if in_order(state.version_rows) != in_order(expect["version_rows"]):
        found.append(f"version_rows: expected {expect['version_rows']}, is {state.version_rows}")
    if state.schema != schema:
        found.append(f"schema_after ({expect['schema_after']}):{difference(schema, state.schema)}")
    for query, rows in zip(expect.get("rows", []), state.rows, strict=True):
        if rows != query["rows"]:
            found.append(f"rows of {query['sql']}: expected {query['rows']}, is {rows}")
    return found


def generated_problems(expect: dict | None, files: dict[str, str]) -> list[str]:
    if expect is None:
        return [f"has made the file {path}" for path in files]
    if list(files) != [expect["path"]]:
        return [f"generated: expected {expect['path']}, is {', '.join(files) or 'no new file'}"]
    text, found = files[expect["path"]], []
    if text != expect["text"]:
        found.append(f"generated {expect['path']}:{difference(expect['text'], text)}")
    for function in ("upgrade", "downgrade"):
        if body(text, function) != expect[function]:
            found.append(f"generated, body of {function}:{difference(expect[function], body(text, function))}")
    return found

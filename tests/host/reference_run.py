# SPDX-License-Identifier: Apache-2.0
"""Stillhead's side of the part "Migrating" of docs/script-host.md, for projects whose graph is simple.

Reads the revisions of a project without running them, starts the child, answers what it asks, keeps all of it.
"""
import ast
import json
import pathlib
import re
import socket
import subprocess
import tempfile

from reference_engine import Engine, Failed

PYTHON = pathlib.Path(__file__).resolve().parents[2] / "engine/python"


def first_line():
    """The text of all modules, as Stillhead sends it."""
    texts = {}
    for path in sorted(PYTHON.glob("stillhead_host/**/*.py")):
        name = ".".join(path.relative_to(PYTHON).with_suffix("").parts)
        texts[name.removesuffix(".__init__")] = path.read_text()
    return json.dumps(texts)


def revisions_of(folder):
    """The graph of the scripts in `folder`, as a command has it."""
    entries = [_python_entry(path) if path.suffix == ".py" else _sql_entry(path)
               for path in sorted(folder.iterdir()) if path.suffix in (".py", ".sql")]
    return [entry for entry in entries if entry]


def _python_entry(path):
    text = path.read_text()
    try:
        tree = ast.parse(text)
    except SyntaxError:  # the head of the file must do
        tree = ast.parse(text[:text.index("\nfrom alembic import op")])
    values = {target.id: ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
              for target in node.targets if isinstance(target, ast.Name)
              and target.id in ("revision", "down_revision", "depends_on", "branch_labels")}
    return _entry(values["revision"], path, values.get("down_revision"), values.get("depends_on"),
                  values.get("branch_labels"), (ast.get_docstring(tree) or "").split("\n\n")[0], True)


def _sql_entry(path):
    head = dict(re.findall(r"^-- (\w+): (.*)$", path.read_text(), re.MULTILINE))
    return _entry(head["revision"], path, head.get("down_revision"), None, None, head.get("message", ""), False)


def _entry(revision, path, down, depends, labels, message, host):
    def listed(value):
        return [] if value is None else [value] if isinstance(value, str) else list(value)
    return {"id": revision, "file": str(path), "down": listed(down), "depends": listed(depends),
            "labels": listed(labels), "message": message, "host": host}


def ancestors(graph, heads):
    """With the heads themselves."""
    seen, todo = set(), list(heads)
    while todo:
        revision = todo.pop()
        if revision not in seen:
            seen.add(revision)
            todo += graph[revision]["down"] + graph[revision]["depends"]
    return seen


def in_order(graph):
    """Each revision after all that it stands on."""
    order = []
    while len(order) < len(graph):
        order += [entry["id"] for entry in graph.values() if entry["id"] not in order
                  and all(below in order for below in entry["down"] + entry["depends"])]
    return order


def steps_to(target, direction, graph, heads):
    """What `alembic DIRECTION TARGET` would do; relative targets for one line of revisions only."""
    order, applied = in_order(graph), ancestors(graph, heads)
    if direction == "upgrade":
        wanted = set(order) if target in ("head", "heads") else ancestors(graph, [target]) if target in graph else None
        todo = [revision for revision in order if revision not in applied]
        chosen = todo[:int(target)] if wanted is None else [revision for revision in todo if revision in wanted]
    else:
        done = [revision for revision in reversed(order) if revision in applied]
        kept = set() if target == "base" else ancestors(graph, [target]) if target in graph else None
        chosen = done[:-int(target)] if kept is None else [revision for revision in done if revision not in kept]
    return [{"revision": revision, "direction": direction} for revision in chosen]


def start_fresh(python, folder, environment):
    """For Run: a process as Stillhead starts it."""
    def start(channel):
        output = [tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")]
        child = subprocess.Popen([python, "-c", (PYTHON / "stillhead_host/bootstrap.py").read_text(), str(channel.fileno())],
                                 cwd=folder, env=environment, pass_fds=[channel.fileno()], stdin=subprocess.DEVNULL,
                                 stdout=output[0], stderr=output[1])

        def finish():
            code = child.wait(timeout=120)
            for file in output:
                file.seek(0)
            return (code, *[file.read() for file in output])

        return finish

    return start


class Databases(Engine):
    """The connections of a child with our driver, answered by the one that asks."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.connections, self.cursors, self.last_cursor = {}, {}, 0

    def asked(self, request):
        try:
            return self.answer(request)
        except Failed as failure:
            return {"error": failure.members}

    def close(self):
        for connection in self.connections.values():
            connection.close()


class Run:
    """One child and all that it asks. After it: `asked` (less what the driver asks), `failed` (the error or
    None), `finished`, `code`, `stdout`, `stderr`.

    `start(socket)` starts the child and returns what waits for its end: a function that gives the last three.
    `answer(request)` is called first for each request; what it returns other than None is the answer.
    """

    def __init__(self, start, command, heads=None, answer=None, on_request=None):
        self.asked, self.failed, self.finished = [], None, False
        self._command = command
        self._graph = {entry["id"]: entry for entry in command.get("revisions") or ()}
        self._heads, self._answer, self._on_request = heads, answer, on_request
        self._databases, self._connection = Databases(), None
        ours, theirs = socket.socketpair()
        with theirs:
            finish = start(theirs)
        try:
            self._serve(ours)
        except ConnectionError:
            pass  # the child has ended
        finally:
            ours.close()
            self._databases.close()
            self.code, self.stdout, self.stderr = finish()

    def asked_for(self, what):
        return [request for request in self.asked if request["do"] == what]

    def _serve(self, channel):
        channel.sendall(first_line().encode() + b"\n" + json.dumps(self._command).encode() + b"\n")
        for line in channel.makefile("rb"):
            request = json.loads(line)
            if hasattr(self._databases, "do_" + request["do"]) and request["do"] != "warn":
                channel.sendall(json.dumps(self._databases.asked(request)).encode() + b"\n")
                continue
            self.asked.append(request)
            if self._on_request:
                self._on_request(self, request)
            channel.sendall(json.dumps(self._answer_to(request)).encode() + b"\n")

    def _answer_to(self, request):
        special = self._answer(request) if self._answer else None
        if special is not None:
            return special
        if request["do"] == "begin_run":
            self._connection = request["connection"]
            heads = self._heads(request)
            argv = self._command["argv"]
            direction = "upgrade" if "upgrade" in argv else "downgrade"
            target = argv[argv.index(direction) + 1]
            return {"heads": heads, "steps": steps_to(target, direction, self._graph, heads)}
        if request["do"] == "begin_step":
            return self._begin_step(self._graph[request["revision"]], request["direction"])
        self.failed = request["error"] if request["do"] == "failed" else self.failed
        self.finished = self.finished or request["do"] == "finished"
        return {}

    def _begin_step(self, entry, direction):
        if entry["host"]:
            return {}
        section = pathlib.Path(entry["file"]).read_text().split(f"-- stillhead:{direction}\n")[1]
        body = section.split("-- stillhead:")[0]
        statements = [statement.strip() for statement in body.split(";\n") if statement.strip()]
        if self._connection is None:
            return {"statements": statements}
        for statement in statements:
            self._databases.do_execute({"connection": self._connection, "sql": statement})
        return {"ran": True}

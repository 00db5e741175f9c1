# SPDX-License-Identifier: Apache-2.0
"""PYTHON -c BOOTSTRAP FD: makes stillhead_host from the first line on the socket FD, and starts it.

The line is a JSON object, names of modules to their texts. What follows is left to stillhead_host.
"""
import json
import os
import socket
import sys
from importlib.machinery import ModuleSpec


class Modules:
    """A meta path finder and loader for modules that are in memory only."""

    def __init__(self, texts):
        self._texts = texts

    def find_spec(self, name, path=None, target=None):
        if name not in self._texts:
            return None
        package = any(other.startswith(name + ".") for other in self._texts)
        file = name.replace(".", "/") + ("/__init__.py" if package else ".py")
        return ModuleSpec(name, self, origin=file, is_package=package)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        spec = module.__spec__
        exec(compile(self._texts[spec.name], spec.origin, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):  # tracebacks show the lines
        return self._texts[name]


def read_first_line(fd):
    """Nothing behind the line is taken from the socket."""
    channel = socket.socket(fileno=fd)
    line = b""
    while not line.endswith(b"\n"):
        seen = channel.recv(65536, socket.MSG_PEEK)
        if not seen:
            os._exit(1)
        line += channel.recv(seen.find(b"\n") + 1 or len(seen))
    channel.detach()
    return line


def start(fd):
    if sys.path[:1] == [""]:  # the folder that -c adds
        del sys.path[0]
    sys.meta_path.insert(0, Modules(json.loads(read_first_line(fd))))
    from stillhead_host.main import leave, run
    leave(run(fd))


if __name__ == "__main__":
    start(int(sys.argv[1]))

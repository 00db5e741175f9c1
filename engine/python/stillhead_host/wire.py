# SPDX-License-Identifier: Apache-2.0
"""The socket to Stillhead: one request, one answer, each a line of JSON (docs/script-host.md).

A socket that is closed by the other side ends the child at once: nobody is left to tell anything to.
"""
import json
import os
import socket
import threading

# What the process ends with when the other side is gone. Nobody is there to see it.
LOST = 1
PART = 65536
CLOSING = ("close", "disconnect", "rollback")  # done when the other side has gone


class _Told:
    """Of an answer `{"error": {...}}`: `members` is that object, `message` its text in one line."""

    def __init__(self, members):
        super().__init__(members.get("message", ""))
        self.members = members
        self.message = members.get("message", "")


class WireError(_Told, Exception):
    """What a script may handle."""


class DatabaseError(WireError):
    """A statement failed. `members` has sqlstate, detail, hint ... where the database gave them."""


class ConnectionLost(WireError):
    """The connection to the database is gone."""


class _Stop(_Told, BaseException):
    """No `except Exception` of a script may go on after it."""


class Refused(_Stop):
    """The run must not go on."""


class Interrupted(_Stop):
    """The run was told to stop, or its time is over."""


class Lost(_Stop):
    """Stillhead has gone, where that must not end the process."""


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_decode = json.JSONDecoder().raw_decode
KINDS = {"database": DatabaseError, "connection": ConnectionLost, "refused": Refused,
         "interrupted": Interrupted}


class Wire:
    """Owns the socket `fd`. Threads may share it; a forked child may not use it.

    `on_break`: the process goes on after the run. Called with what a signal's handler raises while an answer
    is under way, so that Stillhead can be told to give up.
    """

    def __init__(self, fd, on_break=None):
        self._on_break = on_break
        self._over = False
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._mutex = threading.RLock()
        self._part = bytearray(PART)  # what is received at once
        self._buffer = bytearray()
        self._unread = 0
        self._process = os.getpid()

    def request(self, **members):
        """Sends `members`, waits for the answer and returns it. Raises WireError, Refused or Interrupted."""
        line = (_encode(members) + "\n").encode("utf-8")
        if os.getpid() != self._process:
            raise RuntimeError("a forked process cannot use the connection that its parent has from "
                               "Stillhead: connect to the database in it by another driver")
        with self._mutex:
            if self._over:
                return _after_the_end(members["do"])
            try:
                answer = self._exchange(line)
            except Lost:
                if members["do"] in CLOSING:
                    return {}
                raise
            except BaseException as error:
                if self._on_break is not None:
                    self._on_break(error)
                raise
        if "error" in answer:
            raise KINDS.get(answer["error"].get("kind"), Refused)(answer["error"])
        return answer

    def end(self):
        """The run is over; connections that are left can only be closed."""
        with self._mutex:
            self._over = True
            self._socket.close()

    def _exchange(self, line):
        # A signal's handler may have raised while an answer was under way.
        while self._unread:
            self.read_line()
            self._unread -= 1
        self._unread += 1
        self._send(line)
        answer, _ = _decode(self.read_line())
        self._unread -= 1
        return answer

    def read_line(self):
        """The next line from the other side, without its end; the first ones are not answers."""
        seen = 0
        while True:
            end = self._buffer.find(b"\n", seen)
            if end >= 0:
                line = self._buffer[:end].decode("utf-8")
                del self._buffer[:end + 1]
                return line
            seen = len(self._buffer)
            try:
                count = self._socket.recv_into(self._part)
            except OSError:
                count = 0
            if not count:
                self._lose()
            if not self._buffer and self._part.find(b"\n", 0, count) == count - 1:
                return self._part[:count - 1].decode("utf-8")
            self._buffer += memoryview(self._part)[:count]

    def _send(self, line):
        sent = 0
        try:
            view = memoryview(line)
            while sent < len(line):
                sent += self._socket.send(view[sent:])
        except OSError:
            self._lose()
        except BaseException as error:
            if sent:  # half a request: the next one could not be told from it
                if self._on_break is not None:
                    self._on_break(error)
                self._lose()
            self._unread -= 1  # nobody will answer it
            raise

    def _lose(self):
        if self._on_break is None:
            os._exit(LOST)
        self._socket.close()
        raise Lost({"message": "the program stillhead has ended before the run had"})


def _after_the_end(what):
    if what in CLOSING:
        return {}
    raise ConnectionLost({"kind": "connection", "message": "this connection was that of a migration run, "
                                                           "which is over"})


_of_process = []


def share(wire):
    """Makes `wire` the one that drivers in this process use."""
    _of_process[:] = [wire]


def shared():
    """What share() was given."""
    return _of_process[0]

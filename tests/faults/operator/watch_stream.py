# SPDX-License-Identifier: Apache-2.0
"""One watch on its way through the proxy: its events can be dropped, held, repeated, rewound, made up."""

import http.client
import json
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

CLIENT_LOOK = 1000  # milliseconds between two looks at whether the client is still there


@dataclass
class EventRule:
    """`action(line, event)` returns the lines that are sent in its place. Raises ConnectionError: cut."""

    action: Callable[[bytes, dict], list[bytes]]
    kind: str = ""
    type: str = ""  # ADDED, MODIFIED, DELETED, BOOKMARK
    matches: Callable[[dict], bool] = field(default=lambda event: True)
    times: int | None = None
    done: int = 0

    def takes(self, kind: str, event: dict) -> bool:
        if self.kind not in ("", kind) or self.type not in ("", event["type"]) or not self.matches(event):
            return False
        if self.times is not None and self.done >= self.times:
            return False
        self.done += 1
        return True


def drop(_line: bytes, _event: dict) -> list[bytes]:
    return []


def duplicate(line: bytes, _event: dict) -> list[bytes]:
    return [line, line]


def hold_until(release: threading.Event):
    """This event, and so all behind it, comes late."""
    def action(line: bytes, _event: dict) -> list[bytes]:
        release.wait()
        return [line]
    return action


def replace_by(*lines: bytes):
    return lambda _line, _event: list(lines)


def error_event(code: int, reason: str) -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
              "reason": reason, "message": f"{reason}, as the bench wants it"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def cut_in_the_middle(line: bytes, _event: dict) -> list[bytes]:
    """Half of the event, and then the end of the connection."""
    return [line[:len(line) // 2], b""]


class Stream:
    """Lives as long as the watch. Others may call cut, freeze, thaw, rewind."""

    def __init__(self, exchange, response: http.client.HTTPResponse, headers):
        self.exchange, self.response, self.headers = exchange, response, headers
        self.proxy, self.kind = exchange.proxy, exchange.request.kind
        self.sent: list[bytes] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._sending = threading.Lock()
        self._over = threading.Event()

    def run(self, send: Callable[[bytes], None] | None = None) -> None:
        self.proxy.streams.append(self)
        threading.Thread(target=self._end_with_client, daemon=True).start()
        self.write = send or self.exchange.send
        head = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in self.headers),
                "Transfer-Encoding: chunked"]
        try:
            self.exchange.send("\r\n".join(head).encode() + b"\r\n\r\n")
            while line := self.response.readline():
                for piece in self._instead_of(line):
                    self._flowing.wait()
                    self._send(piece)
            self._send(b"", last=True)
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            self._over.set()
            self.proxy.streams.remove(self)
            self.exchange.handler.drop_upstream()

    def _instead_of(self, line: bytes) -> list[bytes]:
        event = json.loads(line)
        for rule in list(self.proxy.event_rules):
            if rule.takes(self.kind, event):
                return rule.action(line, event)
        return [line]

    def _send(self, piece: bytes, last: bool = False) -> None:
        if not piece and not last:
            raise ConnectionAbortedError
        with self._sending:
            self.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.sent.append(piece)

    def _end_with_client(self) -> None:
        """A client that has gone must not keep a watch open at the server until its next event."""
        poll = select.poll()
        poll.register(self.exchange.handler.connection.fileno(),
                      select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        while not self._over.is_set():
            if poll.poll(CLIENT_LOOK):
                self._close(self.exchange.handler.upstream().sock)
                self.thaw()
                return

    @staticmethod
    def _close(stream: socket.socket | None) -> None:
        try:
            if stream:
                stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def cut(self) -> None:
        self._close(self.exchange.handler.connection)

    def freeze(self) -> None:
        """Half-open: nothing comes any more, and nobody says so."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def rewind(self, count: int) -> None:
        """Sends the last `count` lines once more, which are older than what the client knows."""
        for piece in [line for line in self.sent if line][-count:]:
            self._send(piece)

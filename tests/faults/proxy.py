# SPDX-License-Identifier: Apache-2.0
"""A proxy between libpq and PostgreSQL that counts what the client sends and breaks things at one place.

Unix sockets only: no TLS, no negotiation. A message is what PostgreSQL's protocol calls one; the start-up
message counts, too.
"""
import pathlib
import socket
import struct
import threading
import time
from collections.abc import Callable


def receive(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


class Link:
    """One connection of the client, and its backend."""

    def __init__(self, client: socket.socket, server: socket.socket, proxy: "Proxy"):
        self.client, self.server, self.proxy = client, server, proxy
        self.backend = 0
        self.muted = False  # what the server says is not passed on
        self.ready = threading.Event()  # the server has answered the last message
        threading.Thread(target=self.upstream, daemon=True).start()
        threading.Thread(target=self.downstream, daemon=True).start()

    def upstream(self) -> None:
        try:
            head = receive(self.client, 4)
            self.proxy.pass_on(self, head + receive(self.client, struct.unpack("!I", head)[0] - 4))
            while True:
                head = receive(self.client, 5)
                body = receive(self.client, struct.unpack("!I", head[1:])[0] - 4)
                self.proxy.pass_on(self, head + body)
        except OSError:
            self.close()

    def downstream(self) -> None:
        try:
            while True:
                head = receive(self.server, 5)
                body = receive(self.server, struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] == b"K":
                    self.backend = struct.unpack("!I", body[:4])[0]
                if not self.muted:
                    self.client.sendall(head + body)
                if head[:1] == b"Z":
                    self.ready.set()
        except OSError:
            self.close()

    def send(self, message: bytes) -> None:
        self.ready.clear()
        self.server.sendall(message)

    def close(self) -> None:
        self.ready.set()
        for stream in (self.client, self.server):
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            stream.close()


class Proxy:
    def __init__(self, folder: pathlib.Path, port: int, server: pathlib.Path):
        self.server = server
        self.lock = threading.Lock()
        self.delay = 0.0  # seconds, of each message of the client
        self.count = 0
        self.place = -1
        self.action: Callable[[Link, bytes], None] | None = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / f".s.PGSQL.{port}"))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.server))
            except OSError:
                client.close()
                continue
            Link(client, server, self)

    def arm(self, place: int, action: Callable[[Link, bytes], None] | None) -> None:
        """`action` takes the message number `place` (from 0) instead of passing it on; None: only count."""
        with self.lock:
            self.count, self.place, self.action = 0, place, action

    def pass_on(self, link: Link, message: bytes) -> None:
        if message[:1] == b"X":
            link.send(message)
            return
        time.sleep(self.delay)
        with self.lock:
            here = self.count == self.place and self.action is not None
            self.count += 1
        if here:
            self.action(link, message)
        else:
            link.send(message)

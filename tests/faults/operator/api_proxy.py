# SPDX-License-Identifier: Apache-2.0
"""A proxy between an operator and the API server that breaks requests and watches in chosen ways.

It ends TLS on both sides and passes the client's token on. What it does to a request says the first Rule that
matches (verbs.py); what it does to a watch's events say EventRules (watch_stream.py).
"""

import http.client
import http.server
import pathlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import processes
from verbs import pass_on
from watch_stream import EventRule, Stream

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}  # headers of one leg only
READ = ("GET", "HEAD")
Send = Callable[[bytes], None]


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes
    kind: str = ""  # "jobs", "databasemigrations/status"
    name: str = ""
    is_watch: bool = False

    @property
    def is_write(self) -> bool:
        return self.method not in READ

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def __str__(self):
        return f"{'WATCH' if self.is_watch else self.method} {self.kind} {self.name}".rstrip()


def read_request(method: str, target: str, headers: dict, body: bytes) -> Request:
    address = urlsplit(target)
    parts = address.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    kind = "/".join(parts[:1] + parts[2:])
    return Request(method, target, headers, body, kind, parts[1] if len(parts) > 1 else "",
                   bool(parse_qs(address.query).get("watch")))


@dataclass
class Rule:
    """`action` is done to requests that match: after the first `skip` of them, `times` times
    (None: always)."""

    action: Callable
    method: str = ""
    kind: str = ""
    write: bool | None = None
    watch: bool | None = None
    matches: Callable[[Request], bool] = field(default=lambda request: True)
    skip: int = 0
    times: int | None = None
    seen: int = 0  # requests that matched so far
    done: int = 0  # of them, those that it was done to

    def takes(self, request: Request) -> bool:
        """Counts. To be called by one thread at a time."""
        fits = (self.method in ("", request.method) and self.kind in ("", request.kind)
                and self.write in (None, request.is_write) and self.watch in (None, request.is_watch)
                and self.matches(request))
        if not fits:
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.done >= self.times):
            return False
        self.done += 1
        return True


class Cut(Exception):
    """The client's connection is to be closed without another word."""


class Exchange:
    """One request on its way; what verbs work with."""

    def __init__(self, handler: "Handler", request: Request):
        self.handler, self.request, self.proxy = handler, request, handler.server.proxy

    def forward(self) -> http.client.HTTPResponse:
        """The server has answered. Throws Cut where it does not."""
        request = self.request
        connection = self.handler.upstream()
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() not in HOP | {"host", "accept-encoding"}}
        try:
            connection.request(request.method, request.path, request.body or None, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as lost:
            self.handler.drop_upstream()
            raise Cut from lost

    def hand_back(self, response: http.client.HTTPResponse, send: Send | None = None) -> None:
        """Passes an answer on; `send` writes its bytes, if in another way than at once."""
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP]
        if self.request.is_watch and response.status == 200:
            Stream(self, response, headers).run(send)
            raise Cut
        try:
            data = response.read()
        except (OSError, http.client.HTTPException) as lost:
            self.handler.drop_upstream()
            raise Cut from lost
        self.reply(response.status, data, headers, send)

    def reply(self, status: int, data: bytes, headers=(), send: Send | None = None) -> None:
        head = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in headers] + [f"Content-Length: {len(data)}"]
        (send or self.send)("\r\n".join(head).encode() + b"\r\n\r\n" + data)

    def send(self, data: bytes) -> None:
        try:
            self.handler.connection.sendall(data)
        except OSError as lost:
            raise Cut from lost


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600
    _connection = None

    def setup(self) -> None:
        self.request.settimeout(20)
        self.request = self.server.proxy.context.wrap_socket(self.request, server_side=True)
        super().setup()
        self.server.proxy.connections.add(self.connection)

    def finish(self) -> None:
        self.server.proxy.connections.discard(self.connection)
        self.drop_upstream()
        try:
            super().finish()
            self.connection.close()
        except OSError:
            pass

    def upstream(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            proxy = self.server.proxy
            self._connection = http.client.HTTPSConnection("127.0.0.1", proxy.upstream_port, timeout=600,
                                                           context=proxy.upstream_context)
        return self._connection

    def drop_upstream(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = read_request(self.command, self.path, dict(self.headers.items()), body)
        exchange = Exchange(self, request)
        try:
            self.server.proxy.action_for(request)(exchange)
        except (Cut, OSError):
            self.close_connection = True
            close_both_ways(self.connection)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_request

    def log_message(self, *_) -> None:
        """Nothing: the audit log has it all."""


def close_both_ways(stream: socket.socket) -> None:
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    proxy: "ApiProxy"

    def handle_error(self, *_) -> None:
        """A client that was killed in the middle of something is what the bench is for."""


class ApiProxy:
    """Listens on `port` until stop()."""

    def __init__(self, upstream_port: int, authority: pathlib.Path, certificate: pathlib.Path,
                 key: pathlib.Path):
        self.upstream_port = upstream_port
        self.upstream_context = ssl.create_default_context(cafile=str(authority))
        self.use_certificate(certificate, key)
        self.rules: list[Rule] = []
        self.event_rules: list[EventRule] = []
        self.requests: list[Request] = []  # all of them, in the order in which they came
        self.connections: set[socket.socket] = set()
        self.streams: list[Stream] = []
        self._lock = threading.Lock()
        self.port = processes.free_port()
        self.listener = Listener(("127.0.0.1", self.port), Handler)
        self.listener.proxy = self
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def use_certificate(self, certificate: pathlib.Path, key: pathlib.Path) -> None:
        """For connections that are opened from now on."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def action_for(self, request: Request) -> Callable[[Exchange], None]:
        with self._lock:
            self.requests.append(request)
            return next((rule.action for rule in self.rules if rule.takes(request)), pass_on)

    def add(self, action: Callable[[Exchange], None], **matching) -> Rule:
        rule = Rule(action, **matching)
        with self._lock:
            self.rules.append(rule)
        return rule

    def add_event_rule(self, action, **matching) -> EventRule:
        rule = EventRule(action, **matching)
        with self._lock:
            self.event_rules.append(rule)
        return rule

    def clear(self) -> None:
        with self._lock:
            self.rules.clear()
            self.event_rules.clear()

    def live_streams(self, kind: str = "") -> list[Stream]:
        return [stream for stream in list(self.streams) if kind in ("", stream.kind)]

    def cut_watches(self, kind: str = "") -> None:
        for stream in self.live_streams(kind):
            stream.cut()

    def cut_all(self) -> None:
        for connection in list(self.connections):
            close_both_ways(connection)

    def route_to(self, port: int) -> None:
        """To another API server from now on; what is open is cut."""
        self.upstream_port = port
        self.cut_all()

    def stop(self) -> None:
        for stream in self.live_streams():
            stream.thaw()
        self.listener.shutdown()
        self.listener.server_close()
        self.cut_all()

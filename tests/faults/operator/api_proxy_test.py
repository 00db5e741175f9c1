#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each verb of the fault proxy, against a small HTTPS server that plays the API server."""

import http.client
import http.server
import json
import pathlib
import ssl
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import verbs  # noqa: E402
import watch_stream  # noqa: E402
from api_proxy import ApiProxy, read_request  # noqa: E402
from certificates import Authority  # noqa: E402

JOBS = "/apis/batch/v1/namespaces/n/jobs"


def event(kind: str, version: int) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"name": "j", "resourceVersion": str(version)}}}
                      ).encode() + b"\n"


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    posts: list[bytes] = []
    events: list[bytes] = []
    more = threading.Event()

    def do_GET(self):
        if "watch=1" not in self.path:
            self.answer(b'{"items": []}')
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in self.events:
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()
        self.more.wait(5)
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        self.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(b'{"kind": "Job"}', 201)

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Killed:
    def __init__(self):
        self.posts_then = None

    def kill(self):
        self.posts_then = len(Upstream.posts)


class ApiProxyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.authority = Authority(pathlib.Path(cls.folder.name))
        cls.certificate, cls.key = cls.authority.issue("server", "/CN=server")
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.certificate, cls.key)
        cls.server.socket = context.wrap_socket(cls.server.socket, server_side=True)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        cls.folder.cleanup()

    def setUp(self):
        Upstream.posts, Upstream.events = [], []
        Upstream.more.clear()
        self.proxy = ApiProxy(self.server.server_port, self.authority.certificate, self.certificate, self.key)
        self.addCleanup(self.proxy.stop)
        self.addCleanup(Upstream.more.set)

    def connect(self):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        connection = http.client.HTTPSConnection("127.0.0.1", self.proxy.port, context=context, timeout=10)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method="GET", path=JOBS, body=None):
        connection = self.connect()
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer

    def watch(self):
        connection = self.connect()
        connection.request("GET", JOBS + "?watch=1")
        return connection.getresponse()

    def test_a_request_is_understood(self):
        name = f"{JOBS}/x"
        crs = "/apis/stillhead.dev/v1alpha1/namespaces/n/databasemigrations/orders/status"
        for path, kind, of in ((JOBS, "jobs", ""), (name, "jobs", "x"), ("/api/v1/pods?watch=1", "pods", ""),
                               ("/api/v1/namespaces/n/configmaps", "configmaps", ""),
                               (crs, "databasemigrations/status", "orders")):
            request = read_request("GET", path, {}, b"")
            self.assertEqual((kind, of), (request.kind, request.name), path)
        self.assertTrue(read_request("GET", "/api/v1/pods?watch=1", {}, b"").is_watch)

    def test_passes_on(self):
        self.assertEqual((200, b'{"items": []}'), self.ask()[:2])
        self.assertEqual(201, self.ask("POST", body=b"{}")[0])
        self.assertEqual(["GET jobs", "POST jobs"], [str(request) for request in self.proxy.requests])

    def test_cut_before_forward_and_after_commit(self):
        for action, posts in ((verbs.cut_before_forward, 0), (verbs.cut_after_commit, 1)):
            self.proxy.clear()
            self.proxy.add(action, method="POST", times=1)
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.ask("POST", body=b"{}")
            self.assertEqual(posts, len(Upstream.posts))

    def test_kill_before_forward_and_after_commit(self):
        for verb, posts in ((verbs.kill_before_forward, 0), (verbs.kill_after_commit, 1)):
            killed = Killed()
            self.proxy.clear()
            self.proxy.add(verb(killed), write=True, skip=0, times=1)
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.ask("POST", body=b"{}")
            self.assertEqual((posts, posts), (killed.posts_then, len(Upstream.posts)))

    def test_a_rule_counts(self):
        rule = self.proxy.add(verbs.refuse(500), method="GET", skip=1, times=2)
        self.assertEqual([200, 500, 500, 200], [self.ask()[0] for _ in range(4)])
        self.assertEqual((4, 2), (rule.seen, rule.done))

    def test_refuses_with_and_without_retry_after(self):
        self.proxy.add(verbs.refuse(429, "TooManyRequests", retry_after=7), times=1)
        status, body, answer = self.ask()
        self.assertEqual((429, "7", "TooManyRequests"),
                         (status, answer.getheader("Retry-After"), json.loads(body)["reason"]))
        self.proxy.add(verbs.page(503), times=1)
        self.assertIn(b"<html>", self.ask()[1])

    def test_delays_and_holds(self):
        self.proxy.add(verbs.delay(0.3), times=1)
        begin = time.monotonic()
        self.ask()
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        release = threading.Event()
        self.proxy.add(verbs.hold_reply(release), method="POST", times=1)
        connection = self.connect()
        connection.request("POST", JOBS, b"{}")
        connection.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            connection.getresponse()
        self.assertEqual(1, len(Upstream.posts))
        release.set()

    def test_answers_in_pieces(self):
        self.proxy.add(verbs.in_pieces(1), times=1)
        self.assertEqual(b'{"items": []}', self.ask()[1])

    def test_a_watch_passes(self):
        Upstream.events = [event("ADDED", 1), event("MODIFIED", 2)]
        self.assertEqual(Upstream.events, [self.watch().readline(), event("MODIFIED", 2)])

    def test_events_are_dropped_doubled_held_and_made_up(self):
        Upstream.events = [event("ADDED", 1), event("MODIFIED", 2), event("DELETED", 3)]
        Upstream.more.set()
        gone = watch_stream.error_event(410, "Expired")
        wanted = {
            watch_stream.drop: [event("ADDED", 1), event("DELETED", 3)],
            watch_stream.duplicate: [event("ADDED", 1), event("MODIFIED", 2), event("MODIFIED", 2),
                                     event("DELETED", 3)],
            watch_stream.replace_by(gone): [event("ADDED", 1), gone, event("DELETED", 3)],
        }
        for action, lines in wanted.items():
            self.proxy.clear()
            self.proxy.add_event_rule(action, kind="jobs", type="MODIFIED", times=1)
            self.assertEqual(b"".join(lines), self.watch().read())
        release = threading.Event()
        self.proxy.clear()
        self.proxy.add_event_rule(watch_stream.hold_until(release), type="MODIFIED")
        stream = self.watch()
        stream.readline()
        threading.Timer(0.3, release.set).start()
        begin = time.monotonic()
        self.assertEqual(event("MODIFIED", 2), stream.readline())
        self.assertGreater(time.monotonic() - begin, 0.2)

    def test_a_watch_is_cut_in_the_middle_of_an_event(self):
        Upstream.events = [event("ADDED", 1)]
        self.proxy.add_event_rule(watch_stream.cut_in_the_middle)
        with self.assertRaises((OSError, http.client.HTTPException)):
            stream = self.watch()
            while stream.read(10):
                pass
            raise ConnectionError("ended without a last chunk")

    def test_a_watch_is_cut_frozen_and_rewound(self):
        Upstream.events = [event("ADDED", 1), event("MODIFIED", 2)]
        stream = self.watch()
        self.assertEqual([event("ADDED", 1), event("MODIFIED", 2)], [stream.readline(), stream.readline()])
        self.proxy.live_streams("jobs")[0].rewind(2)
        self.assertEqual([event("ADDED", 1), event("MODIFIED", 2)], [stream.readline(), stream.readline()])
        self.proxy.live_streams()[0].freeze()
        self.proxy.cut_watches()
        with self.assertRaises((OSError, http.client.HTTPException)):
            if not stream.read():
                raise ConnectionError

    def test_routes_elsewhere(self):
        self.proxy.route_to(1)
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.ask()


if __name__ == "__main__":
    unittest.main()

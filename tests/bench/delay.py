#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy in front of a Unix socket that keeps all bytes for a while, each way, as a far network does.

  tests/bench/delay.py SOCKET [--delay MILLISECONDS] [--rate BYTES_PER_SECOND]

Order is kept, and any amount may be under way. With a rate, no more than that goes through a connection
each way, and who sends more has to wait. Prints its port on 127.0.0.1, and ends when its standard input
does.
"""
import argparse
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

PIECE = 65536  # bytes
RATED_PIECE = 8192  # with a rate, and a buffer of the system's as small as it may be


class Way:
    """One direction of one connection."""

    def __init__(self, source: socket.socket, sink: socket.socket, delay: float, rate: float):
        self.source, self.sink, self.delay, self.rate = source, sink, delay, rate
        self.under_way: queue.Queue = queue.Queue(maxsize=1 if rate else 0)
        threading.Thread(target=self.receive, daemon=True).start()
        threading.Thread(target=self.deliver, daemon=True).start()

    def receive(self) -> None:
        data = b"-"
        while data:
            try:
                data = self.source.recv(RATED_PIECE if self.rate else PIECE)
            except OSError:
                data = b""
            self.under_way.put((time.monotonic() + self.delay, data))

    def deliver(self) -> None:
        free = 0.0  # from then on the line is
        while True:
            due, data = self.under_way.get()
            due = max(due, free)
            time.sleep(max(due - time.monotonic(), 0))
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_WR)
                    return
                self.sink.sendall(data)
            except OSError:
                self.give_up()
                return
            if self.rate:
                free = max(due, time.monotonic() - 0.1) + len(data) / self.rate

    def give_up(self) -> None:
        """The sink is gone: let the source hear of it, and leave nobody waiting for room."""
        try:
            self.source.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        while self.under_way.get()[1]:
            pass


def serve(listener: socket.socket, target: str, delay: float, rate: float) -> None:
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = socket.socket(socket.AF_UNIX)
        if rate:
            for stream in (client, server):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RATED_PIECE)
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RATED_PIECE)
        try:
            server.connect(target)
        except OSError:
            client.close()
            continue
        Way(client, server, delay, rate)
        Way(server, client, delay, rate)


class Delay:
    """The proxy as a process of its own, so that whoever measures does not disturb it."""

    def __init__(self, target: pathlib.Path, seconds: float = 0, rate: float = 0):
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(target), "--delay", str(seconds * 1000), "--rate", str(rate)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> "Delay":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("socket")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--rate", type=float, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who measures ends it
    pathlib.Path("/proc/self/timerslack_ns").write_text("1")  # inherited by the threads; else 50 µs
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=serve, daemon=True, args=(listener, options.socket, options.delay / 1000,
                                                      options.rate)).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

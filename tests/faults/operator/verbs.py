# SPDX-License-Identifier: Apache-2.0
"""What can be done to one request: each is an action for api_proxy.Rule."""

import json
import threading
import time


def pass_on(exchange) -> None:
    exchange.hand_back(exchange.forward())


def cut_before_forward(exchange) -> None:
    """The server never hears of it."""
    exchange.handler.close_connection = True
    raise ConnectionAbortedError


def cut_after_commit(exchange) -> None:
    """The server has done it; the client never hears of that."""
    exchange.forward().read()
    raise ConnectionAbortedError


def delay(seconds: float):
    def action(exchange) -> None:
        time.sleep(seconds)
        pass_on(exchange)
    return action


def hold(release: threading.Event, then=pass_on):
    """No answer, and no end of the connection, until `release` is set."""
    def action(exchange) -> None:
        release.wait()
        then(exchange)
    return action


def hold_reply(release: threading.Event):
    """As hold, but the server has it at once."""
    def action(exchange) -> None:
        response = exchange.forward()
        release.wait()
        exchange.hand_back(response)
    return action


def refuse(status: int, reason: str = "", *, retry_after: int | None = None):
    """A refusal in the API server's own form."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": status,
            "message": "as the bench wants it", **({"reason": reason} if reason else {})}
    headers = [("Content-Type", "application/json")]
    headers += [("Retry-After", str(retry_after))] if retry_after is not None else []
    return lambda exchange: exchange.reply(status, json.dumps(body).encode(), headers)


def page(status: int):
    """What a load balancer says that has lost its server."""
    text = b"<html><body><h1>" + str(status).encode() + b"</h1></body></html>"
    return lambda exchange: exchange.reply(status, text, [("Content-Type", "text/html")])


def _in_pieces(exchange, sizes, pause: float):
    def send(data: bytes) -> None:
        rest, at = data, 0
        while rest:
            size = sizes[min(at, len(sizes) - 1)]
            exchange.send(rest[:size])
            rest, at = rest[size:], at + 1
            if pause:
                time.sleep(pause)
    return send


def in_pieces(*sizes: int, pause: float = 0.0):
    """The answer in pieces of these sizes (the last one counts for the rest), and a pause after each."""
    return lambda exchange: exchange.hand_back(exchange.forward(), _in_pieces(exchange, sizes, pause))


def kill_before_forward(process, then=None):
    """SIGKILL of the operator; the request never reaches the server."""
    def action(exchange) -> None:
        process.kill()
        if then:
            then(exchange.request)
        raise ConnectionAbortedError
    return action


def kill_after_commit(process, then=None):
    """The server has done it; SIGKILL before the operator hears of it."""
    def action(exchange) -> None:
        exchange.forward().read()
        process.kill()
        if then:
            then(exchange.request)
        raise ConnectionAbortedError
    return action

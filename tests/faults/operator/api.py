# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API: what the bench does as the administrator, past every proxy."""

import http.client
import json
import pathlib
import ssl
import threading
import time
from urllib.parse import urlencode

PATHS = {
    "databasemigrations": "/apis/stillhead.dev/v1alpha1",
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "events": "/apis/events.k8s.io/v1",
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1",
    "clusterrolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "clusterroles": "/apis/rbac.authorization.k8s.io/v1",
}
MERGE = "application/merge-patch+json"


class ApiFailure(Exception):
    """The server refused, or there is none (status 0)."""

    def __init__(self, status: int, message: str):
        super().__init__(f"{status}: {message}")
        self.status = status


def path_of(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    parts = [PATHS.get(kind, "/api/v1")]
    if namespace:
        parts += ["namespaces", namespace]
    return "/".join(parts + [kind] + [part for part in (name, subresource) if part])


class Client:
    """For any number of threads: each has a connection of its own."""

    def __init__(self, port: int, authority: pathlib.Path, token: str, timeout: float = 30):
        self.port, self.timeout = port, timeout
        self._context = ssl.create_default_context(cafile=str(authority))
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._local = threading.local()

    def connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self._context)

    def call(self, method: str, path: str, body=None, content_type: str = "application/json") -> dict:
        """What the server answers. A GET is tried again once where a kept connection has gone."""
        text = None if body is None else json.dumps(body)
        headers = self._headers | ({"Content-Type": content_type} if body is not None else {})
        for attempt in (1, 2):
            connection = self._kept_connection()
            try:
                connection.request(method, path, text, headers)
                answer = connection.getresponse()
                data = answer.read()
                break
            except (OSError, http.client.HTTPException) as lost:
                connection.close()
                self._local.connection = None
                if attempt == 2 or method != "GET":
                    raise ApiFailure(0, f"{method} {path}: {lost!r}") from lost
        try:
            parsed = json.loads(data) if data else {}
        except ValueError:
            parsed = {"message": data.decode(errors="replace")}
        if answer.status >= 400:
            raise ApiFailure(answer.status, f"{method} {path}: {parsed.get('message', data)}")
        return parsed

    def _kept_connection(self) -> http.client.HTTPSConnection:
        """The thread's own; a new one where the server may have closed it as idle (after 90 s)."""
        idle = time.monotonic() - getattr(self._local, "used", 0)
        if getattr(self._local, "connection", None) is None or idle > 30:
            self._local.connection = self.connect(self.timeout)
        self._local.used = time.monotonic()
        return self._local.connection

    def get(self, kind, namespace="", name="") -> dict | None:
        """None: there is no such object."""
        try:
            return self.call("GET", path_of(kind, namespace, name))
        except ApiFailure as refusal:
            if refusal.status == 404:
                return None
            raise

    def items(self, kind, namespace="") -> list[dict]:
        return self.call("GET", path_of(kind, namespace)).get("items") or []

    def create(self, kind, namespace, body) -> dict:
        return self.call("POST", path_of(kind, namespace), body)

    def patch(self, kind, namespace, name, body, subresource="") -> dict:
        return self.call("PATCH", path_of(kind, namespace, name, subresource), body, MERGE)

    def delete(self, kind, namespace, name, propagation="Background", grace=None, uid="") -> None:
        """Says nothing where it is gone already."""
        options = {"propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self.call("DELETE", path_of(kind, namespace, name), options)
        except ApiFailure as refusal:
            if refusal.status not in (404, 409):
                raise

    def events(self, kind: str, resource_version: str, patience: float, selector: str = ""):
        """Yields (type, object) of one watch until the server ends it. Raises ApiFailure."""
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": resource_version,
                 "timeoutSeconds": int(patience)}
        if selector:
            query["labelSelector"] = selector
        connection = self.connect(patience + 30)
        try:
            connection.request("GET", f"{path_of(kind)}?{urlencode(query)}", headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ApiFailure(answer.status, answer.read().decode(errors="replace"))
            while line := answer.readline():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiFailure(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event["type"], event["object"]
        except (OSError, http.client.HTTPException, ValueError) as lost:
            raise ApiFailure(0, f"watch of {kind}: {lost!r}") from lost
        finally:
            connection.close()

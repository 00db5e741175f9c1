# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL in the cluster: one server for most tests, a database and a role for each."""

import re
import secrets
import threading
from dataclasses import dataclass
from urllib.parse import quote

import kubectl

RESTRICTED = {
    "runAsNonRoot": True, "runAsUser": 999, "runAsGroup": 999, "fsGroup": 999,
    "seccompProfile": {"type": "RuntimeDefault"},
}
FOLDERS = {"data": "/var/lib/postgresql/data", "run": "/var/run/postgresql", "tmp": "/tmp"}


def server_objects(image, *, replicas=1, password="postgres"):
    """Deployment `postgres`, its Service and the administrator's Secret."""
    container = {
        "name": "postgres", "image": image,
        # Commit times tell what was in the database when.
        "args": ["-c", "track_commit_timestamp=on"],
        "env": [{"name": "POSTGRES_PASSWORD",
                 "valueFrom": {"secretKeyRef": {"name": "postgres-admin", "key": "password"}}}],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in FOLDERS.items()],
    }
    labels = {"app": "postgres"}
    pod = {"securityContext": RESTRICTED, "containers": [container], "automountServiceAccountToken": False,
           "terminationGracePeriodSeconds": 5,
           # In memory: sixty databases are thousands of files, which a busy disk takes minutes to remove.
           "volumes": [{"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}} for name in FOLDERS]}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "postgres-admin"},
         "stringData": {"password": password}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "postgres"},
         "spec": {"selector": labels, "ports": [{"port": 5432}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "postgres"},
         "spec": {"replicas": replicas, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels},
                  "template": {"metadata": {"labels": labels}, "spec": pod}}},
    ]


class Server:
    """The server in one namespace."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.host = f"postgres.{namespace}.svc.cluster.local"

    def wait_until_ready(self, seconds=90):
        kubectl.kubectl("rollout", "status", "deployment/postgres", "-n", self.namespace,
                        f"--timeout={seconds}s", timeout=seconds + 5)

    def psql(self, sql, database="postgres", *, check=True):
        """Runs SQL as the administrator; rows as lists of texts."""
        output = kubectl.kubectl(
            "exec", "-i", "-n", self.namespace, "deployment/postgres", "--", "psql", "--no-psqlrc", "--quiet",
            "--tuples-only", "--no-align", "--field-separator=\t", "--set=ON_ERROR_STOP=1",
            "--username=postgres", f"--dbname={database}", stdin=sql, check=check)
        if not check:
            return output
        return [line.split("\t") for line in output.splitlines()]

    def log(self):
        return kubectl.kubectl("logs", "-n", self.namespace, "deployment/postgres", "--tail=-1")

    def dump_schema(self, database, *options):
        return kubectl.kubectl(
            "exec", "-n", self.namespace, "deployment/postgres", "--", "pg_dump", "--schema-only", "--no-owner",
            "--no-privileges", "--username=postgres", *options, database)


@dataclass
class Database:
    """A database with an owner of its own name, whose password occurs nowhere else."""

    server: Server
    name: str
    password: str

    def url(self, *, password=None, options="sslmode=require", name=None):
        return (f"postgresql://{self.name}:{quote(password or self.password, safe='')}@{self.server.host}:5432/"
                f"{name or self.name}?{options}")

    def query(self, sql):
        return self.server.psql(sql, self.name)

    def column(self, sql):
        return [row[0] for row in self.query(sql)]

    def versions(self):
        """Rows of the version table; None where there is no such table."""
        if self.column("SELECT to_regclass('alembic_version') IS NULL") == ["t"]:
            return None
        return sorted(self.column("SELECT version_num FROM alembic_version"))

    def tables(self):
        return self.column("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
                           "ORDER BY 1")

    def applied(self):
        """Revisions in the order in which they ran, as their own scripts noted it."""
        return self.column("SELECT revision FROM applied ORDER BY at")

    def make_gate(self):
        """A table at which scripts.chain(gate=...) waits."""
        self.query(f"SET ROLE {self.name}; CREATE TABLE gate (opened_at timestamptz);")

    def open_gate(self):
        self.query("INSERT INTO gate VALUES (now());")

    def is_at_gate(self):
        """A run waits there, within a transaction of its own."""
        return self.server.psql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}' "
                                "AND query LIKE '%FROM gate%' AND pid <> pg_backend_pid()") == [["1"]]

    def drop(self):
        self.server.psql(f"DROP DATABASE {self.name} WITH (FORCE);", check=False)

    def statements_logged(self, fragment):
        """How often a statement that contains `fragment` reached the server for this database. The scripts
        that the history keeps are values, not statements."""
        records = re.split(r"^(?=\d{4}-\d\d-\d\d )", self.server.log(), flags=re.MULTILINE)
        return sum(re.sub(r"'(?:[^']|'')*'", "''", record).count(fragment) for record in records
                   if f"] {self.name}@{self.name} LOG:" in record)


_creating = threading.Lock()  # CREATE DATABASE copies template1, which must be in no other use.


def create_database(server, name):
    password = "canary-" + secrets.token_hex(12)
    with _creating:
        server.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}';\nCREATE DATABASE {name} OWNER {name};")
    return Database(server, name, password)

# SPDX-License-Identifier: Apache-2.0
"""etcd and API servers of the bench's own: real ones, on free ports, below one folder.

No kubelet and no controllers: job_simulator.py plays them. Pods need no ServiceAccount (that admission plugin
is off). Users come by token: the administrator, and one operator for each namespace.
"""

import json
import os
import pathlib
import signal
import subprocess
import time

import processes
from api import ApiFailure, Client
from audit import AuditLog
from certificates import Authority, service_account_keys

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = REPOSITORY / "build/cluster/bin"
ADMINISTRATOR = "bench-administrator"
OPERATORS = "stillhead-operators"  # the group of the users `operator-N`
MOST_OPERATORS = 1200  # tokens are given out once: each case has a user, and an audit trail, of its own
START_PATIENCE = 120

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Request", "userGroups": [OPERATORS], "verbs": ["create", "update", "patch", "delete"]},
        {"level": "Metadata", "userGroups": [OPERATORS]},
        {"level": "Metadata", "verbs": ["create", "delete"],
         "resources": [{"group": "batch", "resources": ["jobs"]}]},
        {"level": "None"},
    ],
}


class ApiServer:
    """One kube-apiserver. May be stopped, paused, started again on the same port."""

    def __init__(self, plane: "ControlPlane", name: str):
        self.plane, self.name = plane, name
        self.port = processes.free_port()
        self.log = plane.folder / f"{name}.log"
        self.audit = AuditLog(plane.folder / f"{name}-audit.log")
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        plane = self.plane
        self.process = processes.spawn([
            PROGRAMS / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{plane.etcd_port}",
            "--bind-address", "127.0.0.1", "--secure-port", self.port, "--advertise-address", "127.0.0.1",
            "--tls-cert-file", plane.certificate, "--tls-private-key-file", plane.key,
            "--token-auth-file", plane.folder / "tokens.csv", "--authorization-mode", "RBAC",
            "--disable-admission-plugins", "ServiceAccount", "--service-cluster-ip-range", "10.96.0.0/16",
            "--endpoint-reconciler-type", "none",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-signing-key-file", plane.account_keys[0],
            "--service-account-key-file", plane.account_keys[1], "--enable-priority-and-fairness=false",
            "--audit-policy-file", plane.folder / "audit-policy.json", "--audit-log-path", self.audit.file,
            "--feature-gates", "APIServerIdentity=false", "--max-requests-inflight", "0",
            "--max-mutating-requests-inflight", "0", "--shutdown-watch-termination-grace-period", "1s",
        ], self.log, cwd=plane.folder, env={**os.environ, "GOMAXPROCS": "2"})

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_PATIENCE
        client = self.plane.client(ADMINISTRATOR, self)
        while True:
            try:
                client.call("GET", "/readyz")
                return
            except ApiFailure as refusal:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    told = processes.tail(self.log)
                    raise SystemExit(f"{self.name} does not start ({refusal}):\n{told}") from None
            time.sleep(0.3)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process:
            processes.end(self.process, 1)


class ControlPlane:
    """start() in the thread that lives longest: the processes end with it. stop() at the end."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir(parents=True)
        self.authority = Authority(folder / "pki")
        self.certificate, self.key = self.authority.issue("server", "/CN=kube-apiserver")
        self.account_keys = service_account_keys(folder / "pki")
        rows = [f'{ADMINISTRATOR},{ADMINISTRATOR},{ADMINISTRATOR},"system:masters"']
        rows += [f'{self.token(n)},operator-{n},operator-{n},"{OPERATORS}"'
                 for n in range(1, MOST_OPERATORS + 1)]
        (folder / "tokens.csv").write_text("\n".join(rows) + "\n")
        (folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self.etcd_port = processes.free_port()
        self.etcd: subprocess.Popen | None = None
        self.servers = [ApiServer(self, "apiserver-1")]

    @staticmethod
    def token(number: int) -> str:
        return f"canary-token-of-operator-{number}"

    def client(self, token: str = ADMINISTRATOR, server: ApiServer | None = None) -> Client:
        return Client((server or self.servers[0]).port, self.authority.certificate, token)

    def start_etcd(self) -> None:
        peer = processes.free_port()
        self.etcd = processes.spawn([
            PROGRAMS / "etcd", "--name", "bench", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
            "--log-level", "warn", "--listen-client-urls", f"http://127.0.0.1:{self.etcd_port}",
            "--advertise-client-urls", f"http://127.0.0.1:{self.etcd_port}",
            "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-cluster", f"bench=http://127.0.0.1:{peer}"], self.folder / "etcd.log")

    def start(self) -> None:
        self.start_etcd()
        self.servers[0].start()
        self.servers[0].wait_until_ready()
        self.install_product()

    def add_server(self) -> ApiServer:
        """One more API server on the same etcd."""
        server = ApiServer(self, f"apiserver-{len(self.servers) + 1}")
        self.servers.append(server)
        server.start()
        server.wait_until_ready()
        return server

    def kubectl(self, *arguments, stdin: str = "") -> str:
        command = [PROGRAMS / "kubectl", f"--server=https://127.0.0.1:{self.servers[0].port}",
                   f"--certificate-authority={self.authority.certificate}", f"--token={ADMINISTRATOR}",
                   f"--cache-dir={self.folder / 'kubectl'}", *arguments]
        return subprocess.run(command, input=stdin, check=True, text=True, capture_output=True).stdout

    def install_product(self) -> None:
        """CRD and the operator's ClusterRole as they are delivered; the bench's operators get that role."""
        self.kubectl("create", "namespace", "stillhead-system")
        self.kubectl("apply", "--server-side", "-f", REPOSITORY / "crds/databasemigrations.yaml",
                     "-f", REPOSITORY / "manifests/rbac.yaml")
        self.client().create("clusterrolebindings", "", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": OPERATORS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "stillhead-operator"},
            "subjects": [{"kind": "Group", "name": OPERATORS, "apiGroup": "rbac.authorization.k8s.io"}]})
        self.wait_until_served()

    def wait_until_served(self) -> None:
        """Until the API server has storage for our kind: 404 and 429 come first."""
        deadline = time.monotonic() + START_PATIENCE
        while True:
            try:
                self.client().items("databasemigrations")
                return
            except ApiFailure as refusal:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the API server does not serve our kind: {refusal}") from None
            time.sleep(0.2)

    def compact(self) -> None:
        """Forgets all history in etcd up to now, as the API server does every five minutes."""
        revision = int(self.client().call("GET", "/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"])
        body = json.dumps({"revision": str(revision), "physical": True})
        subprocess.run(["curl", "--silent", "--fail", "--data", body,
                        f"http://127.0.0.1:{self.etcd_port}/v3/kv/compaction"],
                       check=True, capture_output=True)

    def stop(self) -> None:
        for server in self.servers:
            server.stop()
        if self.etcd:
            processes.end(self.etcd, 1)

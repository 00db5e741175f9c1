# SPDX-License-Identifier: Apache-2.0
"""The operator in the cluster: installed from manifests/ or with Helm, watched, and mistreated."""

import os
import signal
import time
from pathlib import Path

import kubectl

CHART = kubectl.REPOSITORY / "charts" / "stillhead"


class Operator:
    """One installation."""

    def __init__(self, namespace, deployment):
        self.namespace = namespace
        self.deployment = deployment
        spec = kubectl.get("deployment", deployment, "-n", namespace)["spec"]
        self.selector = ",".join(f"{k}={v}" for k, v in spec["selector"]["matchLabels"].items())
        self.service_account = spec["template"]["spec"]["serviceAccountName"]

    def pods(self):
        return kubectl.get("pods", "-n", self.namespace, "-l", self.selector)["items"]

    def running_pod(self):
        """The youngest one that is not about to go, once its container runs."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            alive = [p for p in self.pods() if "deletionTimestamp" not in p["metadata"]
                     and "running" in p["status"].get("containerStatuses", [{}])[0].get("state", {})]
            if alive:
                return max(alive, key=lambda p: p["metadata"]["creationTimestamp"])
            time.sleep(0.3)
        raise AssertionError("no pod of the operator runs after 60 s")

    def restarts(self):
        return self.running_pod()["status"]["containerStatuses"][0]["restartCount"]

    def wait_until_ready(self, seconds=90):
        kubectl.kubectl("rollout", "status", f"deployment/{self.deployment}", "-n", self.namespace,
                        f"--timeout={seconds}s", timeout=seconds + 5)

    def wait_until_restarted(self, restarts, seconds=60):
        """The container has been started again since restarts() gave `restarts`, and is ready."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.running_pod()["status"]["containerStatuses"][0]
            if status["restartCount"] > restarts and status["ready"]:
                return
            time.sleep(0.3)
        raise AssertionError(f"the operator was not started again within {seconds} s")

    def kill_process(self):
        """SIGKILL, from the node: nothing of the operator can react. Needs to be on the node."""
        container = self.running_pod()["status"]["containerStatuses"][0]["containerID"].partition("://")[2]
        processes = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cgroup")
                     if _mentions(path, container)]
        if not processes:
            raise AssertionError(f"no process of container {container} runs on this machine; "
                                 "with a cluster on other machines this case cannot be run")
        for process in processes:
            os.kill(process, signal.SIGKILL)

    def remove_pod(self):
        """As when its node is lost: the pod's object goes at once, and a new one is started."""
        kubectl.kubectl("delete", "pod", self.running_pod()["metadata"]["name"], "-n", self.namespace,
                        "--grace-period=0", "--force")

    def scale(self, replicas):
        kubectl.kubectl("scale", f"deployment/{self.deployment}", "-n", self.namespace, f"--replicas={replicas}")
        if replicas:
            self.wait_until_ready()
            return
        deadline = time.monotonic() + 60
        while self.pods():
            if time.monotonic() > deadline:
                raise AssertionError("the operator's pod did not go within 60 s")
            time.sleep(0.3)

    def log(self):
        return "".join(kubectl.kubectl("logs", pod["metadata"]["name"], "-n", self.namespace, "--tail=-1")
                       for pod in self.pods())


def _mentions(path, container):
    try:
        return container in path.read_text()
    except OSError:  # the process has ended meanwhile
        return False


# --- installing ------------------------------------------------------------------------------------


def from_manifests(images):
    kubectl.run([kubectl.REPOSITORY / "tools" / "deploy", images["engine"], images["operator"]], timeout=180)
    return Operator("stillhead-system", "stillhead-operator")


def remove_manifests():
    kubectl.run([kubectl.REPOSITORY / "tools" / "deploy", "--remove"], timeout=300)


def with_helm(namespace, images, *settings):
    """Installs the chart, or upgrades what is installed, as release `stillhead`."""
    values = []
    for name, image in (("image", images["operator"]), ("engine", images["engine"])):
        repository, _, digest = image.partition("@")
        values += ["--set", f"{name}.repository={repository},{name}.digest={digest}"]
    for setting in settings:
        values += ["--set", setting]
    kubectl.run(["helm", "upgrade", "--install", "stillhead", CHART, "--namespace", namespace, *values,
                 "--wait", "--timeout=90s"], timeout=100)
    return Operator(namespace, "stillhead-operator")


def remove_helm(namespace):
    kubectl.run(["helm", "uninstall", "stillhead", "--namespace", namespace, "--wait", "--timeout=90s"], timeout=100)

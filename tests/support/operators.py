"""bunker-operator under test: its program, its ports, and what of it a test waits for."""

from __future__ import annotations

import http.client
import os
import pathlib
import re
import tempfile

from tests.support import parts
from tests.support.daemon import Daemon
from tests.support.kubernetes import Api, Kubernetes

GROUP = "/apis/bunker.dev/v1alpha1"


def program() -> str:
    """The program under test; BUNKER_OPERATOR names another build of it."""
    path = parts.ROOT / os.environ.get("BUNKER_OPERATOR", "build/bin/bunker-operator")
    if not os.access(path, os.X_OK):
        raise parts.MissingPart(f"{path} is not built (make build)")
    return str(path)


def install_types(kubernetes: Kubernetes) -> None:
    """Applies the CRDs and waits until their resources are served."""
    kubectl(kubernetes, "apply", "--server-side", "-f", str(parts.ROOT / "deploy/crds"))
    kubectl(kubernetes, "wait", "--for", "condition=established", "--timeout=30s", "crd",
            "registries.bunker.dev", "registryusers.bunker.dev")
    api = kubernetes.api()
    for plural in ("registries", "registryusers"):
        parts.wait_until(lambda p=plural: api.get(f"{GROUP}/{p}") is not None, 30,
                         f"{plural} are served")


def kubectl(kubernetes: Kubernetes, *arguments: str) -> str:
    return parts.run("kubectl", "--kubeconfig", str(kubernetes.kubeconfig()), *arguments)


class Operator:
    """One running bunker-operator. Use as a context manager."""

    def __init__(self, kubernetes: Kubernetes, port: int | None = None,
                 flags: tuple[str, ...] = (), user: str = "admin", server: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bunker-operator-")
        self.port, self.metrics_port = parts.free_port(), parts.free_port()
        self._command = [
            program(), "--kubeconfig", str(kubernetes.kubeconfig(user, port, server)),
            "--leader-elect-namespace", "default",
            "--metrics-addr", f"127.0.0.1:{self.metrics_port}",
            "--health-addr", f"127.0.0.1:{self.port}", *flags]
        self.daemon: Daemon | None = None

    def __enter__(self) -> Operator:
        self.start()
        return self

    def __exit__(self, *_exception) -> None:
        if self.daemon:
            self.daemon.kill()
        self._folder.cleanup()

    def start(self, wait: bool = True) -> None:
        self.daemon = Daemon(self._command, pathlib.Path(self._folder.name) / "log",
                             self.ready if wait else lambda: True)

    def kill(self) -> None:
        """kill -9."""
        assert self.daemon
        self.daemon.kill()
        self.daemon = None

    def log(self) -> str:
        """The end of its log, over all its lives."""
        return (pathlib.Path(self._folder.name) / "log").read_text(encoding="utf-8")[-6000:]

    def stop(self) -> None:
        """SIGTERM; lets go of the lease."""
        assert self.daemon
        code = self.daemon.terminate()
        assert code == 0, f"ended with {code}: {self.daemon.log_text()[-2000:]}"
        self.daemon = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def ready(self) -> bool:
        return self._get(self.port, "/readyz")[0] == 200

    def leads(self) -> bool:
        return self.metric("leader_election_master_status") == 1

    def metric(self, name: str, *labels: str) -> float:
        """The sum of the samples of `name` that have all of `labels`, such as 'code="200"'."""
        text = self._get(self.metrics_port, "/metrics")[1]
        return sum(float(value) for found, value in
                   re.findall(rf"^{name}(\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
                   if all(label in found for label in labels))

    def resident(self) -> int:
        """Bytes of memory."""
        assert self.daemon
        status = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    @staticmethod
    def _get(port: int, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()


def registry(name: str, namespace: str = "default", **spec) -> dict:
    """A Registry on a bucket of its own; `spec` replaces fields of its spec."""
    return {"apiVersion": "bunker.dev/v1alpha1", "kind": "Registry",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"storage": {"s3": {"bucket": f"images-{name}", "region": "us-east-1"}},
                     **spec}}


def path_of(kind: str, name: str = "", namespace: str = "default") -> str:
    """The URL path of an object, or of all of a kind in a namespace."""
    group, plural = {
        "ConfigMap": ("/api/v1", "configmaps"), "Secret": ("/api/v1", "secrets"),
        "Service": ("/api/v1", "services"), "ServiceAccount": ("/api/v1", "serviceaccounts"),
        "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
        "Deployment": ("/apis/apps/v1", "deployments"),
        "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
        "CronJob": ("/apis/batch/v1", "cronjobs"),
        "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
        "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
        "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
        "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
        "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
        "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
        "Registry": (GROUP, "registries"), "RegistryUser": (GROUP, "registryusers"),
    }[kind]
    return f"{group}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def owned(api: Api, uid: str, kinds: tuple[str, ...], namespace: str = "default") -> list[dict]:
    """What the resource with `uid` controls."""
    return [item for kind in kinds for item in api.items(path_of(kind, namespace=namespace))
            if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", []))]

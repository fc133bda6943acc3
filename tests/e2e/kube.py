"""kubectl, as tests use it: objects are dicts, and a wait says what it saw last."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.support import parts


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    return parts.run("kubectl", *arguments, stdin=stdin, timeout=timeout)


def apply(*objects: dict, namespace: str | None = None) -> None:
    where = ["--namespace", namespace] if namespace else []
    kubectl("apply", *where, "--server-side", "--filename", "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def get(kind: str, name: str, namespace: str) -> dict | None:
    """The object, or None where there is none."""
    found = parts.execute("kubectl", "get", kind, name, "--namespace", namespace,
                          "--ignore-not-found", "--output", "json")
    if found.returncode != 0:
        raise parts.CommandFailed(f"kubectl get {kind} {name}: {found.stdout}")
    return json.loads(found.stdout) if found.stdout.strip() else None


def items(kind: str, namespace: str, selector: str = "") -> list[dict]:
    """`namespace`: a name, or --all-namespaces."""
    where = [namespace] if namespace.startswith("--") else ["--namespace", namespace]
    return json.loads(kubectl("get", kind, *where, "--selector", selector,
                              "--output", "json"))["items"]


def ready_pods(namespace: str, selector: str) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in items("pods", namespace, selector)
                  if "deletionTimestamp" not in pod["metadata"] and condition(pod, "Ready") == "True")


def condition(thing: dict | None, kind: str) -> str:
    """The status of a condition: True, False, Unknown, or '' where there is none."""
    for entry in ((thing or {}).get("status") or {}).get("conditions") or []:
        if entry["type"] == kind:
            return entry["status"]
    return ""


def wait_for(what: str, look: Callable[[], object], wanted: Callable[[object], bool],
             timeout: float = 60, interval: float = 0.2) -> object:
    """Looks until `wanted` of what it sees; returns that."""
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if wanted(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s; last seen: "
                                 f"{json.dumps(seen, default=str)[:3000]}")
        time.sleep(interval)


def wait_for_pods(namespace: str, selector: str, count: int, timeout: float = 90) -> list[str]:
    """Until exactly `count` pods are there and all are ready; returns their names."""
    def look() -> list:
        return [(pod["metadata"]["name"], condition(pod, "Ready"),
                 pod["metadata"].get("deletionTimestamp"),
                 (pod["status"].get("containerStatuses") or [{}])[0].get("state"))
                for pod in items("pods", namespace, selector)]

    seen = wait_for(f"{count} ready pods of {selector} in {namespace}", look,
                    lambda pods: len(pods) == count
                    and all(ready == "True" and not ending for _, ready, ending, _ in pods),
                    timeout)
    return sorted(pod[0] for pod in seen)


def namespace(name: str, **labels: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
        "pod-security.kubernetes.io/enforce": "restricted", **labels}}}


def secret(name: str, data: dict[str, str]) -> dict:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def pod(name: str, image: str, pull: str = "IfNotPresent", **spec) -> dict:
    """A pod that runs an image once, under the restricted pod security standard."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "restartPolicy": "Never", "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532,
                            "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": name, "image": image, "imagePullPolicy": pull, "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}], **spec}}

"""The operator on a real API server: what a Registry becomes, and that it stays so."""

from __future__ import annotations

import json
import unittest

import yaml

from tests.support import operators, parts
from tests.support.kubernetes import ApiError, Kubernetes
from tests.support.operators import Operator, path_of, registry

GOLDEN = parts.ROOT / "tests/golden/operator"
KINDS = ("ConfigMap", "Secret", "Service", "ServiceAccount", "Deployment",
         "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Role",
         "RoleBinding")
LABEL = "app.kubernetes.io/managed-by=bunker-operator"


def missing(wanted, found, path: str = "") -> list[str]:
    """The fields of `wanted` that `found` has not, or has otherwise."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [problem for key, value in wanted.items()
                for problem in missing(value, found.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [problem for number, (value, other) in enumerate(zip(wanted, found))
                for problem in missing(value, other, f"{path}[{number}]")]
    # The server leaves out what is empty, and writes quantities as text.
    if wanted == found or str(wanted) == found or (wanted in ({}, [], "", False) and found is None):
        return []
    return [f"{path}: {wanted!r} is {found!r}"]


class Reconciling(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.kubernetes = cls.enterClassContext(Kubernetes(audit=True))
        operators.install_types(cls.kubernetes)
        operators.kubectl(cls.kubernetes, "create", "clusterrolebinding", "operator",
                          "--clusterrole=cluster-admin", "--user=operator")
        cls.api = cls.kubernetes.api()
        cls.operator = cls.enterClassContext(Operator(cls.kubernetes))

    def apply(self, resource: dict) -> dict:
        metadata = resource["metadata"]
        return self.api.apply(path_of(resource["kind"], metadata["name"], metadata["namespace"]),
                              resource)

    def make(self, resource: dict) -> dict:
        """Applies a Registry and waits until the operator has looked at it."""
        made = self.apply(resource)
        self.await_observed(made)
        return made

    def await_observed(self, resource: dict) -> dict:
        metadata = resource["metadata"]
        path = path_of(resource["kind"], metadata["name"], metadata["namespace"])
        found: dict = {}

        def observed() -> bool:
            found.update(self.api.get(path))
            status = found.get("status", {})
            return status.get("observedGeneration", 0) >= found["metadata"]["generation"]

        parts.wait_until(observed, 20, f"{metadata['name']} is looked at")
        return found

    def await_object(self, kind: str, name: str, namespace: str = "default", but: str = "") -> dict:
        found: list[dict] = []

        def there() -> bool:
            item = self.api.get(path_of(kind, name, namespace))
            found[:] = [item] if item and item["metadata"]["uid"] != but else []
            return bool(found)

        parts.wait_until(there, 20, f"{kind} {name} is there")
        return found[0]

    def test_what_render_prints_is_what_the_api_server_gets(self) -> None:
        self.api.create("/api/v1/namespaces", {"metadata": {"name": "registries"}})
        for file in sorted(GOLDEN.glob("*.in.yaml")):
            with self.subTest(file.name):
                given = [item for item in yaml.safe_load_all(file.read_text(encoding="utf-8"))
                         if item]
                for item in given:
                    item["metadata"].setdefault("namespace", "default")
                    self.make(item)
                text = parts.run(operators.program(), "render", str(file))
                for wanted in yaml.safe_load_all(text):
                    if not wanted or wanted["kind"] not in KINDS:
                        continue  # of kinds that this API server does not serve
                    name = wanted["metadata"]["name"]
                    found = self.await_object(wanted["kind"], name,
                                              wanted["metadata"]["namespace"])
                    # An owner has a uid only in a cluster, and credentials are there only.
                    wanted["metadata"].pop("ownerReferences", None)
                    template = wanted.get("spec", {}).get("template", {}).get("metadata", {})
                    template.get("annotations", {}).pop("bunker.dev/config-hash", None)
                    self.assertEqual([], missing(wanted, found), f"{wanted['kind']} {name}")
                for item in reversed(given):
                    path = path_of(item["kind"], item["metadata"]["name"],
                                   item["metadata"]["namespace"])
                    self.api.delete(path)
                    parts.wait_until(lambda p=path: self.api.get(p) is None, 20, f"{path} is gone")

    def test_what_breaks_a_rule_is_refused_in_words_that_help(self) -> None:
        s3 = {"bucket": "b", "region": "r"}
        for spec, message in (
                ({"storage": {}}, "name exactly one store: s3 or filesystem"),
                ({"storage": {"s3": {"bucket": "b"}}},
                 "name the region, or the endpoint of a service that is not AWS"),
                ({"storage": {"s3": {**s3, "kmsKeyID": "k"}}},
                 "kmsKeyID has no effect without encrypt: true"),
                ({"storage": {"filesystem": {"claim": {"name": "c"}}}, "replicas": 2},
                 "a filesystem holds one replica"),
                ({"ingress": {}}, "an ingress needs host"),
                ({"tls": {"mode": "Secret"}},
                 "certificateSecret goes with mode: Secret, and only with it"),
                ({"tls": {"mode": "None", "clientAuth": {"mode": "Required"}}},
                 "client certificates need TLS"),
                ({"autoscaling": {"minReplicas": 3, "maxReplicas": 2}},
                 "minReplicas is above maxReplicas"),
                ({"replicas": -1}, "spec.replicas"),
        ):
            with self.subTest(message), self.assertRaises(ApiError) as refused:
                self.apply(registry("refused", **spec))
            self.assertEqual(422, refused.exception.status)
            self.assertIn(message, refused.exception.message)
        with self.assertRaises(ApiError) as refused:
            self.apply(registry("1-begins-with-a-digit"))
        self.assertIn("the name becomes that of a Service", refused.exception.message)

    def test_what_somebody_changes_or_deletes_comes_back(self) -> None:
        made = self.make(registry("drift"))
        uid = made["metadata"]["uid"]
        before = {(item["kind"], item["metadata"]["name"]): item
                  for kind in KINDS if kind != "Secret"
                  for item in self.api.items(path_of(kind), LABEL)
                  for item in [{**item, "kind": kind}]
                  if item["metadata"].get("ownerReferences", [{}])[0].get("uid") == uid}
        self.assertIn(("Deployment", "drift"), before)
        for (kind, name), item in before.items():
            self.api.delete(path_of(kind, name))
            self.await_object(kind, name, but=item["metadata"]["uid"])
        self.api.merge(path_of("Service", "drift"), {"spec": {"ports": [
            {"name": "other", "port": 9, "protocol": "TCP"}]}})
        parts.wait_until(lambda: 5000 in [port["port"] for port in self.api.get(
            path_of("Service", "drift"))["spec"]["ports"]], 20, "the port is back")
        self.api.merge(path_of("Deployment", "drift"),
                       {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}})
        parts.wait_until(lambda: self.api.get(path_of("Deployment", "drift"))["metadata"]["labels"]
                         .get("app.kubernetes.io/managed-by") == "bunker-operator", 20,
                         "the label is back")

    def test_what_others_own_is_left_to_them(self) -> None:
        self.make(registry("others"))
        self.await_object("Deployment", "others")
        operators.kubectl(self.kubernetes, "rollout", "restart", "deployment/others")
        operators.kubectl(self.kubernetes, "label", "service/others", "team=blue")
        operators.kubectl(self.kubernetes, "scale", "registry/others", "--replicas=3")
        parts.wait_until(lambda: self.api.get(path_of("Deployment", "others"))["spec"]["replicas"]
                         == 3, 20, "the Deployment is scaled")
        template = self.api.get(path_of("Deployment", "others"))["spec"]["template"]
        self.assertIn("kubectl.kubernetes.io/restartedAt", template["metadata"]["annotations"])
        self.assertEqual("blue", self.api.get(path_of("Service", "others"))["metadata"]["labels"]
                         ["team"])

    def test_secrets_are_made_once(self) -> None:
        made = self.make(registry("secrets"))
        names = [item["metadata"]["name"] for item in operators.owned(
            self.api, made["metadata"]["uid"], ("Secret",))]
        self.assertIn("secrets-http", names)
        secrets = {name: self.api.get(path_of("Secret", name)) for name in names}
        self.apply(registry("secrets", replicas=2, readOnly=True))
        self.await_observed(made)
        self.operator.restart()
        self.apply(registry("secrets", replicas=3))
        self.await_observed(made)
        for name, secret in secrets.items():
            self.assertEqual(secret, self.api.get(path_of("Secret", name)))

    def test_deleting_takes_everything_along(self) -> None:
        made = self.make(registry("gone"))
        self.await_object("Deployment", "gone")
        self.api.delete(path_of("Registry", "gone"))
        parts.wait_until(lambda: not operators.owned(self.api, made["metadata"]["uid"], KINDS), 40,
                         "what it owned is gone")

    def test_a_start_that_finds_nothing_to_do_writes_nothing(self) -> None:
        for number in range(3):
            self.make(registry(f"quiet-{number}"))
        self.settle()
        self.operator.stop()
        with Operator(self.kubernetes, user="operator",
                      flags=("--workers", "1")) as other:
            parts.wait_until(lambda: other.ready() and other.leads(), 20, "it leads")
            parts.wait_until(lambda: other.metric("workqueue_depth") == 0 and other.metric(
                "controller_runtime_reconcile_total") >= 3, 20, "it has looked at all")
            self.settle(other)
        writes = [(event["verb"], event["requestURI"])
                  for event in self.kubernetes.audit_events("operator")
                  if event["verb"] not in ("get", "list", "watch")
                  and event["objectRef"]["resource"] != "leases"]
        self.assertEqual([], writes)
        self.operator.start()

    def settle(self, operator: Operator | None = None) -> None:
        """Waits until the operator has been at rest for half a second."""
        operator = operator or self.operator
        last: list[float] = []

        def at_rest() -> bool:
            last.append(operator.metric("controller_runtime_reconcile_total"))
            return len(last) > 10 and last[-10] == last[-1]

        parts.wait_until(at_rest, 30, "the operator is at rest", interval=0.05)

    def test_status_is_for_people_and_machines(self) -> None:
        made = self.make(registry("status"))
        self.await_object("Deployment", "status")
        selector = "bunker.dev/registry=status"
        parts.wait_until(lambda: self.api.items("/api/v1/namespaces/default/pods", selector), 20,
                         "there is a pod")
        # No kubelet here: the test says what one would.
        for pod in self.api.items("/api/v1/namespaces/default/pods", selector):
            self.api.merge(f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/status",
                           {"status": {"phase": "Running",
                                       "conditions": [{"type": "Ready", "status": "True"}]}})

        def ready() -> bool:
            status = self.api.get(path_of("Registry", "status")).get("status", {})
            return any(each["type"] == "Ready" and each["status"] == "True"
                       for each in status.get("conditions", []))

        parts.wait_until(ready, 20, "it is ready")
        line = operators.kubectl(self.kubernetes, "get", "registry", "status", "--no-headers")
        self.assertRegex(line, r"^status\s+True\s.*https://status\.default\.svc")
        events = operators.kubectl(self.kubernetes, "get", "events", "--field-selector",
                                   f"involvedObject.uid={made['metadata']['uid']}", "-o", "json")
        self.assertIn("SecretMade", [event["reason"] for event in json.loads(events)["items"]])


if __name__ == "__main__":
    unittest.main()

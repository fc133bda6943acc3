"""The Helm chart as the real helm reads it: it lints, renders over many values, and what it renders
is what an administrator expects."""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
HELM = ROOT / "build/tools/helm"
CHART = ROOT / "charts/bunker"
KUBE = "1.36.0"
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
              "capabilities": {"drop": ["ALL"]}}
FIRST = {"registry": {"enabled": True,
                      "spec": {"storage": {"s3": {"bucket": "b", "region": "r"}}}}}


def run(*arguments: str, values: dict | None = None) -> subprocess.CompletedProcess[str]:
    """helm, with `values` as a file on standard input."""
    command = [str(HELM), *arguments, "--kube-version", KUBE, "--values", "-"]
    return subprocess.run(command, input=json.dumps(values or {}), capture_output=True, text=True,
                          timeout=60, check=False)


def template(values: dict | None = None, *more: str) -> list[dict]:
    done = run("template", "shop", str(CHART), "--namespace", "registries", *more, values=values)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def kinds(objects: list[dict]) -> list[str]:
    return sorted(each["kind"] for each in objects)


def one(objects: list[dict], kind: str, name: str = "") -> dict:
    found = [each for each in objects
             if each["kind"] == kind and name in each["metadata"]["name"]]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects of {kind} {name}")
    return found[0]


def pods(objects: list[dict]) -> list[dict]:
    return [each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
            for each in objects if each["kind"] in ("Pod", "Deployment")]


class ChartTest(unittest.TestCase):
    def test_lints(self) -> None:
        done = run("lint", str(CHART), "--strict", values=FIRST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_renders_over_a_matrix_of_values(self) -> None:
        switches = [
            {"crds": {"enabled": False}},
            {"operator": {"replicas": 1}},
            {"operator": {"namespaces": ["a", "b"]}},
            {"operator": {"rbac": {"create": False}, "serviceAccount": {"create": False}}},
            {"operator": {"metrics": {"serviceMonitor": {"enabled": True}}}},
            {"commonLabels": {"team": "x"}, "commonAnnotations": {"note": "y"}},
            {"global": {"imageRegistry": "mirror.example.com", "imagePullSecrets": ["pull"]}},
            {**FIRST, "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap",
                                        "metadata": {"name": "{{ .Release.Name }}-more"}}]},
        ]
        for some in itertools.chain(itertools.combinations(switches, 1),
                                    itertools.combinations(switches, 2)):
            values: dict = {}
            for each in some:
                for key, value in each.items():
                    values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) \
                        else value
            with self.subTest(values=values):
                self.check(template(values, "--api-versions", "bunker.dev/v1alpha1/Registry"))

    def check(self, objects: list[dict]) -> None:
        """What holds for every set of values."""
        names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
                 for each in objects]
        self.assertEqual(len(names), len(set(names)))
        for each in objects:
            if each["metadata"]["name"].endswith("-more"):
                continue
            labels = each["metadata"]["labels"]
            for label in ("name", "instance", "component", "part-of", "managed-by", "version"):
                self.assertIn(f"app.kubernetes.io/{label}", labels, each["kind"])
            self.assertIn("helm.sh/chart", labels)
            self.assertNotEqual(each["kind"], "Secret")  # none is made by templates
        for pod in pods(objects):
            security = pod["securityContext"]
            self.assertTrue(security["runAsNonRoot"])
            self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
            for container in pod["containers"] + pod.get("initContainers", []):
                self.assertEqual(container["securityContext"], RESTRICTED)
                self.assertIn("memory", container["resources"]["limits"])
                self.assertNotIn("latest", container["image"])

    def test_the_same_values_give_the_same_objects(self) -> None:
        self.assertEqual(template(FIRST), template(FIRST))

    def test_crds_are_those_of_the_project_and_stay(self) -> None:
        objects = template()
        for file in sorted((ROOT / "deploy/crds").glob("bunker.dev_*.yaml")):
            plain = yaml.safe_load(file.read_text())
            crd = one(objects, "CustomResourceDefinition", plain["metadata"]["name"])
            self.assertEqual(crd["spec"], plain["spec"])
            self.assertEqual(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")
        self.assertNotIn("CustomResourceDefinition", kinds(template({"crds": {"enabled": False}})))
        crd = one(template({"crds": {"keep": False}}), "CustomResourceDefinition", "registries.")
        self.assertNotIn("annotations", crd["metadata"])

    def test_the_first_registry_waits_for_its_crd(self) -> None:
        self.assertNotIn("Registry", kinds(template(FIRST)))
        objects = template(FIRST, "--api-versions", "bunker.dev/v1alpha1/Registry")
        registry = one(objects, "Registry")
        self.assertEqual(registry["spec"], FIRST["registry"]["spec"])
        self.assertEqual(registry["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        self.assertEqual(registry["metadata"]["labels"]["app.kubernetes.io/component"], "registry")

    def test_with_namespaces_it_has_no_rights_elsewhere(self) -> None:
        objects = template({"operator": {"namespaces": ["a", "b"], "rbac": {"aggregate": False}}})
        self.assertNotIn("ClusterRole", kinds(objects))
        places = {each["metadata"]["namespace"] for each in objects if each["kind"] == "Role"
                  and each["metadata"]["name"] == "shop-bunker-operator"}
        self.assertEqual(places, {"a", "b"})
        self.assertIn("--namespaces=a,b", one(objects, "Deployment")["spec"]["template"]["spec"]
                      ["containers"][0]["args"])

    def test_images_come_from_where_the_values_say(self) -> None:
        digest = "sha256:" + "a" * 64
        objects = template({"global": {"imageRegistry": "mirror.example.com"},
                            "images": {"registryd": {"digest": digest}}})
        container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], "mirror.example.com/bunker/operator:0.1.0")
        self.assertIn(f"--registryd-image=mirror.example.com/bunker/registryd@{digest}",
                      container["args"])
        self.assertIn("--redis-image=mirror.example.com/redis:7.4", container["args"])

    def test_refuses_values_that_it_does_not_know(self) -> None:
        for values in ({"operatr": {}}, {"operator": {"replicas": "two"}},
                       {"operator": {"log": {"level": "loud"}}}, {"registry": {"enabled": True}},
                       {"registry": {"name": "Not-A-Name"}},
                       {"images": {"redis": {"digest": "sha256:1"}}}):
            with self.subTest(values=values):
                done = run("template", "shop", str(CHART), values=values)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("values don't meet the specifications", done.stderr)

    def test_the_schema_knows_every_value(self) -> None:
        schema = json.loads((CHART / "values.schema.json").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())

        def compare(part: dict, value: dict, path: str) -> None:
            for key, inner in value.items():
                self.assertIn(key, part["properties"], path)
                if isinstance(inner, dict) and "properties" in part["properties"][key]:
                    compare(part["properties"][key], inner, f"{path}.{key}")

        compare(schema, values, "")

    def test_packs_with_its_crds(self) -> None:
        done = run("show", "readme", str(CHART))
        if done.returncode == 0:
            self.assertIn("## Values", done.stdout)
        self.assertEqual(subprocess.run(
            ["python3", str(ROOT / "tests/tools/chart_readme.py"), "--check"],
            check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()

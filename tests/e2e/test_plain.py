"""registryd from the plain manifests of deploy/kubernetes: what an operator is not needed for."""

from __future__ import annotations

import pathlib
import re
import shutil

from tests.e2e import kube
from tests.e2e.docker_daemon import static_program
from tests.e2e.kube import kubectl
from tests.e2e.lab import OWN_CLUSTER, ROOT, EndToEndTest, image, needs_own_cluster, version
from tests.e2e.load import Load
from tests.e2e.prometheus import Prometheus
from tests.support import parts
from tests.support.images import Layout

NAMESPACE, SELECTOR = "registry", "app.kubernetes.io/name=registryd"
HOST = "registry.registry.svc.cluster.local"


def overlay(folder: pathlib.Path, endpoint: str, region: str, bucket: str) -> pathlib.Path:
    """A copy of deploy/kubernetes with an overlay for the tests' bucket."""
    shutil.copytree(ROOT / "deploy/kubernetes", folder / "kubernetes")
    mine = folder / "kubernetes/overlays/test"
    mine.mkdir()
    text = (ROOT / "deploy/kubernetes/overlays/exoscale/bucket.yaml").read_text()
    for old, new in (("my-docker-registry", bucket), ("ch-dk-2\n", f"{region}\n"),
                     ("https://sos-ch-dk-2.exo.io", endpoint)):
        text = text.replace(old, new)
    (mine / "bucket.yaml").write_text(text)
    (mine / "kustomization.yaml").write_text(f"""
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../exoscale]
patches: [{{path: bucket.yaml}}]
images: [{{name: bunker/registryd, newName: {image('registryd')}, newTag: {version()}}}]
""")
    return mine


class PlainManifestsTest(EndToEndTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        kube.apply(kube.namespace(NAMESPACE))
        cls.addClassCleanup(lambda: kubectl("delete", "namespace", NAMESPACE, "--wait=false"))
        kube.apply(
            kube.secret("registry-http", {"secret": "a secret of the tests alone"}),
            kube.secret("registry-s3", {
                "REGISTRY_STORAGE_S3_ACCESSKEY": cls.bucket.access_key,
                "REGISTRY_STORAGE_S3_SECRETKEY": cls.bucket.secret_key}), namespace=NAMESPACE)
        kubectl("apply", "--kustomize", str(overlay(
            cls.folder, cls.bucket.endpoint, cls.bucket.region, cls.bucket.name)))
        kube.wait_for_pods(NAMESPACE, SELECTOR, 3)

    def test_kubelet_runs_what_was_pushed(self) -> None:
        layout = Layout(self.folder / "layout")
        layout.add_image("v1", [{"hello": static_program(self.folder).read_bytes()}])
        # Again where kube-proxy still sends to a pod that another test killed.
        parts.run("skopeo", "--insecure-policy", "copy", "--retry-times", "5",
                  "--dest-tls-verify=false",
                  f"oci:{layout.folder}:v1", f"docker://{HOST}/team/hello:v1")
        if OWN_CLUSTER:
            certs = pathlib.Path("/etc/containerd/certs.d", HOST)
            certs.mkdir(parents=True, exist_ok=True)
            (certs / "hosts.toml").write_text(
                f'[host."http://{HOST}"]\n  capabilities = ["pull", "resolve"]\n')
        kube.apply(kube.pod("hello", f"{HOST}/team/hello:v1"), namespace=NAMESPACE)
        kube.wait_for("the pod from the pushed image has run",
                      lambda: kube.get("pod", "hello", NAMESPACE)["status"],
                      lambda status: status.get("phase") == "Succeeded")
        self.assertEqual(kubectl("logs", "hello", "--namespace", NAMESPACE), "hello\n")

    def test_rolling_update_under_load_fails_no_request(self) -> None:
        with Load(HOST) as load:
            load.wait_for_rounds(3)
            kubectl("rollout", "restart", "deployment/registryd", "--namespace", NAMESPACE)
            kubectl("rollout", "status", "deployment/registryd", "--namespace", NAMESPACE)
            kube.wait_for_pods(NAMESPACE, SELECTOR, 3)
            load.wait_for_rounds(3)
        self.assertEqual(load.failures, [])
        load.check_all()

    def test_scale_down_and_up_under_load_fails_no_request(self) -> None:
        with Load(HOST) as load:
            for replicas in (1, 3):
                load.wait_for_rounds(3)
                kubectl("scale", "deployment/registryd", f"--replicas={replicas}",
                        "--namespace", NAMESPACE)
                kube.wait_for_pods(NAMESPACE, SELECTOR, replicas)
            load.wait_for_rounds(3)
        self.assertEqual(load.failures, [])
        load.check_all()

    def test_killed_pods_lose_nothing(self) -> None:
        with Load(HOST, patience=30) as load:
            for _ in range(2):
                load.wait_for_rounds(2)
                victim = kube.ready_pods(NAMESPACE, SELECTOR)[0]
                kubectl("delete", "pod", victim, "--namespace", NAMESPACE, "--force",
                        "--grace-period=0")
            kube.wait_for_pods(NAMESPACE, SELECTOR, 3)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        load.check_all()

    @needs_own_cluster
    def test_bucket_gone_and_back(self) -> None:
        with Prometheus(self.folder) as prometheus, Load(HOST, patience=90) as load:
            prometheus.wait_for_targets(NAMESPACE, {"registryd": 3})
            alerts = re.findall(r"alert: (\w+)", (ROOT / "deploy/monitoring/rules.yml").read_text())
            self.assertEqual(sorted(prometheus.rules()), sorted(alerts))
            load.wait_for_rounds(2)
            self.assertEqual(prometheus.firing(NAMESPACE), set())

            self.gateway.stop()
            kube.wait_for("no pod says that it is ready without its bucket",
                          lambda: kube.ready_pods(NAMESPACE, SELECTOR), lambda pods: not pods)
            prometheus.wait_for_alert(NAMESPACE, "BunkerHealthCheckFailing", fires=True)
            restarts = [status["restartCount"] for pod in kube.items("pods", NAMESPACE, SELECTOR)
                        for status in pod["status"]["containerStatuses"]]

            self.gateway.start()
            kube.wait_for_pods(NAMESPACE, SELECTOR, 3)
            prometheus.wait_for_alert(NAMESPACE, "BunkerHealthCheckFailing", fires=False)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        self.assertEqual(set(restarts), {0})
        load.check_all()

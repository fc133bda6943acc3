"""The way from `helm install` to a registry that survives what happens to it, on a real cluster.

One story in steps, which run in the order of their names and build on each other.
"""

from __future__ import annotations

import json
import ssl
import time

from tests.e2e import kube
from tests.e2e.docker_daemon import Docker
from tests.e2e.kube import kubectl
from tests.e2e.lab import needs_own_cluster
from tests.e2e.prometheus import Prometheus
from tests.e2e.registry_lab import HOST, NAME, NAMESPACE, SYSTEM, RegistryLab, helm
from tests.support import parts


class RegistryTest(RegistryLab):
    def test_01_helm_install(self) -> None:
        self.install()
        kubectl("wait", "--for=condition=Established", "--timeout=30s",
                "crd/registries.bunker.dev", "crd/registryusers.bunker.dev")

    def test_02_a_registry_and_its_users_become_ready(self) -> None:
        kube.apply(self.registry(), self.user("builder", "pull", "push", "delete"),
                   self.user("reader", "pull"), self.user("leaver", "pull", "push"),
                   namespace=NAMESPACE)
        registry = self.wait_for_serving(3)
        self.assertEqual(registry["status"]["url"], f"https://{HOST}")
        for user in ("builder", "reader", "leaver"):
            self.wait_for("registryuser", user)

    def test_03_nothing_is_done_again_when_nothing_changed(self) -> None:
        before = kube.get("deployment", NAME, NAMESPACE)["metadata"]["resourceVersion"]
        kubectl("annotate", "registry", NAME, "--namespace", NAMESPACE, "tests/touched=yes")
        self.wait_for("registry", NAME)
        self.assertEqual(kube.get("deployment", NAME, NAMESPACE)["metadata"]["resourceVersion"],
                         before)

    @needs_own_cluster
    def test_04_docker_pushes_and_pulls_with_the_users_secret(self) -> None:
        target = f"{HOST}/team/hello:v1"
        with Docker(self.folder) as docker:
            docker.build(target)
            docker.refused("push", target)  # without certs.d
            self.trust("builder")
            docker.run("push", target)
            docker.run("rmi", "--force", target)
            docker.run("pull", target)
            self.assertEqual(docker.run("run", "--rm", "--network", "none", target), "hello\n")

    @needs_own_cluster
    def test_05_kubelet_runs_the_image(self) -> None:
        self.run_hello("hello")

    def test_06_rights_are_kept(self) -> None:
        api = self.api("reader")
        self.assertEqual(api.request("GET", "/v2/team/hello/tags/list").status, 200)
        self.assertEqual(api.request("POST", "/v2/team/hello/blobs/uploads/", b"").status, 403)
        api.close()
        files = self.files_of("reader", self.folder / "reader")
        nobody = ssl.create_default_context(cafile=str(files / "ca.crt"))
        self.assertFalse(self.gets_in(nobody))

    def test_07_prometheus_sees_all_of_it(self) -> None:
        with Prometheus(self.folder) as prometheus:
            prometheus.wait_for_targets(NAMESPACE, {"registryd": 3, "certsidecar": 3})
            prometheus.wait_for_targets(SYSTEM, {"operator": len(kube.items(
                "pods", SYSTEM, "app.kubernetes.io/part-of=bunker"))})
            self.assertEqual(prometheus.firing(NAMESPACE), set())

    def test_08_upgrades_fail_no_request(self) -> None:
        before = set(self.pods(3))
        with self.load("builder") as load:
            load.wait_for_rounds(3)
            kube.apply(self.registry(drainTimeout="45s", log={"level": "Debug"}),
                       namespace=NAMESPACE)
            self.wait_for_serving(3)
            self.assertFalse(before & set(self.pods(3)))
            self.install("--set", "operator.log.level=debug")
            helm("rollback", "bunker", "--namespace", SYSTEM, "--wait")
            self.wait_for_serving(3)
            load.wait_for_rounds(3)
        self.assertEqual(load.failures, [])
        load.check_all()

    def test_09_scaling_fails_no_request(self) -> None:
        with self.load("builder") as load:
            for replicas in (1, 3):
                load.wait_for_rounds(2)
                kubectl("scale", "registry", NAME, f"--replicas={replicas}", "--namespace",
                        NAMESPACE)
                self.wait_for_serving(replicas)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        load.check_all()

    def test_10_killed_pods_lose_nothing(self) -> None:
        with self.load("builder", patience=30) as load:
            for _ in range(2):
                load.wait_for_rounds(2)
                kubectl("delete", "pod", self.pods(3)[0], "--namespace", NAMESPACE, "--force",
                        "--grace-period=0")
            self.pods(3)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        load.check_all()

    def test_11_leaves_are_renewed_under_load(self) -> None:
        before = self.served("builder", "serialNumber")
        with self.load("builder") as load:
            load.wait_for_rounds(2)
            kube.wait_for("every pod serves another certificate",
                          lambda: self.served("builder", "serialNumber"),
                          lambda serials: not serials & before, 420, interval=1)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])

    def test_12_the_ca_is_rotated_under_load(self) -> None:
        secret = f"{NAME}-ca"
        before = self.served("builder", "issuer")
        with self.load("builder") as load:
            load.wait_for_rounds(2)
            ca = self.files_of(secret, self.folder / "ca")
            parts.run(str(parts.ROOT / "build/bin/certsidecar"), "ca", "prepare", "--ca", str(ca))
            self.write_secret(secret, ca)
            kube.wait_for("users are told to trust both",
                          lambda: self.files_of("builder", self.folder / "builder")
                          .joinpath("ca.crt").read_text().count("BEGIN CERTIFICATE"),
                          lambda count: count == 2)
            load.wait_for_rounds(2)
            # Hosts have had their week to fetch it.
            ca = self.files_of(secret, ca)
            state = json.loads((ca / "state.json").read_text())
            state["next"]["since"] = "2020-01-01T00:00:00Z"
            (ca / "state.json").write_text(json.dumps(state))
            self.write_secret(secret, ca)
            kube.wait_for("every pod serves what the new CA signed",
                          lambda: self.served("builder", "issuer"),
                          lambda issuers: not issuers & before, 120)
            load.wait_for_rounds(3)
        self.assertEqual(load.failures, [])

    @needs_own_cluster
    def test_13_redis_gone_and_back(self) -> None:
        with self.load("builder", patience=30) as load:
            load.wait_for_rounds(2)
            self.redis.stop()
            load.wait_for_rounds(3)
            self.wait_for_serving(3)
            self.redis.start()
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        load.check_all()

    @needs_own_cluster
    def test_14_bucket_gone_and_back(self) -> None:
        with self.load("builder", patience=120) as load:
            load.wait_for_rounds(2)
            self.gateway.stop()
            self.wait_for("registry", NAME, "Ready", "False")
            self.gateway.start()
            self.wait_for("registry", NAME)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        load.check_all()

    @needs_own_cluster
    def test_15_the_node_restarts_kubelet_and_containerd(self) -> None:
        def process(name: str) -> str:
            return parts.execute("pgrep", "--exact", "--oldest", name).stdout.strip()

        with self.load("builder", patience=60) as load:
            load.wait_for_rounds(2)
            for program in ("kubelet", "containerd"):
                before = process(program)
                parts.run("kill", before)
                kube.wait_for(f"another {program} runs", lambda program=program: process(program),
                              lambda found, before=before: found not in ("", before))
            self.run_hello("after-restart")  # by both of them
            self.wait_for_serving(3)
            load.wait_for_rounds(2)
        self.assertEqual(load.failures, [])
        load.check_all()

    def test_16_a_revoked_user_is_out_within_seconds(self) -> None:
        tls = self.tls("leaver")
        self.assertTrue(self.gets_in(tls))
        started = time.monotonic()
        kubectl("delete", "registryuser", "leaver", "--namespace", NAMESPACE, "--wait=false")
        kube.wait_for("the revoked user is refused by every replica",
                      lambda: [self.gets_in(tls) for _ in range(6)], lambda seen: not any(seen), 30)
        print(f"    refused everywhere after {time.monotonic() - started:.1f} s")
        self.assertTrue(self.gets_in(self.tls("builder")))

    def test_17_uninstall_leaves_what_runs_and_what_is_stored(self) -> None:
        helm("uninstall", "bunker", "--namespace", SYSTEM, "--wait")
        kubectl("get", "crd", "registries.bunker.dev", "registryusers.bunker.dev")
        self.assertTrue(kube.get("registryuser", "builder", NAMESPACE))
        self.pods(3)
        self.pull_everything()

    def test_18_installed_again_it_finds_everything(self) -> None:
        self.install()
        self.wait_for_serving(3)
        # Made anew as well: what the bucket holds is all that counts.
        kubectl("delete", "registry", NAME, "--namespace", NAMESPACE)
        self.pods(0)
        kube.apply(self.registry(), namespace=NAMESPACE)
        self.wait_for_serving(3)
        kube.wait_for("the user's Secret is of the new CA",
                      lambda: self.gets_in(self.tls("builder")), bool)
        self.pull_everything()
